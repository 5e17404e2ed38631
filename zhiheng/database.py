"""The service's database for commands: opened with the settings, closed when left."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from serving.ledger.database import Database

__all__ = ["service_database"]


@contextmanager
def service_database() -> Iterator["Database"]:
    """Open the database that holds ledger and keys. Raises LedgerUnavailableError."""
    from serving.ledger.database import Database

    settings = load_settings()
    database = Database(settings.home / "ledger.db", url=settings.database_url)
    database.open()
    try:
        yield database
    finally:
        database.close()
