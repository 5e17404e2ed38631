"""Dated rules of ownership, control, connection and exposure: data of policy.toml, read as of a date."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.dated import Dated, in_force, latest, read_dated, refuse_overlaps
from graph.ontology import PartyKind, Wording

__all__ = [
    "ConnectionPolicy",
    "ControlPolicy",
    "Dependence",
    "DependencePolicy",
    "GuaranteePolicy",
    "Limit",
    "LimitBase",
    "LimitScope",
    "Measure",
    "MitigationPolicy",
    "Policy",
    "PolicyFile",
    "policy_as_of",
    "read_policy",
]

Ratio = Annotated[float, Field(ge=0, le=1)]
_BESIDE: Final = Path(__file__).with_name("policy.toml")


class Dependence(StrEnum):
    """A way in which one party depends on another economically."""

    SALES = "sales"
    PURCHASES = "purchases"
    GUARANTEE = "guarantee"
    LENDING = "lending"
    FUNDING = "funding"


class LimitScope(StrEnum):
    """Whose exposure a limit caps."""

    PARTY = "party"
    GROUP = "group"
    RELATED_PARTY = "related_party"
    ALL_RELATED = "all_related"


class Measure(StrEnum):
    """Which figure of the exposure a limit caps."""

    DIRECT = "direct"
    GROSS = "gross"
    NET = "net"


class LimitBase(StrEnum):
    """What a limit is a part of: a column of the table of organisations; `cny` is an amount in itself."""

    TIER_1 = "tier_1"
    NET_CAPITAL = "net_capital"
    NET_CAPITAL_LAST_QUARTER = "net_capital_last_quarter"
    NET_ASSETS = "net_assets"
    NET_ASSETS_LAST_YEAR = "net_assets_last_year"
    RISK_ASSETS = "risk_assets"
    CNY = "cny"


class ControlPolicy(Dated):
    """When votes are control; ratios of all votes, `comparable` of the largest holder's votes."""

    name: str
    majority: Annotated[float, Field(ge=0.5, lt=1)]
    relative: Ratio
    comparable: Annotated[float, Field(gt=0, le=1)]
    known_above: Ratio
    sum_tolerance: Annotated[float, Field(ge=1, le=1.05)]
    beneficial_owner: Ratio
    ultimate_kinds: frozenset[PartyKind]

    @model_validator(mode="after")
    def _relative_below_majority(self) -> Self:
        if self.relative > self.majority:
            raise ValueError(f"control {self.name}: relative must not be above majority")
        return self


class ConnectionPolicy(Dated):
    """How clients become one group; `investigate_above` is a part of tier-1 capital."""

    name: str
    family: bool
    exempt_kinds: frozenset[PartyKind]
    dependence_steps: Annotated[int, Field(ge=0, le=10)]
    investigate_above: Ratio


class DependencePolicy(Dated):
    """From which ratio on one party depends on another."""

    rule: Dependence
    threshold: Annotated[float, Field(gt=0)]


class MitigationPolicy(Dated):
    """What counts of contingent amounts and of collateral and guarantees; kinds are the tables' own words."""

    name: str
    conversion: Mapping[str, Ratio]
    recognised: Mapping[str, Ratio]
    guarantor_kinds: frozenset[str]


class GuaranteePolicy(Dated):
    """How much may be guaranteed: `group` of consolidated net assets, `single` of a company's own."""

    name: str
    group: Annotated[float, Field(gt=0)]
    single: Annotated[float, Field(gt=0)]


class Limit(Dated):
    """A cap on exposure for certain kinds of organisation: `value` × base, or CNY where the base is `cny`."""

    code: str
    name: Wording
    org_kinds: frozenset[str] = Field(min_length=1)
    scope: LimitScope
    measure: Measure
    value: Annotated[float, Field(gt=0)]
    base: LimitBase


class PolicyFile(BaseModel):
    """All entries of a policy file, whatever their dates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    control: tuple[ControlPolicy, ...] = ()
    connection: tuple[ConnectionPolicy, ...] = ()
    dependence: tuple[DependencePolicy, ...] = ()
    mitigation: tuple[MitigationPolicy, ...] = ()
    guarantee: tuple[GuaranteePolicy, ...] = ()
    limit: tuple[Limit, ...] = ()

    @model_validator(mode="after")
    def _one_entry_a_day(self) -> Self:
        refuse_overlaps([(entry.code, entry) for entry in self.limit])
        refuse_overlaps([(str(entry.rule), entry) for entry in self.dependence])
        return self


@dataclass(frozen=True)
class Policy:
    """The rules in force on a day."""

    as_of: date
    control: ControlPolicy
    connection: ConnectionPolicy
    dependence: tuple[DependencePolicy, ...]
    mitigation: MitigationPolicy | None
    limits: tuple[Limit, ...]
    guarantee: GuaranteePolicy | None = None

    def limits_of(self, org_kind: str) -> tuple[Limit, ...]:
        """Return the limits that bind a kind of organisation, in the order of the file."""
        return tuple(limit for limit in self.limits if org_kind in limit.org_kinds)


def read_policy(path: Path | None = None) -> PolicyFile:
    """Read a policy file; without a path the one beside this module. Raises PolicyError saying what to correct."""
    file = _BESIDE if path is None else path
    return read_dated(PolicyFile, file)


def policy_as_of(day: date, path: Path | None = None) -> Policy:
    """Return the rules in force on a day.

    Raises PolicyError when the file cannot be used or has no rule of control or connection for the day. Limits and
    rules of dependence of other days are left out; a day without a rule of mitigation or of guarantees has none.
    """
    file = read_policy(path)
    return Policy(
        as_of=day,
        control=latest(file.control, day, "control"),
        connection=latest(file.connection, day, "connection"),
        dependence=in_force(file.dependence, day),
        mitigation=latest(file.mitigation, day, "mitigation") if in_force(file.mitigation, day) else None,
        limits=in_force(file.limit, day),
        guarantee=latest(file.guarantee, day, "guarantee") if in_force(file.guarantee, day) else None,
    )
