"""Who did what: two persons are two names and two keys."""

import unicodedata

from sqlalchemy import select

from serving.ledger.database import Database
from serving.ledger.tables import api_keys
from serving.schemas import StrictModel

__all__ = ["Person", "key_holder", "same_name"]


class Person(StrictModel):
    """办理人。 / A person who acted, and with which key."""

    name: str
    key_id: str

    def is_same(self, other: "Person") -> bool:
        """Tell whether two acts may be one person's: by name, however it is written, or by key."""
        return self.key_id == other.key_id or same_name(self.name, other.name)


def key_holder(database: Database, key_id: str) -> Person:
    """Return who holds a key; of a key of the single sign-on no name is kept, so the key alone tells."""
    with database.reading() as connection:
        name = connection.execute(select(api_keys.c.name).where(api_keys.c.key_id == key_id)).scalar()
    return Person(name=name if name is not None else key_id, key_id=key_id)


def same_name(one: str, other: str) -> bool:
    """Compare names without regard to case, width and spaces."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()
