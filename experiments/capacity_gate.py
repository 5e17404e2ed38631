"""What a run serves of its lines: the model that did better than the plan in its backtest, else the planned rate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from graph.ontology import Wording
from models.capacity.lines.answers import PLANNED_RATE
from models.capacity.lines.marginals import LineMarginals
from models.capacity.lines.model import LineModel
from models.capacity.published.run_info import Note

__all__ = ["PLANNED_VERSION", "PlannedRate", "Served", "gate_outcome", "served"]

PLANNED_VERSION = "planned-rate"
"""Version of the model of a run that serves the planned rate."""


@dataclass(frozen=True, eq=False)
class PlannedRate:
    """Answers as a model of lines does, every line at its planned rate within the band of past plans, and says why."""

    model: LineModel
    reason: Wording

    def days(self) -> pl.DataFrame:
        """Return the days of `LineModel.days`."""
        return self._told(self._plain.days())

    def weeks(self) -> pl.DataFrame:
        """Return the weeks of `LineModel.weeks`."""
        return self._told(self._plain.weeks())

    def contributions(self) -> pl.DataFrame:
        """Return what makes the planned output up, as `LineModel.contributions` does."""
        return self._plain.contributions()

    def marginals(self) -> LineMarginals:
        """Return the quantiles of the plan and how lines were good and bad together."""
        return self._plain.marginals()

    @cached_property
    def _plain(self) -> LineModel:
        learnt = self.model.learnt
        return replace(self.model, learnt=replace(learnt, usable=np.zeros_like(learnt.usable)))

    def _told(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame in which lines with a history of their own are told why it is not followed."""
        learnt = dict(zip(self.model.world.grid.line_ids, self.model.learnt.usable, strict=True))
        able = [one for one, usable in learnt.items() if usable]
        mine = pl.col("line_id").is_in(able)
        return frame.with_columns(
            pl.when(mine).then(pl.lit(text)).otherwise(pl.col(name)).alias(name)
            for name, text in (
                ("quality_flag", PLANNED_RATE),
                ("reason_zh", self.reason.zh),
                ("reason_en", self.reason.en),
            )
        )


@dataclass(frozen=True, eq=False)
class Served:
    """What a run publishes of its lines, whether the model becomes champion, and what a reader is told of it."""

    lines: LineModel | PlannedRate
    promoted: bool
    notes: tuple[Note, ...] = ()


def served(model: LineModel, measures: Mapping[str, float]) -> Served:
    """Return what a run serves: the model where the median's error is below the plan's, or nothing could be measured.

    measures: of all lines in the backtest (`weeks`, `mae`, `planned_mae`, `ratio`); empty where there was none.
    """
    if not measures.get("weeks"):
        return Served(model, promoted=True, notes=(_NOT_JUDGED,))
    ratio = measures.get("ratio")
    if ratio is not None and ratio < 1:
        return Served(model, promoted=True)
    mae, planned = (100 * measures[name] for name in ("mae", "planned_mae"))
    why = Wording(
        zh=f"回测中模型的周误差为 {mae:.1f}%，不小于计划产能的 {planned:.1f}%，因此按计划产能给出；请核对实绩与计划后重新运行。",
        en=f"In the backtest the model's weekly error was {mae:.1f} %, not below the planned rate's {planned:.1f} %, so the "
        "planned rate is given. Check reports and plans and run again.",
    )
    note = Note(code="planned_rate_served", zh=why.zh, en=f"{why.en} The champion stays as it was.")
    return Served(PlannedRate(model, why), promoted=False, notes=(note,))


def gate_outcome(found: Served) -> str:
    """Say in a word what the gate found: passed, failed, not_judged."""
    if not found.promoted:
        return "failed"
    return "not_judged" if _NOT_JUDGED in found.notes else "passed"


_NOT_JUDGED = Note(
    code="not_judged",
    zh="没有可用的回测（历史不足，或 --cutoffs 0），该模型未与计划产能比较。",
    en="There was no backtest (too short a history, or --cutoffs 0), so the model was not held against the planned rate.",
)
