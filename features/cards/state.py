"""What was learnt from the training tables and must be the same when scoring: columns, vocabularies, features."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl
from pydantic import BaseModel, ConfigDict

__all__ = [
    "EdgeState",
    "EventState",
    "Family",
    "GroupState",
    "HistoryState",
    "Notice",
    "OwnColumn",
    "OwnKind",
    "Pair",
    "PairKind",
    "RelationalState",
    "Values",
    "plain_names",
]


class OwnKind(StrEnum):
    """How a column of the main table becomes a feature."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"


class Family(StrEnum):
    """Where a feature comes from; `own` alone is what a model without relations may see."""

    OWN = "own"
    HISTORY = "history"
    EVENTS = "events"
    EDGES = "edges"
    GROUPS = "groups"
    LABELS = "labels"


class _State(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnColumn(_State):
    """A column of the main table that is a feature; `counts` and `rows` say how often training saw its values."""

    name: str
    kind: OwnKind
    categories: tuple[str, ...] = ()
    rare: tuple[str, ...] = ()
    counts: dict[str, int] = {}
    rows: int = 0
    time_format: str | None = None
    percent: bool = False


class EventState(_State):
    """Columns and vocabularies of one event table."""

    categories: dict[str, tuple[str, ...]]
    numeric: tuple[str, ...]
    crosses: tuple[tuple[str, str], ...] = ()


class EdgeState(_State):
    """Relation kinds of one edge table, and which of them carry weights that differ."""

    kinds: tuple[str, ...]
    weighted: tuple[str, ...]


class GroupState(_State):
    """Group kinds of one membership table; `local` kinds count members, the others take their share of all."""

    kinds: tuple[str, ...]
    local: tuple[str, ...]
    vocabularies: dict[str, tuple[str, ...]]


class HistoryState(_State):
    """Numbers that are also read from a party's earlier rows, and the share of training rows that have one."""

    columns: tuple[str, ...]
    share: float


class PairKind(StrEnum):
    """How two features are set against each other."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


class Pair(_State):
    """Two features of which the first is divided by the second, or less the second."""

    kind: PairKind
    first: str
    second: str

    @property
    def name(self) -> str:
        """Return the name of the feature."""
        return f"{self.first}{'/' if self.kind is PairKind.RATIO else '-'}{self.second}"


class RelationalState(_State):
    """Everything needed to derive the same features from other tables of the same shape.

    `shares` leads from a category's code to the same column as a share of the training rows; a model uses either.
    """

    own: tuple[OwnColumn, ...]
    history: HistoryState | None = None
    events: dict[str, EventState] = {}
    edges: dict[str, EdgeState] = {}
    groups: dict[str, GroupState] = {}
    carried: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    families: dict[str, Family] = {}
    categorical: tuple[str, ...] = ()
    shares: dict[str, str] = {}
    pairs: tuple[Pair, ...] = ()
    timed: bool = False
    dated: dict[str, bool] = {}
    formats: dict[str, str] = {}

    def of(self, families: Sequence[Family]) -> tuple[str, ...]:
        """Return the features of the families, in the model's order; categories as codes, not as shares."""
        shares = set(self.shares.values())
        return tuple(f for f in self.features if self.families[f] in families and f not in shares)

    def as_shares(self, features: Sequence[str]) -> tuple[str, ...]:
        """Return the features with the codes of categories of many values changed for their shares."""
        return tuple(self.shares.get(f, f) for f in features)

    def date_formats(self) -> dict[str, str]:
        """Return by role the formats that dates are read in when scoring: of the tables, and of the own columns used."""
        own = {f"main.{c.name}": c.time_format for c in self.own if c.time_format}
        tables = {r: f for r, f in self.formats.items() if r.endswith((".__time", ".__until"))}
        return {**tables, **own}


@dataclass(frozen=True)
class Notice:
    """Something the user should know of the tables; it does not stop the work."""

    table: str
    column: str
    zh: str
    en: str


@dataclass(frozen=True)
class Values:
    """Features of one family: a frame with `__row` and one Float64 column a feature."""

    frame: pl.DataFrame
    notices: tuple[Notice, ...] = ()
    categorical: tuple[str, ...] = ()


def plain_names(names: Sequence[str]) -> list[str]:
    """Return feature names a booster can write: no blanks, none of the marks of JSON; no two are the same."""
    out: list[str] = []
    for name in names:
        plain = re.sub(r"[\s\[\]{}\",:\\]+", "_", name)
        number = 2
        while plain in out:
            plain, number = f"{plain}_{number}", number + 1
        out.append(plain)
    return out
