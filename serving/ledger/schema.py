"""Bring a database to the newest tables; Alembic is imported only where there is something to do."""

from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect

from serving.ledger.errors import LedgerUnavailableError

__all__ = ["is_current", "newest_revision", "upgrade"]

_FOLDER: Final = Path(__file__).parent / "migrations"
_VERSIONS: Final = "alembic_version"


@cache
def _revisions() -> tuple[str, ...]:
    return tuple(sorted(path.stem[1:] for path in (_FOLDER / "versions").glob("v*.py")))


def newest_revision() -> str:
    """Return the revision that this code works with: the last file by name."""
    return _revisions()[-1]


def is_current(connection: Connection) -> bool:
    """Tell whether nothing has to be done. Raises LedgerUnavailableError where the database is ahead of this code."""
    stored = _stored(connection)
    if stored is not None and stored not in _revisions():
        raise LedgerUnavailableError(f"its tables are those of a newer release ({stored})")
    return stored == newest_revision()


def upgrade(connection: Connection) -> None:
    """Run the missing steps inside the caller's write transaction: all of them or none.

    A database from before the first migration has no revision; the first step takes its tables as they are.
    """
    if is_current(connection):  # another process was faster
        return
    from alembic import command  # noqa: PLC0415 - 20 MB that a database of today does not need
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    command.upgrade(config, "head")


def _stored(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSIONS):
        return None
    row = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSIONS}").first()  # noqa: S608 - our own name
    return None if row is None else str(row[0])
