"""Accuracy of what was published, by lead time: naive, model, planner; each as it stood when it was said."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

import polars as pl

from features.timeline import Frequency, timeline_of
from models.demand.ledger.planner_overrides import OVERRIDES, apply_overrides, in_force, may_be_negative
from models.demand.ledger.published_run import KEYS, ForecastRun, band_of, ds_text
from models.errors import ForecastRunError

__all__ = ["BY", "Vintage", "accuracy", "actuals_of", "forecast_pairs", "summarise"]

Vintage = Literal["first", "latest"]
BY: Final = ("lead", "level", "unique_id", "freq", *KEYS)

# Terms: a pair is a forecast with the actual of its period. lead: the step at which it was issued, 1 for the first
# period after the data. FVA (forecast value added; Gilliland, "The Business Forecasting Deal", 2010): the fall in
# WAPE from one hand to the next, over the same pairs, in points of WAPE; below zero the step made things worse.


@dataclass(frozen=True)
class _Window:
    """A run and the moment until which it was the newest of its frequency."""

    run: ForecastRun
    until: datetime


def actuals_of(runs: Sequence[ForecastRun]) -> pl.DataFrame:
    """Return what the histories of published runs say: freq, unique_id, ds (text), y, known_at, one row a vintage.

    A period's value is known at the `data_as_of` of the first run that holds it; a later run that says otherwise is
    a revision, known at its own date.
    """
    parts = [
        run.history.filter(pl.col("y").is_not_null() & pl.col("y").is_not_nan()).select(
            pl.lit(str(run.info.freq)).alias("freq"),
            "unique_id",
            ds_text(run.history),
            "y",
            pl.lit(run.info.data_as_of).alias("known_at"),
        )
        for run in sorted(runs, key=lambda run: run.info.issued_at)
    ]
    period = ("freq", "unique_id", "ds")
    told = pl.concat(parts).sort(*period, "known_at", maintain_order=True)
    same = [pl.col(name) == pl.col(name).shift(1) for name in (*period, "y")]
    return told.filter(~pl.all_horizontal(same).fill_null(value=False))


def _forecast_periods(runs: Sequence[ForecastRun]) -> list[ForecastRun]:
    """Return the runs with the histories of periods that any of them forecasts: no other can be of a pair."""
    first = {
        run.info.freq: pl.concat([one.forecast["ds"] for one in runs if one.info.freq == run.info.freq]).min()
        for run in runs
    }
    return [
        replace(
            run,
            history=run.history.filter(pl.col("ds") >= pl.lit(first[run.info.freq], run.history["ds"].dtype)),
        )
        for run in runs
    ]


def accuracy(
    runs: Sequence[ForecastRun],
    actuals: pl.DataFrame | None = None,
    overrides: pl.DataFrame | None = None,
    *,
    as_of: datetime,
    by: Sequence[str] = ("lead",),
    vintage: Vintage = "latest",
) -> pl.DataFrame:
    """Measure naive, model and planner on the same pairs, grouped by some of `BY`; see `forecast_pairs`, `summarise`."""
    pairs = forecast_pairs(runs, actuals, overrides, as_of=as_of, vintage=vintage)
    return summarise(pairs, by=by)


def forecast_pairs(
    runs: Sequence[ForecastRun],
    actuals: pl.DataFrame | None = None,
    overrides: pl.DataFrame | None = None,
    *,
    as_of: datetime,
    vintage: Vintage = "latest",
) -> pl.DataFrame:
    """Return every published forecast whose actual was known as of a moment, as it stood when it was said.

    actuals: rows as `actuals_of` gives (its result, where None); overrides: rows of `OVERRIDES`. Columns: freq,
    run_id, unique_id, ds, lead, y, known_at, naive, model, planner, overridden, low, high, nominal, level and keys.

    Point in time: only runs issued and actuals known by `as_of`; a run counts for a period only if it was issued no
    later than the day the actual became known; of several runs for one period and lead the last one counts. The
    naive forecast repeats the last season of the run's own history. The planner's figure is the model's with the
    overrides in force when the period ended, or before: when the next run of that frequency came or the actual became
    known. `vintage`: against which actual, the `first` told or the `latest` as of the moment.
    """
    issued = [run for run in runs if run.info.issued_at <= as_of]
    if not issued:
        return _PAIRS.to_frame()
    known = _vintage(
        actuals if actuals is not None else actuals_of(_forecast_periods(issued)), as_of, vintage
    )
    told = overrides if overrides is not None else OVERRIDES.to_frame()
    pairs = pl.concat([_pairs_of(window, known, told) for window in _windows(issued, as_of)])
    of_lead = ["freq", "unique_id", "ds", "lead"]
    last = pairs.sort("issued_at", maintain_order=True).unique(of_lead, keep="last", maintain_order=True)
    return last.select(_PAIRS.names()).sort("freq", "unique_id", "ds", "lead")


_PAIRS: Final = pl.Schema(
    {
        "freq": pl.String,
        "run_id": pl.String,
        "unique_id": pl.String,
        "ds": pl.String,
        "lead": pl.Int64,
        "y": pl.Float64,
        "known_at": pl.Date,
        "naive": pl.Float64,
        "model": pl.Float64,
        "planner": pl.Float64,
        "overridden": pl.Boolean,
        "low": pl.Float64,
        "high": pl.Float64,
        "nominal": pl.Float64,
        "level": pl.String,
        **dict.fromkeys(KEYS, pl.String),
    }
)


def summarise(pairs: pl.DataFrame, *, by: Sequence[str] = ("lead",)) -> pl.DataFrame:
    """Measure pairs by group: periods, WAPE and bias of naive, model and planner, value added, coverage of the band.

    All three are measured over the pairs that have a naive forecast, so that differences compare like with like;
    `without_naive` counts the others. WAPE = sum |e| / sum |y|, bias = sum e / sum |y|, null where all actuals are
    zero. `*_overridden` are over the pairs that a planner changed. coverage: share of actuals inside the band whose
    `nominal` says how many should be. Raises ForecastRunError for a group that is none.
    """
    wrong = [name for name in by if name not in BY]
    if wrong:
        raise ForecastRunError(
            ", ".join(wrong),
            f"不能作为分组；可用：{'、'.join(BY)}",
            f"no way to group; there is {', '.join(BY)}",
        )
    fair = pl.col("naive").is_not_null()
    changed = fair & pl.col("overridden")
    hands = ("naive", "model", "planner")
    inside = pl.col("y").is_between(pl.col("low"), pl.col("high"))
    aggregates = [
        fair.sum().cast(pl.Int64).alias("periods"),
        (~fair).sum().cast(pl.Int64).alias("without_naive"),
        changed.sum().cast(pl.Int64).alias("overridden"),
        *[_wape(hand, fair).alias(f"wape_{hand}") for hand in hands],
        *[_bias(hand, fair).alias(f"bias_{hand}") for hand in hands],
        *[_wape(hand, changed).alias(f"wape_{hand}_overridden") for hand in hands[1:]],
        inside.mean().alias("coverage"),
        pl.col("nominal").mean().alias("nominal"),
    ]
    grouped = pairs.group_by(by).agg(aggregates).sort(by) if by else pairs.select(aggregates)
    return grouped.with_columns(
        (pl.col("wape_naive") - pl.col("wape_model")).alias("fva_model"),
        (pl.col("wape_model") - pl.col("wape_planner")).alias("fva_planner"),
    )


def _wape(hand: str, where: pl.Expr) -> pl.Expr:
    return _ratio((pl.col(hand) - pl.col("y")).abs(), where)


def _bias(hand: str, where: pl.Expr) -> pl.Expr:
    return _ratio(pl.col(hand) - pl.col("y"), where)


def _ratio(error: pl.Expr, where: pl.Expr) -> pl.Expr:
    size = pl.col("y").abs().filter(where).sum()
    return pl.when(size > 0).then(error.filter(where).sum() / size)


def _windows(runs: Sequence[ForecastRun], as_of: datetime) -> list[_Window]:
    """Say until when each run was the newest of its frequency."""
    ordered = sorted(runs, key=lambda run: (run.info.freq, run.info.issued_at))
    following = [*ordered[1:], None]
    return [
        _Window(
            run, after.info.issued_at if after is not None and after.info.freq == run.info.freq else as_of
        )
        for run, after in zip(ordered, following, strict=True)
    ]


def _vintage(actuals: pl.DataFrame, as_of: datetime, vintage: Vintage) -> pl.DataFrame:
    """Choose one actual a period; `first_known` is when any of them became known."""
    known = actuals.filter(pl.col("known_at") <= as_of.date()).sort("known_at", maintain_order=True)
    chosen = pl.col("y").first() if vintage == "first" else pl.col("y").last()
    return known.group_by("freq", "unique_id", "ds").agg(chosen, pl.col("known_at").first())


def _pairs_of(window: _Window, known: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    run, info = window.run, window.run.info
    band = band_of(run.forecast)
    low, high, nominal = band if band is not None else (None, None, None)
    mine = run.forecast.with_columns(ds_text(run.forecast)).select(
        pl.lit(str(info.freq)).alias("freq"),
        pl.lit(info.run_id).alias("run_id"),
        pl.lit(info.issued_at).alias("issued_at"),
        "unique_id",
        "ds",
        pl.col("step").alias("lead"),
        pl.col("forecast").alias("model"),
        (pl.col(low) if low else pl.lit(None, pl.Float64)).alias("low"),
        (pl.col(high) if high else pl.lit(None, pl.Float64)).alias("high"),
        pl.lit(nominal, pl.Float64).alias("nominal"),
        "level",
        *KEYS,
    )
    pairs = mine.join(known, on=["freq", "unique_id", "ds"], how="inner").filter(
        pl.col("known_at") >= info.issued_at.date()
    )
    naive = _naive(run)
    finals = _planned(window, pairs, overrides)
    return (
        pairs.join(naive, on=["unique_id", "lead"], how="left")
        .join(finals, on=["unique_id", "lead"], how="left")
        .with_columns(
            pl.coalesce("final", "model").alias("planner"), pl.col("final").is_not_null().alias("overridden")
        )
        .drop("final")
    )


def _planned(window: _Window, pairs: pl.DataFrame, overrides: pl.DataFrame) -> pl.DataFrame:
    """Return the planner's figures of a run, unique_id, lead, final, each as it stood at its own moment."""
    run = window.run
    mine = overrides.filter(pl.col("freq") == str(run.info.freq))
    parts = [pl.DataFrame(schema={"unique_id": pl.String, "lead": pl.Int64, "final": pl.Float64})]
    if mine.height and pairs.height:
        negative = may_be_negative(run.history)
        for (moment,), rows in pairs.with_columns(_moment(window, pairs)).group_by(
            "moment", maintain_order=True
        ):
            figures = run.forecast.filter(pl.col("step").is_in(rows["lead"].unique().to_list()))
            moved = apply_overrides(figures, in_force(mine, _utc(moment)), negative=negative)
            found = moved.select("unique_id", pl.col("step").alias("lead"), "final")
            parts.append(found.join(rows, on=["unique_id", "lead"], how="semi"))
    return pl.concat(parts)


def _moment(window: _Window, pairs: pl.DataFrame) -> pl.Series:
    """Return when a planner had the last word on each pair.

    The end of the period, the moment before its actual became known, or the moment the next run came: whichever was
    first. So an override until the last day of its period counts, though the actual came later.
    """
    limits = [pl.lit(window.until.astimezone(UTC)), pl.col("known_at").cast(pl.Datetime("us", "UTC"))]
    run = window.run
    if run.info.freq != Frequency.INTEGER:
        timeline = timeline_of(run.history["ds"], run.info.freq)
        periods = run.forecast.select(
            "unique_id", pl.col("step").alias("lead"), timeline.period().alias("period")
        )
        told = pairs.join(periods, on=["unique_id", "lead"], how="left", maintain_order="left")
        ends = pl.Series("end", timeline.ends(told["period"].to_numpy()), dtype=pl.Date)
        pairs = pairs.with_columns(ends)
        limits.append(pl.col("end").cast(pl.Datetime("us", "UTC")).dt.offset_by("1d"))
    return pairs.select((pl.min_horizontal(limits) - pl.duration(microseconds=1)).alias("moment"))["moment"]


def _utc(moment: object) -> datetime:
    if not isinstance(moment, datetime):
        raise TypeError(moment)
    return moment


def _naive(run: ForecastRun) -> pl.DataFrame:
    """Return the seasonal naive forecast of a run from its own history: unique_id, lead, naive.

    The value one season before the period; seasons further back until one is in the data. No value: null.
    """
    info = run.info
    timeline = timeline_of(run.history["ds"], info.freq)
    past = run.history.select(
        "unique_id", timeline.period().alias("period"), pl.col("y").fill_nan(None).alias("naive")
    )
    steps = run.forecast.select(
        "unique_id", pl.col("step").cast(pl.Int64).alias("lead"), timeline.period().alias("period")
    )
    seasons = (pl.col("lead") + info.season - 1) // info.season
    wanted = steps.with_columns(pl.col("period") - seasons * info.season)
    return wanted.join(past, on=["unique_id", "period"], how="inner").select("unique_id", "lead", "naive")
