"""The rule file: dated rules on single facts, on limits in use, and what kind of organisation lends."""

import string
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.dated import Dated, in_force, latest, read_dated, refuse_overlaps
from graph.ontology import Wording
from models.credit.rules.facts import FACT_UNITS, FactUnit

__all__ = ["LimitRule", "Rule", "RuleFamily", "RuleFile", "Severity", "When", "read_rules"]

_BESIDE: Final = Path(__file__).with_name("rules.toml")


class Severity(StrEnum):
    """What a hit does to the advice: nothing (`note`), a person looks (`manual_review`), no new business (`decline`)."""

    DECLINE = "decline"
    MANUAL_REVIEW = "manual_review"
    NOTE = "note"


class RuleFamily(StrEnum):
    """What a rule guards against."""

    HARD_STOP = "hard_stop"
    LIMIT = "limit"
    CONCENTRATION = "concentration"
    GUARANTEE = "guarantee"
    RELATED = "related"
    FINANCE = "finance"
    DATA = "data"


class When(StrEnum):
    """On which side of its limit a fact is a hit."""

    AT_LEAST = "at_least"
    ABOVE = "above"
    BELOW = "below"

    def hits(self, observed: float, limit: float) -> bool:
        """Tell whether a value is a hit; values are compared as they are, without rounding."""
        match self:
            case When.AT_LEAST:
                return observed >= limit
            case When.ABOVE:
                return observed > limit
            case When.BELOW:
                return observed < limit


class _Sourced(Dated):
    """An entry that may rest on the project's own judgement: then there is no text to hold its number against."""

    judgement: bool = False

    @property
    def cited(self) -> str:
        """Return the source as it stands beside a hit."""
        return self.source if self.judgement else super().cited


class Rule(_Sourced):
    """One fact against one limit. Texts may name `{observed}`, `{limit}` and any fact; `kinds` (empty: all) whom it binds."""

    code: str = Field(min_length=1)
    family: RuleFamily
    fact: str
    when: When
    limit: float
    severity: Severity
    if_unknown: Severity = Severity.NOTE
    kinds: frozenset[str] = frozenset()
    name: Wording
    text: Wording

    @model_validator(mode="after")
    def _names_facts_that_exist(self) -> Self:
        if FACT_UNITS.get(self.fact, FactUnit.TEXT) is FactUnit.TEXT:
            raise ValueError(f"rule {self.code}: '{self.fact}' is no fact that has a number")
        allowed = {*FACT_UNITS, "observed", "limit"}
        for text in (self.text.zh, self.text.en):
            for _, field, form, _ in string.Formatter().parse(text):
                if field is not None and (field not in allowed or form):
                    raise ValueError(f"rule {self.code}: its text names '{field}', which is no fact")
        return self


class LimitRule(_Sourced):
    """What a use of the legal limits of graph/policy.toml leads to; `near` is the part of a limit that is worth a note."""

    code: str
    breach: Severity
    near: Annotated[float, Field(gt=0, le=1)]
    near_severity: Severity
    if_unknown: Severity


class FactAge(_Sourced):
    """How old facts may be before the answer says so."""

    code: str
    days: Annotated[int, Field(ge=0)]
    severity: Severity


class OrganisationKind(Dated):
    """Which kind of organisation of graph/policy.toml a company of the group is, by its business in the table of companies."""

    business: str
    kind: str


class RuleFile(BaseModel):
    """All entries of a rule file, whatever their dates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: tuple[Rule, ...] = Field(min_length=1)
    limit_rule: tuple[LimitRule, ...]
    fact_age: tuple[FactAge, ...]
    organisation: tuple[OrganisationKind, ...] = ()

    @model_validator(mode="after")
    def _one_entry_a_day(self) -> Self:
        for table in (self.rule, self.limit_rule, self.fact_age):
            refuse_overlaps([(entry.code, entry) for entry in table])
        refuse_overlaps([(entry.business, entry) for entry in self.organisation])
        return self

    def rules_on(self, day: date) -> tuple[Rule, ...]:
        """Return the rules in force on a day, in the order of the file."""
        return in_force(self.rule, day)

    def limit_rule_on(self, day: date) -> LimitRule:
        """Return what limits lead to on a day. Raises PolicyError when nothing says so."""
        return latest(self.limit_rule, day, "limit_rule")

    def fact_age_on(self, day: date) -> FactAge:
        """Return how old facts may be on a day. Raises PolicyError when nothing says so."""
        return latest(self.fact_age, day, "fact_age")

    def organisation_kinds(self, day: date) -> Mapping[str, str]:
        """Return the kind of organisation of each business named for a day."""
        return {entry.business: entry.kind for entry in in_force(self.organisation, day)}


def read_rules(path: Path | None = None) -> RuleFile:
    """Read a rule file; without a path the one beside this module. Raises PolicyError saying what to correct."""
    return read_dated(RuleFile, _BESIDE if path is None else path)
