"""Overrides and appeals of credit decisions, and the secret behind pseudonyms of exports."""

import secrets

from alembic import op
from sqlalchemy import Column, Integer, Text, column, insert, table

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0004_review"
down_revision = "0003_access"


def upgrade() -> None:
    """Make the tables; one secret serves all exports of this database, so that pseudonyms agree between them."""
    op.create_table(
        "credit_reviews",
        Column("review_id", Text, primary_key=True),
        Column("seq", Integer, nullable=False, unique=True),
        Column("kind", Text, nullable=False),
        Column("decision_id", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("companies", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("last_day", Text, nullable=False),
        Column("open_key", Text, unique=True),
        Column("body", Text, nullable=False),
    )
    op.create_index("credit_reviews_decision", "credit_reviews", ["decision_id"])
    op.create_index("credit_reviews_subject", "credit_reviews", ["subject", "kind", "state"])
    op.create_table(
        "pseudonym_keys",
        Column("name", Text, primary_key=True),
        Column("secret", Text, nullable=False),
    )
    keys = table("pseudonym_keys", column("name"), column("secret"))
    op.get_bind().execute(insert(keys).values(name="export", secret=secrets.token_hex(32)))
