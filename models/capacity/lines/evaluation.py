"""How good forecasts of lines are: rolling backtests against the planned rate, as the panel knows the past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from features.capacity.line_panel import LinePanel
from models.capacity.lines.limits import ProfileLike
from models.capacity.lines.model import LineModel, fit_lines
from models.errors import LinePanelError

__all__ = ["LineScores", "backtest_lines", "cut_panel", "score_lines"]

_FEWEST_DAYS: Final = 5  # of a week that were reported, for the week to count
_WEEK: Final = 7


@dataclass(frozen=True, eq=False)
class LineScores:
    """Errors of days or weeks against what was made, by cut-off and line.

    detail [cutoff, line_id, period (day | week), ds, step, made, planned_output, corrected, naive, forecast, q10, q50,
    q90]: `corrected` is the planned output times the line's mean of made over planned of the last 91 days, `naive` the
    same weekday last reported (of weeks the sum). Units of the line.
    """

    detail: pl.DataFrame

    def by(self, *keys: str) -> pl.DataFrame:
        """Return scores by columns of `detail` beside the period.

        Columns: keys, period, rows, mae (of q50), mae_planned, mae_corrected, mae_naive, ratio (mae over mae_planned),
        ratio_corrected, bias (sum forecast over sum made, minus one), coverage (share inside q10 to q90 of days with
        something planned). Lines count by shares of their own mean output, so that units do not matter.
        """
        size = pl.col("made").abs().mean().over("line_id", "period")
        scaled = self.detail.with_columns(size=pl.when(size > 0).then(size).otherwise(1.0))
        error = {
            "mae": "q50",
            "mae_planned": "planned_output",
            "mae_corrected": "corrected",
            "mae_naive": "naive",
        }
        inside = pl.col("made").is_between(pl.col("q10") - 1e-9, pl.col("q90") + 1e-9)
        open_days = pl.col("planned_output") > 0
        made = (pl.col("made") / pl.col("size")).sum()
        told = scaled.group_by(*keys, "period").agg(
            pl.len().alias("rows"),
            *(
                ((pl.col(of) - pl.col("made")).abs() / pl.col("size")).mean().alias(name)
                for name, of in error.items()
            ),
            bias=(pl.col("forecast") / pl.col("size")).sum() / made - 1,
            coverage=inside.filter(open_days).mean(),
        )
        ratios = {"ratio": "mae_planned", "ratio_corrected": "mae_corrected", "ratio_naive": "mae_naive"}
        return told.with_columns(
            pl.when(pl.col(under) > 0).then(pl.col("mae") / pl.col(under)).alias(name)
            for name, under in ratios.items()
        ).sort(*keys, "period")


def backtest_lines(
    panel: LinePanel,
    cutoffs: Sequence[date],
    *,
    horizon_days: int,
    seed: int = 7,
    profiles: Mapping[str, ProfileLike] | None = None,
) -> LineScores:
    """Fit at each cut-off on what the panel knew up to there and score the days and weeks that came.

    Plans are taken to have been known as far ahead as the panel knows them for days to come: LinePanel does not say when
    a past plan became known. Where tables do, build a panel as of each date and use `score_lines`.
    """
    if not cutoffs:
        raise LinePanelError(
            zh="回测没有给出截止日。请至少给出一个。",
            en="No cut-off is given to backtest. Give at least one.",
        )
    details = []
    for cutoff in sorted(set(cutoffs)):
        model = fit_lines(cut_panel(panel, cutoff, horizon_days=horizon_days), seed=seed, profiles=profiles)
        details.append(score_lines(model, panel).detail)
    return LineScores(pl.concat(details))


def cut_panel(panel: LinePanel, cutoff: date, *, horizon_days: int) -> LinePanel:
    """Return the panel as it was on a past day: later days are what is asked for, with the plans as far as known ahead.

    Raises LinePanelError where no line was reported by then.
    """
    history = panel.history.filter(pl.col("ds") <= cutoff)
    if not history.height:
        raise LinePanelError(
            zh=f"截止日 {cutoff} 之前没有任何产线的实绩。请选更晚的截止日。",
            en=f"No line was reported by {cutoff}. Choose a later cut-off.",
        )
    last = history.group_by("line_id").agg(pl.col("ds").max().alias("last_ds"))
    plans = panel.future.columns
    whole = pl.concat([panel.history.select(plans), panel.future.select(plans)]).sort("line_id", "ds")
    ahead = whole.join(last, on="line_id").filter(
        (pl.col("ds") > pl.col("last_ds")) & (pl.col("ds") <= cutoff + timedelta(days=horizon_days))
    )
    step = (pl.col("ds") - pl.col("last_ds")).dt.total_days()
    kept = ahead.with_columns(
        pl.when(step <= reach).then(name).alias(name) for name, reach in _reaches(panel).items()
    ).select(plans)
    known = pl.col("line_id").is_in(last["line_id"].to_list())
    return replace(
        panel,
        as_of=cutoff,
        lines=panel.lines.filter(known),
        history=history,
        future=kept.sort("line_id", "ds"),
        stops=panel.stops.filter(pl.col("ds") <= cutoff),
    )


def _reaches(panel: LinePanel) -> dict[str, int]:
    """Return for how many days past the last report each plan is known for days to come."""
    last = panel.history.group_by("line_id").agg(pl.col("ds").max().alias("last_ds"))
    future = panel.future.join(last, on="line_id", how="inner")
    step = (pl.col("ds") - pl.col("last_ds")).dt.total_days()
    names = ("planned_hours", "maintenance", *panel.drivers, *panel.text_drivers)
    found = future.select(step.filter(pl.col(name).is_not_null()).max().alias(name) for name in names)
    return {name: int(found[name][0] or 0) for name in names}


def score_lines(model: LineModel, later: LinePanel) -> LineScores:
    """Score a model's days and weeks against a later panel's history; days that were not reported whole do not count."""
    made = pl.coalesce("good_output", "output")
    has_good = pl.col("good_output").is_not_null().any().over("line_id")
    actual = later.history.with_columns(made=pl.when(has_good).then("good_output").otherwise(made))
    told = model.days().join(actual.select("line_id", "ds", "made"), on=["line_id", "ds"], how="left")
    told = told.join(_references(model.panel), on="line_id", how="left").join(
        _weekdays(model.panel),
        left_on=["line_id", pl.col("ds").dt.weekday()],
        right_on=["line_id", "weekday"],
        how="left",
    )
    told = told.with_columns(
        corrected=pl.col("planned_output") * pl.col("share").fill_null(1.0),
        naive=pl.col("naive").fill_null(0.0),
        cutoff=pl.lit(model.panel.as_of),
    ).filter(pl.col("made").is_not_null())
    columns = ("made", "planned_output", "corrected", "naive", "forecast", "q10", "q50", "q90")
    days = told.select("cutoff", "line_id", pl.lit("day").alias("period"), "ds", "step", *columns)
    monday = pl.col("ds").dt.truncate("1w").alias("week")
    sums = told.group_by("cutoff", "line_id", monday).agg(
        pl.len().alias("days"), pl.col("step").max(), *(pl.col(one).sum() for one in columns[:4])
    )
    weeks = model.weeks().select(
        "line_id", "week", pl.col("days").alias("asked"), "forecast", "q10", "q50", "q90"
    )
    whole = sums.join(weeks, on=["line_id", "week"]).filter(
        (pl.col("days") == pl.col("asked")) & (pl.col("days") >= _FEWEST_DAYS)
    )
    weekly = whole.select(
        "cutoff", "line_id", pl.lit("week").alias("period"), pl.col("week").alias("ds"), "step", *columns
    )
    return LineScores(pl.concat([days, weekly]).sort("cutoff", "line_id", "period", "ds"))


_MEAN_DAYS: Final = 91


def _references(panel: LinePanel) -> pl.DataFrame:
    """Return each line's made over planned output of its last quarter."""
    last = pl.col("ds").max().over("line_id")
    has_good = pl.col("good_output").is_not_null().any().over("line_id")
    recent = panel.history.with_columns(
        made=pl.when(has_good).then("good_output").otherwise("output"),
        planned=pl.col("planned_hours") * pl.col("planned_rate"),
    ).filter((pl.col("ds") > last - timedelta(days=_MEAN_DAYS)) & pl.col("made").is_not_null())
    sums = (
        recent.sort("line_id", "ds")
        .group_by("line_id", maintain_order=True)
        .agg(pl.col("made"), pl.col("planned"))
    )
    share = [
        float(np.sum(made) / np.sum(planned)) if np.nansum(planned) > 0 else 1.0
        for made, planned in zip(sums["made"].to_list(), sums["planned"].fill_null([]).to_list(), strict=True)
    ]
    return sums.select("line_id").with_columns(share=pl.Series(share, dtype=pl.Float64))


def _weekdays(panel: LinePanel) -> pl.DataFrame:
    """Return what each line made on the last reported day of each weekday."""
    has_good = pl.col("good_output").is_not_null().any().over("line_id")
    made = panel.history.with_columns(
        naive=pl.when(has_good).then("good_output").otherwise("output"), weekday=pl.col("ds").dt.weekday()
    ).filter(pl.col("naive").is_not_null())
    return made.sort("ds").group_by("line_id", "weekday").agg(pl.col("naive").last())
