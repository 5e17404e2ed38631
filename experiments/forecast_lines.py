"""Job: forecast what the lines of any plant can make, from one table of what was planned and what came."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from experiments.forecast_table import writable_table, write_table
from experiments.job import Say
from features.capacity.history_file import line_panel_of_file
from features.capacity.line_panel import LinePanel
from features.sources import read_table
from models.capacity.lines.model import LineModel, fit_lines
from models.capacity.profiles.panel_facts import labelled_losses
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.profiles.profiled_panel import profiled_panel

__all__ = ["ForecastLines", "ForecastedLines"]


@dataclass(frozen=True, eq=False)
class ForecastedLines:
    """What a run left behind: the model, its weeks, and what was found in the lines."""

    model: LineModel
    weeks: pl.DataFrame
    report: pl.DataFrame


class ForecastLines(BaseModel):
    """Which tables, and where the forecast goes; beside it lie `<name>.days`, `.report`, `.losses`, `.explanation`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    history: Path = Field(description="line_id, ds, planned_rate, output and what else is known")
    plan: Path | None = Field(
        default=None, description="the same columns for days ahead, without what was made"
    )
    drivers: tuple[str, ...] = Field(default=(), description="columns that drive output, known with the plan")
    as_of: date | None = Field(
        default=None, description="nothing that became known later counts; the last day by default"
    )
    profiles: Path | None = Field(default=None, description="folder of industry profiles of one's own")
    out: Path
    explain: bool = False
    seed: int = 7

    @field_validator("out")
    @classmethod
    def _of_a_known_kind(cls, out: Path) -> Path:
        return writable_table(out)

    def run(self, say: Say) -> ForecastedLines:
        """Check the tables, learn, forecast, write; what is wrong with a line stands in the report."""
        profiles = load_profiles(self.profiles)
        panel = profiled_panel(self._panel(), profiles)
        say(
            f"{panel.lines.height:,} 条产线可预测，{panel.findings['line_id'].n_unique():,} 条有需留意之处，"
            f"{panel.refused.height:,} 条无法预测",
            f"{panel.lines.height:,} lines to forecast, {panel.findings['line_id'].n_unique():,} with something to note, "
            f"{panel.refused.height:,} refused",
        )
        model = fit_lines(panel, seed=self.seed, profiles=profiles)
        weeks, report = model.weeks(), _report(panel, model)
        write_table(weeks, self.out)
        write_table(model.days(), _beside(self.out, "days"))
        write_table(report, _beside(self.out, "report"))
        self._tell_losses(labelled_losses(panel, profiles), say)
        if self.explain:
            write_table(model.contributions(), _beside(self.out, "explanation"))
        below = weeks.filter(pl.col("quality_flag") != "full")["line_id"].n_unique()
        say(
            f"预测已写入 {self.out}（按周）和 {_beside(self.out, 'days')}（按日）；{below:,} 条产线历史太短，说明见 "
            f"{_beside(self.out, 'report')}",
            f"forecast written to {self.out} (weeks) and {_beside(self.out, 'days')} (days); {below:,} lines have too short a "
            f"history; what was found stands in {_beside(self.out, 'report')}",
        )
        return ForecastedLines(model, weeks, report)

    def _tell_losses(self, losses: pl.DataFrame, say: Say) -> None:
        """Write the hours lost by reason, where the history tells reasons, and name the largest."""
        if losses.is_empty():
            return
        path = _beside(self.out, "losses")
        write_table(losses, path)
        most = losses.sort("hours", "line_id", "reason", descending=[True, False, False]).row(0, named=True)
        zh, en = most["loss_zh"] or most["reason"], most["loss_en"] or most["reason"]
        say(
            f"近 13 周损失的工时见 {path}；最多的是产线 {most['line_id']} 的“{zh}”（{most['reason']}）：{most['hours']:,.1f} 小时",
            f"hours lost over 13 weeks stand in {path}; most were lost on line {most['line_id']} to {en} ({most['reason']}): "
            f"{most['hours']:,.1f} h",
        )

    def _panel(self) -> LinePanel:
        history = read_table(self.history)
        plan = None if self.plan is None else read_table(self.plan)
        return line_panel_of_file(history, plan, as_of=self.as_of or _last_day(history), drivers=self.drivers)


def _last_day(history: pl.DataFrame) -> date:
    """Return the last day of a table; a table whose days cannot be read is refused where it is read in full."""
    if "ds" not in history.columns:
        return date.max
    days = history["ds"]
    read = days.str.strip_chars().str.to_date(strict=False) if days.dtype == pl.String else days.cast(pl.Date)
    last = read.max()
    return last if isinstance(last, date) else date.max


def _report(panel: LinePanel, model: LineModel) -> pl.DataFrame:
    """List what was found in lines, which were refused and which are below full: line_id, rule, outcome, zh, en."""
    weeks = model.weeks().filter(pl.col("quality_flag") != "full")
    return pl.concat(
        [
            panel.findings.select(
                "line_id", "rule", outcome=pl.lit("noted"), zh="treatment_zh", en="treatment_en"
            ),
            panel.refused.select(
                "line_id", "rule", outcome=pl.lit("refused"), zh="reason_zh", en="reason_en"
            ),
            weeks.unique("line_id", keep="first", maintain_order=True).select(
                "line_id", rule="quality_flag", outcome=pl.lit("below_full"), zh="reason_zh", en="reason_en"
            ),
        ]
    ).sort("line_id", "rule")


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.stem}.{what}{path.suffix}")
