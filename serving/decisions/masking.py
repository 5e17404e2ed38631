"""Records without personal data: names and texts of people are left out, persons are called by pseudonyms."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import select

from features.contracts import CONTRACTS
from graph.ontology import PartyKind
from serving.ledger.chain import Json
from serving.ledger.database import Database
from serving.ledger.tables import pseudonym_keys

__all__ = ["MASKED", "BookParties", "Masking", "parties_of_book", "pseudonym_secret"]

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
_PARTY_FIELDS: Final = frozenset(
    {"party_id", "subject", "end_id", "src", "dst", "parties", "party_ids", "nodes", "risk_paths"}
)
"""Where ids of parties stand alone: a party that no book knows is found by these, a person of the book anywhere."""

_OF_A_PERSON: Final = frozenset({"inputs", "inputs_sha256", "facts", "features", "contributions"})
_TOLD_OF_PERSONS: Final = frozenset({"text_zh", "text_en"})
_WORDS: Final = tuple(map(re.compile, (r"[^\s,;，；。、()（）“”'\"]+", r"[A-Za-z0-9_-]+", r"[A-Za-z0-9]+")))
"""What an id may be in a text, from the longest: ids hold any sign, and are joined (`own:P1>P2`, `e_P1_3`). A number that is
a part of something longer is none: it is a day or a count."""
_NOBODY: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True)
class BookParties:
    """Ids of parties by what the facts of a book say of their kind."""

    organisations: frozenset[str] = _NOBODY
    persons: frozenset[str] = _NOBODY


class Masking:
    """Masks records; one secret gives one person the same pseudonym in every export."""

    def __init__(
        self, secret: str, is_organisation: Callable[[str], bool], *, persons: frozenset[str] = _NOBODY
    ) -> None:
        """Take `is_organisation`; a party of which that is not known counts as a person, and `persons` are known to be."""
        self._secret, self._is_organisation, self._persons = secret.encode(), is_organisation, persons

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

    def _told(self, text: str, persons: set[str], level: int = 0) -> str:
        """Return a text with pseudonyms in place of the ids of persons, wherever they stand in it."""

        def said(found: re.Match[str]) -> str:
            word = found[0]
            if (word in persons or word in self._persons) and not (level and word.isdecimal()):
                return self._pseudonym("person", word)
            if level + 1 == len(_WORDS) or self._is_organisation(word):
                return word
            return self._told(word, persons, level + 1)

        return _WORDS[level].sub(said, text)

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


def parties_of_book(book: Path) -> BookParties:
    """Return organisations and persons by the facts of a book; without a book nobody is known to be one."""
    try:
        kinds = pl.read_parquet(book, columns=["party_id", "facts"]).select(
            "party_id", pl.col("facts").struct.field("kind")
        )
    except (OSError, pl.exceptions.PolarsError):
        return BookParties()
    organised = pl.col("kind").is_in(_ORGANISATIONS).fill_null(value=False)
    return BookParties(
        frozenset(kinds.filter(organised)["party_id"]), frozenset(kinds.filter(~organised)["party_id"])
    )


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
