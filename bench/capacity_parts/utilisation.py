"""Monthly utilisation against the last value repeated: error, and how often the 80 % band holds what came.

Three kinds of series, each forecast six months ahead from several origins with nothing after the origin in sight:

- the sample group's lines (synthetic; six years, 8 origins in each of three seeds);
- near random walks (synthetic): 40 series of 180 months around 78 %, steps of one point, now and then a shock of six to
  fifteen points that half heals within the year, as industry's utilisation is known to do; and 24 such series of 480
  months, each forecast by a call of its own;
- M3's 334 monthly series of industry (real, ../shared/data): no utilisation, but output of industries; each is divided by
  1.1 x its highest value up to the origin, so that it lies where utilisation does.

SupplyGraph has seven whole months, too few for a forecast of months. Errors are pooled over series, origins and steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from bench.capacity_parts.goals import Goal, not_measured
from bench.capacity_parts.group import GROUP_SEEDS, generated_group

__all__ = ["run"]

HORIZON: Final = 6
_LIMIT: Final = 1.01
_BAND: Final = (0.75, 0.87)
_END: Final = date(2025, 12, 31)


@dataclass(frozen=True)
class _Case:
    """Series of one kind [unique_id, ds, y], and the months after which forecasts are made."""

    name: str
    frame: pl.DataFrame
    origins: Sequence[date]
    alone: bool = False  # each series by a call of its own, so that none learns from another


def run(data: Path, seed: int) -> list[Goal]:
    """Forecast each kind from its origins, print the figures, return two goals a kind."""
    goals: list[Goal] = []
    for name, cases in (
        ("sample group (synthetic)", [_group(one) for one in GROUP_SEEDS]),
        ("near random walks (synthetic)", [_walks(seed)]),
        ("near random walks, each alone (synthetic)", [_walks(seed, series=24, months=480, alone=True)]),
        ("M3 industry (real, scaled)", _industry(data)),
    ):
        if not cases:
            goals.append(not_measured(f"utilisation, {name}: MAE / naive's", _LIMIT, "no ../shared/data"))
            continue
        found = pl.concat([_forecasts(case, seed) for case in cases])
        goals += _goals(name, found)
    print("SupplyGraph: seven whole months, too few for a forecast of months; not measured")
    return goals


def _forecasts(case: _Case, seed: int) -> pl.DataFrame:
    """Return [case, unique_id, ds, step, y, naive, forecast, q10, q90] of all origins."""
    from models.capacity.utilisation import forecast_utilisation

    parts = []
    for origin in case.origins:
        train, after = _split(case, origin)
        given = train.partition_by("unique_id") if case.alone else [train]
        found = pl.concat([forecast_utilisation(one, HORIZON, seed=seed) for one in given])
        last = (
            train.sort("unique_id", "ds")
            .group_by("unique_id", maintain_order=True)
            .agg(naive=pl.col("y").last())
        )
        both = after.join(
            found.select("unique_id", "ds", "forecast", "q10", "q90"), on=["unique_id", "ds"], how="left"
        )
        both = both.join(last, on="unique_id").sort("unique_id", "ds")
        parts.append(
            both.with_columns(step=pl.int_range(1, pl.len() + 1).over("unique_id"), case=pl.lit(case.name))
        )
    return pl.concat(parts).select("case", "unique_id", "ds", "step", "y", "naive", "forecast", "q10", "q90")


def _split(case: _Case, origin: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = case.frame.sort("unique_id", "ds")
    train = rows.filter(pl.col("ds") <= origin)
    after = rows.filter(pl.col("ds") > origin).filter(pl.int_range(pl.len()).over("unique_id") < HORIZON)
    if case.name == "industry":
        peak = train.group_by("unique_id").agg(peak=pl.col("y").max() * 1.1)
        train, after = (
            part.join(peak, on="unique_id")
            .with_columns(pl.col("y") / pl.col("peak"))
            .drop("peak")
            .sort("unique_id", "ds")
            for part in (train, after)
        )
    return train, after.join(train.select("unique_id").unique(), on="unique_id", how="semi")


def _goals(name: str, found: pl.DataFrame) -> list[Goal]:
    missing = found["forecast"].null_count()
    error, naive = (found["y"] - found["forecast"]).abs(), (found["y"] - found["naive"]).abs()
    inside = found["y"].is_between(found["q10"], found["q90"])
    ratio, covered = _mean(error) / _mean(naive), _mean(inside.cast(pl.Float64))
    by_step = found.with_columns(error=error, peer=naive).group_by("step").agg(pl.col("error", "peer").mean())
    steps = ", ".join(
        f"{row['error'] / row['peer']:.3f}" for row in by_step.sort("step").iter_rows(named=True)
    )
    width = _mean(found["q90"] - found["q10"])
    print(
        f"{name}: {found.height:,} forecasts ({missing} unanswered), MAE {_mean(error):.4f}, naive {_mean(naive):.4f}, "
        f"ratio by month ahead {steps}; 80 % band covers {covered:.1%}, mean width {width:.3f}",
        flush=True,
    )
    if missing:
        ratio = covered = float("nan")
    return [
        Goal(f"utilisation, {name}: MAE / naive's", ratio, _LIMIT),
        Goal(f"utilisation, {name}: coverage of the 80 % band", covered, _BAND[1], least=_BAND[0]),
    ]


def _mean(values: pl.Series) -> float:
    known = values.drop_nulls().to_numpy()
    return float(known.mean()) if known.size else float("nan")


def _group(seed: int) -> _Case:
    from features.capacity.group_lines import group_line_panel
    from features.capacity.utilisation import monthly_utilisation

    with generated_group(seed) as folder:
        panel = group_line_panel(_tables(folder), as_of=_END, horizon_days=31)
    frame = (
        monthly_utilisation(panel).select("line_id", "ds", y="utilisation").rename({"line_id": "unique_id"})
    )
    months = frame["ds"].unique().sort().to_list()
    return _Case(f"group {seed}", frame, months[-HORIZON - 16 : -HORIZON : 2])


def _tables(folder: Path) -> dict[str, pl.DataFrame]:
    return {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}


def _walks(seed: int, *, series: int = 40, months: int = 180, alone: bool = False) -> _Case:
    rng = np.random.default_rng([seed, series, months])
    dates = pl.date_range(date(1986, 1, 1), date(2025, 12, 1), "1mo", eager=True).tail(months)
    level = 0.78 + rng.normal(0, 0.03, series)
    parts = []
    for place in range(series):
        steps = rng.normal(0, 0.01, months)
        for shock in np.flatnonzero(rng.random(months) < 0.008):
            drop = rng.uniform(0.06, 0.15)
            steps[shock] -= drop
            steps[shock + 1 : shock + 12] += drop / 2 / 11
        walk = np.empty(months)
        value = level[place]
        for month, step in enumerate(steps):
            value += step + 0.01 * (level[place] - value)
            walk[month] = value
        parts.append(pl.DataFrame({"unique_id": f"U{place:02}", "ds": dates, "y": np.clip(walk, 0.3, 1.0)}))
    origins = dates.to_list()[months // 2 : months - HORIZON : 36 if alone else 12]
    return _Case("walks", pl.concat(parts), origins, alone)


def _industry(data: Path) -> list[_Case]:
    path = data / "m3_monthly.parquet"
    if not path.exists():
        return []
    rows = pl.read_parquet(path).filter(pl.col("category") == "INDUSTRY")
    rows = rows.select("unique_id", pl.col("ds").cast(pl.Date).dt.month_start(), "y").sort("unique_id", "ds")
    # Series end at different times: all are moved to end together, so that one origin cuts each at the same length.
    last = rows.group_by("unique_id").agg(last=pl.col("ds").max())
    moved = rows.join(last, on="unique_id").sort("unique_id", "ds")
    ago = pl.len() - 1 - pl.int_range(pl.len()).over("unique_id")
    end = pl.lit(date(2000, 12, 1))
    moved = moved.with_columns(ds=end.dt.offset_by(pl.format("-{}mo", ago.over("unique_id"))))
    months = moved["ds"].unique().sort().to_list()
    return [
        _Case(
            "industry",
            moved.select("unique_id", "ds", "y"),
            [months[-25], months[-19], months[-13], months[-7]],
        )
    ]
