"""Early warning between two dates: who got worse, by which trigger, ranked by the change of expected loss."""

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.credit.ratios import exact_sum
from graph.dated import Dated, latest, read_dated
from graph.ontology import Wording
from models.credit.grade import MasterScale
from models.errors import LossTableError

__all__ = [
    "ALERT_SCHEMA",
    "STATE_SCHEMA",
    "AlertLevel",
    "MonitoringPolicy",
    "Trigger",
    "TriggerKind",
    "grade_migration",
    "migration",
    "monitoring_policy_as_of",
]

_BESIDE: Final = Path(__file__).with_name("monitoring.toml")

_STATE: Final[dict[str, type[pl.DataType] | pl.DataType]] = {
    "party_id": pl.String,
    "grade": pl.String,
    "pd": pl.Float64,
    "days_past_due": pl.Int64,
    "hard_stops": pl.List(pl.String),
    "neighbour_defaults": pl.Int64,
    "stage": pl.Int64,
    "el": pl.Float64,
}
STATE_SCHEMA: Final = pl.Schema(_STATE)
"""A party on a date: null is unknown and triggers nothing. `hard_stops` are the codes of rules that decline, `stage` its worst,
`el` the expected loss of its exposures in CNY (null: no exposure, 0)."""

ALERT_SCHEMA: Final = pl.Schema(
    {
        "rank": pl.Int64,
        "party_id": pl.String,
        "code": pl.String,
        "level": pl.String,
        "zh": pl.String,
        "en": pl.String,
        "before": pl.String,
        "now": pl.String,
        "owner_zh": pl.String,
        "owner_en": pl.String,
        "action_zh": pl.String,
        "action_en": pl.String,
        "due_days": pl.Int64,
        "el_before": pl.Float64,
        "el_now": pl.Float64,
        "el_change": pl.Float64,
        "policy": pl.String,
    }
)
"""One row per party and trigger; amounts in CNY."""


class AlertLevel(StrEnum):
    """Red is worst."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    BLUE = "blue"


class TriggerKind(StrEnum):
    """What is compared between the two dates."""

    GRADE_FELL = "grade_fell"
    PD_ROSE = "pd_rose"
    NEW_HARD_STOP = "new_hard_stop"
    OVERDUE = "overdue"
    NEIGHBOUR_DEFAULTED = "neighbour_defaulted"
    STAGE_WORSE = "stage_worse"


class Trigger(BaseModel):
    """One trigger; `least` is the smallest change that counts where a multiple is compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(min_length=1)
    kind: TriggerKind
    threshold: Annotated[float, Field(gt=0)]
    least: Annotated[float, Field(ge=0)] = 0.0
    level: AlertLevel
    due_days: Annotated[int, Field(ge=0)]
    owner: Wording
    action: Wording


class MonitoringPolicy(Dated):
    """The triggers of a day."""

    name: str
    trigger: tuple[Trigger, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_trigger_a_code(self) -> Self:
        codes = [trigger.code for trigger in self.trigger]
        if len(codes) != len(set(codes)):
            raise ValueError(f"monitoring {self.name}: a code is given twice")
        return self


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    monitoring: tuple[MonitoringPolicy, ...]


def monitoring_policy_as_of(day: date, path: Path | None = None) -> MonitoringPolicy:
    """Return the triggers in force on a day. Raises PolicyError when the file cannot be used or has none for the day."""
    return latest(read_dated(_File, _BESIDE if path is None else path).monitoring, day, "monitoring")


def migration(
    before: pl.DataFrame, now: pl.DataFrame, policy: MonitoringPolicy, scale: MasterScale
) -> pl.DataFrame:
    """Return the alerts (ALERT_SCHEMA) of the parties of `now` (STATE_SCHEMA) against `before`, most money first, one a kind.

    Ranked by the change of expected loss, then by level, party and code. A party that is not in `before` is new: only what needs
    no comparison triggers (overdue, hard stops). Raises LossTableError for a missing column, a party given twice, or a grade
    that the scale does not have.
    """
    old, new = _checked("before", before, scale), _checked("now", now, scale)
    both = new.join(old, on="party_id", how="left", suffix="_before")
    amounts = both.with_columns(
        el_now=pl.col("el").fill_null(0.0), el_before=pl.col("el_before").fill_null(0.0)
    ).with_columns(el_change=pl.col("el_now") - pl.col("el_before"))
    found = [_alerts(amounts, trigger, policy) for trigger in policy.trigger]
    levels = {str(level): place for place, level in enumerate(AlertLevel)}
    place = pl.col("level").replace_strict(levels, return_dtype=pl.Int64)
    # Of triggers of one kind (more than 10 days late, more than 30) the worst speaks.
    worst = (
        pl.concat(found).sort(place, "code").unique(["party_id", "kind"], keep="first", maintain_order=True)
    )
    ordered = worst.sort(-pl.col("el_change"), place, "party_id", "code")
    ranked = ordered.with_row_index("rank", offset=1)
    return ranked.select(pl.col(name).cast(dtype) for name, dtype in ALERT_SCHEMA.items())


def grade_migration(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """Return [grade_before, grade_now, parties, el_now]: how many moved from grade to grade, null being not graded."""
    old = before.select("party_id", grade_before="grade")
    both = now.select("party_id", "el", grade_now="grade").join(old, on="party_id", how="full", coalesce=True)
    counted = both.group_by("grade_before", "grade_now").agg(
        parties=pl.len().cast(pl.Int64), el_now=exact_sum("el")
    )
    return counted.sort("grade_before", "grade_now", nulls_last=True)


def _checked(table: str, frame: pl.DataFrame, scale: MasterScale) -> pl.DataFrame:
    for column in STATE_SCHEMA:
        if column not in frame.columns:
            raise LossTableError(column, f"在 {table} 中缺失", f"is missing from '{table}'")
    if frame["party_id"].is_duplicated().any():
        one = frame.filter(pl.col("party_id").is_duplicated())["party_id"][0]
        raise LossTableError(
            "party_id", f"在 {table} 中“{one}”出现多次", f"of '{table}' gives '{one}' more than once"
        )
    names = [grade.name for grade in scale.grades]
    strange = frame.filter(~pl.col("grade").is_in(names))
    if strange.height:
        one = strange["grade"][0]
        raise LossTableError("grade", f"的“{one}”不在主标尺中", f"'{one}' is not on the master scale")
    ranks = {name: place for place, name in enumerate(names)}
    rank = pl.col("grade").replace_strict(ranks, return_dtype=pl.Int64).alias("rank")
    return frame.select(*(pl.col(name).cast(dtype) for name, dtype in STATE_SCHEMA.items()), rank)


_Test = Callable[[Trigger], tuple[pl.Expr, pl.Expr, pl.Expr]]


def _number(name: str) -> tuple[pl.Expr, pl.Expr]:
    return pl.col(f"{name}_before").cast(pl.String), pl.col(name).cast(pl.String)


def _grade_fell(trigger: Trigger) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    return (
        pl.col("rank") - pl.col("rank_before") >= trigger.threshold,
        pl.col("grade_before"),
        pl.col("grade"),
    )


def _pd_rose(trigger: Trigger) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    now, then = pl.col("pd"), pl.col("pd_before")
    rose = (now >= trigger.threshold * then) & (now - then >= trigger.least) & (now > then)
    before, after = (pl.format("{}%", (pd * 100).round(2)) for pd in (then, now))
    return rose, before, after


def _new_hard_stop(trigger: Trigger) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    none = pl.lit([], dtype=pl.List(pl.String))
    then, now = pl.col("hard_stops_before").fill_null(none), pl.col("hard_stops").fill_null(none)
    new = now.list.set_difference(then).list.len() >= trigger.threshold
    return new, then.list.sort().list.join(", "), now.list.sort().list.join(", ")


def _overdue(trigger: Trigger) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    late = pl.col("days_past_due") > trigger.threshold
    was = (pl.col("days_past_due_before") > trigger.threshold).fill_null(value=False)
    return late & ~was, *_number("days_past_due")


def _neighbour_defaulted(trigger: Trigger) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    more = pl.col("neighbour_defaults") - pl.col("neighbour_defaults_before")
    return more >= trigger.threshold, *_number("neighbour_defaults")


def _stage_worse(trigger: Trigger) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    return pl.col("stage") - pl.col("stage_before") >= trigger.threshold, *_number("stage")


_TESTS: Final[Mapping[TriggerKind, _Test]] = {
    TriggerKind.GRADE_FELL: _grade_fell,
    TriggerKind.PD_ROSE: _pd_rose,
    TriggerKind.NEW_HARD_STOP: _new_hard_stop,
    TriggerKind.OVERDUE: _overdue,
    TriggerKind.NEIGHBOUR_DEFAULTED: _neighbour_defaulted,
    TriggerKind.STAGE_WORSE: _stage_worse,
}
_SAYS: Final[Mapping[TriggerKind, Wording]] = {
    TriggerKind.GRADE_FELL: Wording(zh="等级由 {} 降至 {}", en="grade fell from {} to {}"),
    TriggerKind.PD_ROSE: Wording(zh="违约概率由 {} 升至 {}", en="PD rose from {} to {}"),
    TriggerKind.NEW_HARD_STOP: Wording(zh="硬性规则由“{}”变为“{}”", en="hard stops were '{}', are '{}'"),
    TriggerKind.OVERDUE: Wording(zh="逾期天数由 {} 增至 {}", en="days past due were {}, are {}"),
    TriggerKind.NEIGHBOUR_DEFAULTED: Wording(
        zh="周边近期违约由 {} 户增至 {} 户", en="recent defaults around it were {}, are {}"
    ),
    TriggerKind.STAGE_WORSE: Wording(zh="减值阶段由 {} 变为 {}", en="stage was {}, is {}"),
}


def _alerts(both: pl.DataFrame, trigger: Trigger, policy: MonitoringPolicy) -> pl.DataFrame:
    hit, before, now = _TESTS[trigger.kind](trigger)
    said, nothing = _SAYS[trigger.kind], pl.lit("—")
    # Comparisons with an unknown value are null: unknown triggers nothing.
    told = both.filter(hit.fill_null(value=False)).with_columns(
        before.fill_null(nothing).alias("before"), now.fill_null(nothing).alias("now")
    )
    return told.select(
        "party_id",
        pl.lit(str(trigger.kind)).alias("kind"),
        pl.lit(trigger.code).alias("code"),
        pl.lit(str(trigger.level)).alias("level"),
        pl.format(said.zh, "before", "now").alias("zh"),
        pl.format(said.en, "before", "now").alias("en"),
        "before",
        "now",
        pl.lit(trigger.owner.zh).alias("owner_zh"),
        pl.lit(trigger.owner.en).alias("owner_en"),
        pl.lit(trigger.action.zh).alias("action_zh"),
        pl.lit(trigger.action.en).alias("action_en"),
        pl.lit(trigger.due_days).alias("due_days"),
        "el_before",
        "el_now",
        "el_change",
        pl.lit(policy.name).alias("policy"),
    )
