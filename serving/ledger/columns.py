"""What decisions are listed by: read out of the record, never given beside it, so that it can be checked against it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from serving.ledger.json_text import Json, canonical_json

__all__ = ["ListedBy", "listed_by", "scope_text"]


class ListedBy(NamedTuple):
    """The columns of a decision that repeat what its record says."""

    route: str
    subject: str
    key_id: str
    companies: str


def listed_by(record: Mapping[str, Json]) -> ListedBy:
    """Return the columns of a record; what it does not say is empty."""
    companies = record.get("companies")
    named = [str(one) for one in companies] if isinstance(companies, list | tuple) else []
    return ListedBy(
        _text(record, "route"), _text(record, "subject"), _text(record, "key_id"), _scope(tuple(named))
    )


def scope_text(companies: list[str]) -> str:
    """Write a set of companies in one form."""
    return canonical_json(sorted(set(companies)))


@lru_cache(maxsize=1024)
def _scope(companies: tuple[str, ...]) -> str:
    return scope_text(list(companies))


def _text(record: Mapping[str, Json], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
