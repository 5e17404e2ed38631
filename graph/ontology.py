"""What kinds of nodes and relations there are: data of ontology.toml, read by stores, measures, portraits and texts."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "NODES",
    "PARTY_RELATIONS",
    "RELATIONS",
    "Direction",
    "NodeKind",
    "Ontology",
    "PartyKind",
    "RelationKind",
    "Transmission",
    "Wording",
    "read_ontology",
]


class PartyKind(StrEnum):
    """What a party is."""

    COMPANY = "company"
    PERSON = "person"
    GOVERNMENT = "government"
    FUND = "fund"


class Direction(StrEnum):
    """How a party stands to an edge: `out` where it is the source, `in` where it is the target."""

    OUT = "out"
    IN = "in"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wording(_Data):
    """One text in both languages."""

    zh: str
    en: str

    def text(self, language: str) -> str:
        """Return the text in the language asked for ("zh…" is Chinese, anything else English)."""
        return self.zh if language.lower().startswith("zh") else self.en


class NodeKind(_Data):
    """A kind of node; `party` tells whether it can owe, own and default."""

    name: str
    label: Wording
    party: bool = False


class Transmission(_Data):
    """How far trouble at one end of an edge reaches the other: `out` from source to target, `in_` back (0 to 1)."""

    out: float = Field(ge=0, le=1)
    in_: float = Field(ge=0, le=1, alias="in")

    def towards(self, direction: Direction) -> float:
        """Return the factor for trouble that leaves a party along its edges in a direction."""
        return self.out if direction is Direction.OUT else self.in_


class RelationKind(_Data):
    """A kind of relation, read from source to target.

    `neighbour_out` names the nodes at the target end ("the parties it guarantees"), `neighbour_in` those at the
    source end; `weight` is the column of the edge table that is summed over parallel edges, None where an edge
    only counts, `weight_unit` its unit, None for a ratio; `measures` are further numeric columns summed likewise and
    `properties` all columns of its own; `symmetric` says that the direction carries no meaning.
    """

    name: str
    label: Wording
    inverse: str
    inverse_label: Wording
    neighbour_out: Wording
    neighbour_in: Wording
    weight: str | None = None
    weight_unit: Wording | None = None
    measures: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    source: tuple[str, ...]
    target: tuple[str, ...]
    symmetric: bool = False
    transmission: Transmission

    def neighbour(self, direction: Direction) -> Wording:
        """Return what the neighbours in a direction are called."""
        return self.neighbour_out if direction is Direction.OUT else self.neighbour_in


class Ontology(_Data):
    """All kinds of nodes and relations; refuses names given twice, and ends of a kind that is not there."""

    node: tuple[NodeKind, ...]
    relation: tuple[RelationKind, ...]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for names in ([kind.name for kind in self.node], [kind.name for kind in self.relation]):
            repeated = {name for name in names if names.count(name) > 1}
            if repeated:
                raise ValueError(f"given more than once: {', '.join(sorted(repeated))}")
        known = {kind.name for kind in self.node}
        for kind in self.relation:
            strange = {*kind.source, *kind.target} - known
            if strange:
                raise ValueError(f"relation {kind.name}: no such kind of node: {', '.join(sorted(strange))}")
            undeclared = {*kind.measures, *([kind.weight] if kind.weight else [])} - {*kind.properties}
            if undeclared:
                raise ValueError(f"relation {kind.name}: not among its properties: {', '.join(undeclared)}")
            if kind.symmetric and (kind.inverse != kind.name or kind.source != kind.target):
                raise ValueError(f"relation {kind.name}: symmetric, so it is its own inverse with equal ends")
        return self


def read_ontology(path: Path) -> Ontology:
    """Read an ontology; raises pydantic.ValidationError naming the entry that is wrong."""
    return Ontology.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


_ONTOLOGY: Final = read_ontology(Path(__file__).with_name("ontology.toml"))

NODES: Final[Mapping[str, NodeKind]] = MappingProxyType({kind.name: kind for kind in _ONTOLOGY.node})
RELATIONS: Final[Mapping[str, RelationKind]] = MappingProxyType(
    {kind.name: kind for kind in _ONTOLOGY.relation}
)
_PARTIES: Final = frozenset(PartyKind)
PARTY_RELATIONS: Final[Mapping[str, RelationKind]] = MappingProxyType(
    {name: kind for name, kind in RELATIONS.items() if _PARTIES.issuperset([*kind.source, *kind.target])}
)
"""The relations both of whose ends are parties."""
