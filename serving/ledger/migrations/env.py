"""Run by Alembic alone: migrate over the connection, and inside the transaction, of who called it."""

from alembic import context

from serving.ledger.tables import METADATA

__all__: list[str] = []

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
