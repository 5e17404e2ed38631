"""What a published run of capacity says of itself: who made it, when, from which data, model and demand run."""

import re
from datetime import date
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

__all__ = ["FOLDER_NAME", "INFORMING", "CapacityInfo", "Note"]

FOLDER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

INFORMING: Final = frozenset(
    {
        "not_judged",
        "order_beyond_plan",
        "order_overdue",
        "product_made_for_others",
        "rows_after_as_of",
        "stock_carried_forward",
    }
)
"""Codes of notes that say how a figure came about; every other note says that an answer is less than it might be."""


class Note(BaseModel):
    """What a reader of the run must know, e.g. that there was no demand to hold against it; `code` is for programs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class CapacityInfo(BaseModel):
    """`run.json` of a run's folder; `demand_run_id` is the version of demand that its shortfalls are against."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str = Field(pattern=f"^{FOLDER_NAME.pattern}$")
    issued_at: AwareDatetime
    data_as_of: date
    model_version: str
    model_folder: str | None = None
    """Folder of the lines' model, relative to the home; None where the planned rate is served instead of it."""
    demand_run_id: str | None = None
    """None: no demand run was there, so the run has no shortfalls."""
    demand_model_version: str | None = None
    demand_as_of: date | None = None
    quality: str = Field(default="full", pattern=r"^(full|reduced|planned_rate)$")
    """How the lines' model was reached: full, reduced (short history) or the planned rate alone."""
    horizon_days: int = Field(ge=1)
    scenarios: int = Field(default=0, ge=0)
    """Draws of the simulated shortfalls; 0 where there are none."""
    seed: int
    accuracy: dict[str, dict[str, float]] = {}
    """Measures of the backtests by subject (`lines`, `planned_rate`, `line:<id>`, `shortfall`, ...) and name."""
    notes: tuple[Note, ...] = ()
    mlflow_run_id: str | None = None
    trained_by: str = ""
    """Who ran the training; empty in runs published before it was asked for."""
    gate: str = Field(default="", pattern=r"^(|passed|failed|not_judged)$")
    """Whether the lines' model did better than the planned rate in the backtest."""
    challenger: bool = False
    """Whether it is computed beside the runs that are served, to be compared with them."""
