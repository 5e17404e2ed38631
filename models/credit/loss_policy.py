"""Assumptions of expected loss as dated data: stages, LGD, conversion factors, scenarios (`loss_policy.toml`)."""

import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.dated import Dated, latest, read_dated
from graph.ontology import Wording

__all__ = ["Collateral", "Conversion", "LossFile", "LossPolicy", "Scenario", "loss_policy_as_of"]

Share = Annotated[float, Field(ge=0, le=1)]
_BESIDE: Final = Path(__file__).with_name("loss_policy.toml")


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Collateral(_Values):
    """What collateral of a kind is worth: part taken off its value, LGD of the part it covers."""

    haircut: Share
    lgd: Share


class Conversion(_Values):
    """Part of undrawn and contingent amounts that counts as exposure at default."""

    undrawn: Share
    contingent: Share


class Scenario(_Values):
    """A view of the future: odds of default and LGD are multiplied."""

    name: Wording
    weight: Share
    odds_factor: Annotated[float, Field(gt=0)]
    lgd_factor: Annotated[float, Field(gt=0)]


class LossPolicy(Dated):
    """The assumptions of a day; PDs and LGDs are decimals, see the comments in the file for each."""

    name: str
    default_days: Annotated[int, Field(ge=1)]
    overdue_days: Annotated[int, Field(ge=0)]
    pd_multiple: Annotated[float, Field(gt=1)]
    pd_increase: Share
    notches: Annotated[int, Field(ge=1)]
    low_risk_pd: Share
    pd_floor: Annotated[float, Field(gt=0, lt=1)]
    lgd_floor: Share
    months_past_maturity: Annotated[int, Field(ge=1, le=360)]
    fair_value_lines: frozenset[str]
    watch_rules: frozenset[str] = frozenset()
    lgd_unsecured: Mapping[str, Share]
    conversion: Conversion
    collateral: Mapping[str, Collateral]
    scenario: tuple[Scenario, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if not math.isclose(math.fsum(entry.weight for entry in self.scenario), 1.0, abs_tol=1e-9):
            raise ValueError(f"loss {self.name}: the weights of the scenarios must sum to 1")
        if self.overdue_days >= self.default_days:
            raise ValueError(f"loss {self.name}: overdue_days must be below default_days")
        if strange := self.fair_value_lines - set(self.lgd_unsecured):
            raise ValueError(f"loss {self.name}: no lgd_unsecured for {', '.join(sorted(strange))}")
        return self


class LossFile(BaseModel):
    """All entries of a file of assumptions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: tuple[LossPolicy, ...]


def loss_policy_as_of(day: date, path: Path | None = None) -> LossPolicy:
    """Return the assumptions in force on a day. Raises PolicyError when the file cannot be used or has none for the day."""
    file = read_dated(LossFile, _BESIDE if path is None else path)
    return latest(file.loss, day, "loss")
