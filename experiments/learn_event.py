"""Job: learn from history what an event did to demand, as an entry for the scenarios file."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from experiments.job import Say
from features.demand import build_panel
from features.sources import scan_table
from models.demand.arrays import codes_of, series_of
from models.demand.scenarios.event_profile import EventEstimate, estimate_event

__all__ = ["LearnEvent", "LearntEvent"]


@dataclass(frozen=True)
class LearntEvent:
    """The estimate, and how to write it into a scenarios file."""

    estimate: EventEstimate
    toml: str


class LearnEvent(BaseModel):
    """Which table, and when the event was; all its series are taken together, larger ones count more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Path
    freq: str
    first: date
    last: date
    name: str
    search_days: int = Field(default=120, ge=1, description="how long a hangover is looked for")

    def run(self, say: Say) -> LearntEvent:
        """Estimate surge and hangover. Raises ScenarioError where the event is not inside the history."""
        panel = build_panel(scan_table(self.table), freq=self.freq)
        series = series_of(panel, 0, codes_of(panel))
        found = estimate_event(series, self.first, self.last, name=self.name, search_days=self.search_days)
        shock = found.shock
        say(
            f"{self.name}：激增 {shock.surge:.2f} 倍，其后回落到 {shock.hangover:.2f}、{shock.hangover_days} 天恢复；"
            f"平日波动 {found.noise:.0%}，小于它的读数不可信（{found.series} 条序列）",
            f"{self.name}: {shock.surge:.2f} times the usual, then {shock.hangover:.2f} and back within "
            f"{shock.hangover_days} days; ordinary days move by {found.noise:.0%}, less cannot be read ({found.series} series)",
        )
        values = shock.model_dump(exclude_none=True)
        lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
        return LearntEvent(found, "\n".join(["[[scenario.shocks]]", *lines]) + "\n")


def _toml(value: object) -> str:
    """Write a value as TOML does: texts and lists as JSON, days and numbers as they are."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | tuple) else str(value)
