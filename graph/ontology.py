"""What kinds of parties and relations there are: data, read by stores, measures, portraits and texts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["RELATIONS", "Direction", "PartyKind", "RelationKind", "Wording"]


class PartyKind(StrEnum):
    """What a party is."""

    COMPANY = "company"
    PERSON = "person"


class Direction(StrEnum):
    """How a party stands to an edge: `out` where it is the source, `in` where it is the target."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True)
class Wording:
    """One text in both languages."""

    zh: str
    en: str

    def text(self, language: str) -> str:
        """Return the text in the language asked for ("zh…" is Chinese, anything else English)."""
        return self.zh if language.lower().startswith("zh") else self.en


@dataclass(frozen=True)
class RelationKind:
    """A kind of relation, read from source to target.

    `neighbour_out` names the parties at the target end ("the parties it guarantees"), `neighbour_in` those at the
    source end; `weight` is the column of the edge table that is summed over parallel edges, None where an edge
    only counts; `symmetric` says that the direction carries no meaning.
    """

    name: str
    label: Wording
    inverse: str
    inverse_label: Wording
    neighbour_out: Wording
    neighbour_in: Wording
    weight: str | None
    weight_unit: str | None
    source_kinds: frozenset[PartyKind]
    target_kinds: frozenset[PartyKind]
    symmetric: bool = False

    def neighbour(self, direction: Direction) -> Wording:
        """Return what the neighbours in a direction are called."""
        return self.neighbour_out if direction is Direction.OUT else self.neighbour_in


_ANY: Final = frozenset(PartyKind)
_COMPANY: Final = frozenset({PartyKind.COMPANY})
_PERSON: Final = frozenset({PartyKind.PERSON})

_KINDS: Final = (
    RelationKind(
        name="owns",
        label=Wording("持股", "owns"),
        inverse="owned_by",
        inverse_label=Wording("被持股", "is owned by"),
        neighbour_out=Wording("被投资企业", "companies it owns"),
        neighbour_in=Wording("股东", "shareholders"),
        weight="share",
        weight_unit="ratio",
        source_kinds=_ANY,
        target_kinds=_COMPANY,
    ),
    RelationKind(
        name="guarantees",
        label=Wording("担保", "guarantees"),
        inverse="guaranteed_by",
        inverse_label=Wording("被担保", "is guaranteed by"),
        neighbour_out=Wording("被担保方", "parties it guarantees"),
        neighbour_in=Wording("担保方", "guarantors"),
        weight="amount",
        weight_unit="CNY",
        source_kinds=_ANY,
        target_kinds=_ANY,
    ),
    RelationKind(
        name="supplies",
        label=Wording("供货", "supplies"),
        inverse="supplied_by",
        inverse_label=Wording("采购", "buys from"),
        neighbour_out=Wording("客户", "customers"),
        neighbour_in=Wording("供应商", "suppliers"),
        weight="amount",
        weight_unit="CNY per year",
        source_kinds=_ANY,
        target_kinds=_ANY,
    ),
    RelationKind(
        name="holds_position",
        label=Wording("任职", "holds a position in"),
        inverse="position_held_by",
        inverse_label=Wording("任用", "has as an officer"),
        neighbour_out=Wording("任职企业", "companies it holds a position in"),
        neighbour_in=Wording("法定代表人与董监高", "officers"),
        weight=None,
        weight_unit=None,
        source_kinds=_PERSON,
        target_kinds=_COMPANY,
    ),
    RelationKind(
        name="family_of",
        label=Wording("亲属", "is family of"),
        inverse="family_of",
        inverse_label=Wording("亲属", "is family of"),
        neighbour_out=Wording("亲属", "family"),
        neighbour_in=Wording("亲属", "family"),
        weight=None,
        weight_unit=None,
        source_kinds=_PERSON,
        target_kinds=_PERSON,
        symmetric=True,
    ),
)

RELATIONS: Final[Mapping[str, RelationKind]] = MappingProxyType({kind.name: kind for kind in _KINDS})
