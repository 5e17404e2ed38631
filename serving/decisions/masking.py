"""Records without personal data: names and texts of people are left out, persons are called by pseudonyms."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import select

from features.contracts import CONTRACTS
from graph.ontology import PartyKind
from serving.ledger.chain import Json
from serving.ledger.database import Database
from serving.ledger.tables import pseudonym_keys

__all__ = ["MASKED", "Masking", "organisations_of_book", "pseudonym_secret"]

MASKED: Final = "[masked]"
_PERSONAL_COLUMNS: Final = frozenset(
    column.name for contract in CONTRACTS.values() for column in contract.columns if column.personal
)
_STAFF: Final = frozenset(
    {
        "name",
        "assignee",
        "made_by",
        "withdrawn_by",
        "asked_by",
        "approved_by",
        "opened_by",
        "closed_by",
        "os_user",
    }
)
_FREE_TEXT: Final = frozenset(
    {"reason", "ground", "withdrawn_reason", "closing_reason", "combination_reason", "note"}
)
_PARTY_FIELDS: Final = frozenset({"party_id", "subject", "end_id", "src", "dst", "parties", "party_ids"})
_OF_A_PERSON: Final = frozenset({"inputs", "inputs_sha256", "facts", "features", "contributions"})
_TOLD_OF_PERSONS: Final = frozenset({"text_zh", "text_en"})


class Masking:
    """Masks records; one secret gives one person the same pseudonym in every export."""

    def __init__(self, secret: str, is_organisation: Callable[[str], bool]) -> None:
        """Take `is_organisation`; a party of which that is not known counts as a person."""
        self._secret, self._is_organisation = secret.encode(), is_organisation

    def party(self, party_id: str) -> str:
        """Return an organisation's id as it is, a pseudonym for a person."""
        if not party_id or self._is_organisation(party_id):
            return party_id
        return self._pseudonym("person", party_id)

    def record(self, record: Mapping[str, Json]) -> Mapping[str, Json]:
        """Return a record without personal data; the shape stays, so that what is left out shows."""
        known = set(_party_ids(record)) - {""}
        persons = {one for one in known if not self._is_organisation(one)}
        about = record.get("subject")
        return {name: self._value(name, value, persons, about in persons) for name, value in record.items()}

    def _value(self, name: str, value: Json, persons: set[str], about_person: bool) -> Json:  # noqa: FBT001
        if value is not None and _hidden(name, persons, about_person=about_person):
            return MASKED
        if name in _STAFF and isinstance(value, str):
            return self._pseudonym("staff", value)
        if isinstance(value, Mapping):
            return {
                self._told(key, persons): self._value(key, part, persons, about_person)
                for key, part in value.items()
            }
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self._value(name, part, persons, about_person) for part in value]
        return self._told(value, persons) if isinstance(value, str) else value

    def _told(self, text: str, persons: set[str]) -> str:
        """Return a text with pseudonyms in place of the ids of persons, wherever they stand in it."""
        for one in persons:
            if one in text:
                text = re.sub(rf"(?<![A-Za-z0-9_-]){re.escape(one)}(?![A-Za-z0-9_-])", self.party(one), text)
        return text

    def _pseudonym(self, kind: str, value: str) -> str:
        digest = hmac.new(self._secret, f"{kind}\n{value}".encode(), hashlib.sha256).hexdigest()
        return f"{kind}-{digest[:20]}"


def _hidden(name: str, persons: set[str], *, about_person: bool) -> bool:
    """Tell whether a field is left out: free text, a person's data, texts that may name persons."""
    return (
        name in _FREE_TEXT
        or name in _PERSONAL_COLUMNS - _STAFF
        or (about_person and name in _OF_A_PERSON)
        or (bool(persons) and name in _TOLD_OF_PERSONS)
    )


def pseudonym_secret(database: Database) -> str:
    """Return the secret behind the pseudonyms of exports, which the migration made."""
    with database.reading() as connection:
        wanted = select(pseudonym_keys.c.secret).where(pseudonym_keys.c.name == "export")
        return str(connection.execute(wanted).scalar_one())


def organisations_of_book(book: Path) -> Callable[[str], bool]:
    """Return what tells organisations by the facts of a book; without a book nobody is known to be one."""
    try:
        kinds = pl.read_parquet(book, columns=["party_id", "facts"]).select(
            "party_id", pl.col("facts").struct.field("kind")
        )
    except (OSError, pl.exceptions.PolarsError):
        return lambda _: False
    return frozenset(party for party, kind in kinds.iter_rows() if kind in _ORGANISATIONS).__contains__


_ORGANISATIONS: Final = frozenset(kind.value for kind in PartyKind if kind is not PartyKind.PERSON)


def _party_ids(value: Json, name: str = "") -> Iterator[str]:
    """List the ids of parties anywhere in a record."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _party_ids(part, key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _party_ids(part, name)
    elif isinstance(value, str) and name in _PARTY_FIELDS:
        yield value
