"""What an answer about a party is computed from: looked up once, written into its record, enough to compute it again."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.credit.standing import Standing
from graph.business import PUBLIC_KINDS
from models.credit.coverage import LendingStage, Line
from models.credit.rules.facts import RuleFacts
from serving.credit.errors import BasisError
from serving.credit.score.routing import Pooled
from serving.credit.score.schemas import CarrierEdge, PartyOverride
from serving.ledger.chain import Json
from serving.moments import local_day

__all__ = ["Basis", "Bounds", "CarrierPath", "Sources", "basis_of", "inputs_sha256", "recorded_zone"]

Floats = NDArray[np.float64]


class _StoredEdge(CarrierEdge):
    """An edge as book and records hold it: a book also says its `edge_id`, which no answer needs."""

    model_config = ConfigDict(extra="ignore")


class CarrierPath(BaseModel):
    """The worst path along a route of relations, as the book holds it.

    `business` has for each step the companies of the group whose business it is, `end_companies` are those that know the end
    by business of their own; both None in records and books of before they were told.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    channel: str
    end_id: str
    parties: tuple[str, ...]
    path: tuple[_StoredEdge, ...]
    text_zh: str
    text_en: str
    business: tuple[tuple[str, ...], ...] | None = None
    end_companies: tuple[str, ...] | None = None

    def told_apart(self) -> Self:
        """Return the path; where it does not say whose business it is, as that of a company nobody has a key for."""
        if self.business is not None and self.end_companies is not None:
            return self
        business = tuple(() if edge.kind in PUBLIC_KINDS else (_UNTOLD,) for edge in self.path)
        return self.model_copy(update={"business": business, "end_companies": ()})

    def plain(self) -> Mapping[str, Json]:
        """Return the path as JSON values, in those fields that it has."""
        return self.model_dump(mode="json", exclude=set() if self.business is not None else _LATER)

    def steps_for(self, companies: Collection[str]) -> int:
        """Return how many steps, from the party on, a key for some companies may see.

        They end where a step is another company's business; the last one is left out where none of the key's companies has
        business with the end, as how that stands is then known from others alone.
        """
        held = set(companies)
        for place, whose in enumerate(self.business or ()):
            if not held.issuperset(whose):
                return place
        unknown = self.end_companies is not None and held.isdisjoint(self.end_companies)
        return len(self.path) - 1 if unknown else len(self.path)


_LATER: Final = {"business", "end_companies"}  # fields that older records have not
_UNTOLD: Final = "?"


@dataclass(frozen=True)
class Sources:
    """Which versions an answer is of: the model and its explainer, the policies, the files of features and book, the graph.

    Hashes are SHA-256; those of features and book are of the files' bytes, that of the policies of their content. What was
    not used is None.
    """

    model_version: str
    explainer: str
    policy_sha256: str
    features_sha256: str | None
    book_sha256: str | None
    data_as_of: date | None
    graph_as_of: date | None
    level: str = "champion"
    """Who answers, as `serving.champions.families.Level`: the champion or what stands in for it."""
    trained_as_of: date | None = None
    graph_sha256: str | None = None
    """Of the graph's statements, as the features' file names them; records and features of before have none."""


@dataclass(frozen=True)
class Bounds:
    """Settings that decide part of an answer: from how many known features on, and until what age of the data, it is full.

    `stale_policy` says whether older features or an older graph are flagged or refused; an older model is flagged. None
    sets no limit. `zone` is the time zone in which a day begins: by it policies and ages count. None, in records of before
    it was told, is that of the process.
    """

    least_known_share: float
    stale_after_days: int
    stale_graph_days: int | None = None
    stale_model_days: int | None = None
    stale_policy: str = "flag"
    zone: str | None = None


@dataclass(frozen=True, eq=False)
class Basis:
    """Everything an answer is a function of, beside the model and the policies that `sources` names.

    `values` (k,) are the inputs in the order of `features`, missing is NaN; `paths` are the party's carrier paths, empty
    where the book holds none of this model. `party_id` is None for a payload of features. `override` is what people decided
    about the party and the caller may see; nothing is computed from it.
    """

    party_id: str | None
    line: Line | None
    stage: LendingStage | None
    features: tuple[str, ...]
    values: Floats
    standing: Standing
    facts: RuleFacts | None
    lines: tuple[str, ...] | None
    pooled: Pooled | None
    neighbours_scored: bool
    paths: Sequence[CarrierPath]
    sources: Sources
    bounds: Bounds
    decided_at: datetime
    override: PartyOverride | None = None

    @cached_property
    def known(self) -> int:
        """Return how many inputs have a value."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    @cached_property
    def day(self) -> date:
        """Return the local day of the decision, which says what policies were in force. Raises BasisError."""
        return local_day(self.decided_at, recorded_zone(self.bounds.zone))

    @property
    def known_share(self) -> float:
        """Return the share of the inputs that have a value."""
        return self.known / len(self.values)

    def vector(self, features: Sequence[str]) -> Floats:
        """Return the inputs in a model's order, shape (k,). Raises BasisError when they are not that model's."""
        if tuple(features) == self.features:
            return self.values
        places = {name: place for place, name in enumerate(self.features)}
        if set(features) != set(places):
            raise BasisError(
                "inputs",
                f"与模型 {self.sources.model_version} 的特征不一致",
                f"are not the features of model {self.sources.model_version}",
            )
        return self.values[[places[name] for name in features]]

    def plain(self, *, inputs: Json = None, facts: Json = None) -> Mapping[str, Json]:
        """Return the basis as JSON values; `basis_of` reads them back without the loss of a bit.

        `inputs` (by name) and `facts` are given where the caller has written them already.
        """
        sources, pooled = self.sources, self.pooled
        if facts is None and self.facts is not None:
            facts = self.facts.model_dump(mode="json")
        return {
            "party_id": self.party_id,
            "line": self.line,
            "stage": self.stage,
            "inputs": inputs or dict(zip(self.features, _plain(self.values), strict=True)),
            "inputs_sha256": inputs_sha256(self.features, self.values),
            "standing": self.standing,
            "facts": facts,
            "lines": None if self.lines is None else list(self.lines),
            "pooled": None if pooled is None else dict(vars(pooled)),
            "neighbours_scored": self.neighbours_scored,
            "paths": [path.plain() for path in self.paths],
            "sources": {
                **vars(sources),
                "data_as_of": _day(sources.data_as_of),
                "graph_as_of": _day(sources.graph_as_of),
                "trained_as_of": _day(sources.trained_as_of),
            },
            "bounds": dict(vars(self.bounds)),
            "decided_at": self.decided_at.isoformat(),
            "override": None if self.override is None else self.override.model_dump(mode="json"),
        }


class _Stored(BaseModel):
    """The basis as it stands in a record."""

    model_config = ConfigDict(extra="forbid")

    party_id: str | None
    line: Line | None
    stage: LendingStage | None
    inputs: dict[str, float | None]
    inputs_sha256: str
    standing: Standing
    facts: RuleFacts | None
    lines: tuple[str, ...] | None
    pooled: Pooled | None
    neighbours_scored: bool
    paths: tuple[CarrierPath, ...]
    sources: Sources
    bounds: Bounds
    decided_at: datetime = Field(description="with its offset")
    override: PartyOverride | None = None  # records of before have none


_AS_THEY_ARE: Final = (
    *("party_id", "line", "stage", "standing", "facts", "lines", "pooled", "neighbours_scored", "paths"),
    *("sources", "bounds", "decided_at", "override"),
)


def basis_of(plain: Mapping[str, Json]) -> Basis:
    """Read a basis back from a record. Raises BasisError naming the field that is missing, strange or changed."""
    try:
        stored = _Stored.model_validate(plain, strict=False)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise BasisError(field, f"有误（{first['type']}）", f"is wrong ({first['type']})") from error
    recorded_zone(stored.bounds.zone)
    features = tuple(stored.inputs)
    values = np.array(
        [np.nan if value is None else value for value in stored.inputs.values()], dtype=np.float64
    )
    if inputs_sha256(features, values) != stored.inputs_sha256:
        raise BasisError("inputs_sha256", "与 inputs 不符", "does not fit the inputs")
    return Basis(features=features, values=values, **{name: getattr(stored, name) for name in _AS_THEY_ARE})


def recorded_zone(name: str | None) -> ZoneInfo | None:
    """Return the time zone that a record names, None where it names none. Raises BasisError where it is not known here."""
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BasisError(
            "bounds.zone", f"本机没有时区 {name} 的数据", f"is {name}, of which this machine knows nothing"
        ) from error


def inputs_sha256(features: Sequence[str], values: Floats) -> str:
    """Hash inputs by name: the names in their order, each with a line feed, a zero byte, the values as little-endian float64.

    A missing value is the quiet NaN 0x7ff8000000000000. The hash does not depend on the order a model has its features in.
    """
    hashed, order = _named(tuple(features))
    ordered = values[order].astype("<f8")
    ordered[np.isnan(ordered)] = np.nan
    whole = hashed.copy()
    whole.update(ordered.tobytes())
    return whole.hexdigest()


@lru_cache(maxsize=16)
def _named(features: tuple[str, ...]) -> tuple["hashlib._Hash", NDArray[np.int64]]:
    order = sorted(range(len(features)), key=features.__getitem__)
    text = "".join(f"{features[place]}\n" for place in order)
    return hashlib.sha256(text.encode() + b"\0"), np.array(order, dtype=np.int64)


def _plain(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
