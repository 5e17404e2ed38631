"""Output of lines against the planned rate: mean absolute errors by day and by week, from several origins.

Cases, each from panels that know nothing after their origin:

- the sample group (synthetic, scale 1, three seeds), origins of the last two years, 56 days ahead;
- two synthetic plants with drivers (`plant.py`): ambitious targets, and targets that are mostly met;
- lines of SupplyGraph (real), four weeks ahead: no drivers were published, so the goal, which is for lines with drivers, is
  judged elsewhere and this case's figures stand beside it. Lines that stood still on more than a quarter of the days known
  at the origin are shown apart: against them any share below one beats the planned rate.

An error is divided by the mean planned output of its line over the case, so that cells, tonnes and litres add up. Peers: the
planned rate on the days that the model plans, and that times the line's own share of the last 28 days ("trailing").
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from bench.capacity_parts.goals import Goal, not_measured
from bench.capacity_parts.group import GROUP_SEEDS, generated_group
from bench.capacity_parts.plant import DRIVERS, draw_plant
from bench.capacity_parts.supplygraph import CUTOFFS, SupplyGraph, read_supplygraph

if TYPE_CHECKING:
    from features.capacity.line_panel import LinePanel

__all__ = ["run"]

_LIMIT: Final = 0.92
_GROUP_ORIGINS: Final = (date(2024, 6, 30), date(2024, 12, 31), date(2025, 6, 30), date(2025, 10, 31))
_GROUP_AHEAD: Final = 56
_PLANT_AHEAD: Final = 28
_END: Final = date(2025, 12, 31)


@dataclass(frozen=True)
class _Judged:
    """Forecasts beside what came: [line_id, ds, planned, q50, q10, q90, trailing, actual] of one panel."""

    label: str
    rows: pl.DataFrame


def run(data: Path, seed: int) -> list[Goal]:
    """Judge each case, print its figures, return its goals."""
    goals: list[Goal] = []
    goals += _report("sample group (synthetic)", [one for two in GROUP_SEEDS for one in _group(two, seed)])
    for met in (False, True):
        name = f"plant with drivers, targets {'mostly met' if met else 'ambitious'} (synthetic)"
        goals += _report(name, [one for two in GROUP_SEEDS for one in _plant(two, seed, met=met)])
    try:
        graph = read_supplygraph(data)
    except FileNotFoundError:
        return [
            *goals,
            not_measured("SupplyGraph: MAE / the planned rate's, days", _LIMIT, "no ../shared/data"),
        ]
    judged = [_supplygraph(graph, cutoff, seed) for cutoff in CUTOFFS]
    _report("SupplyGraph, lines that run, no drivers (real)", [_kept(one, campaigns=False) for one in judged])
    _report("SupplyGraph, campaign lines, no drivers (real)", [_kept(one, campaigns=True) for one in judged])
    return goals


def _report(name: str, judged: list[_Judged]) -> list[Goal]:
    """Print the figures of a case by day and week; return its goals."""
    rows = pl.concat([one.rows.with_columns(label=pl.lit(one.label)) for one in judged])
    weeks = _weeks(rows)
    figures = {"days": _errors(rows), "weeks": _errors(weeks)}
    for span, found in figures.items():
        print(
            f"{name}, {span}: {found['count']:,.0f} rows, MAE / planned output {found['ours']:.4f}, planned rate's "
            f"{found['planned']:.4f}, trailing share's {found['trailing']:.4f}; ratio {found['ratio']:.3f}"
            + (f"; 80 % band covers {found['cover80']:.1%}" if "cover80" in found else ""),
            flush=True,
        )
    each = ", ".join(f"{one.label} {_errors(one.rows)['ratio']:.3f}" for one in judged if one.rows.height)
    print(f"  by origin, days: {each}", flush=True)
    return [
        Goal(f"{name}: MAE / the planned rate's, {span}", found["ratio"], _LIMIT)
        for span, found in figures.items()
    ]


def _weeks(rows: pl.DataFrame) -> pl.DataFrame:
    """Add whole weeks up; the week's forecast is the sum of the days' expected values."""
    sums = rows.group_by("label", "line_id", pl.col("ds").dt.truncate("1w")).agg(
        pl.col("planned", "trailing", "forecast", "actual").sum(), days=pl.col("ds").n_unique()
    )
    whole = sums.filter(pl.col("days") >= 6)
    return whole.with_columns(q50=pl.col("forecast")).sort("label", "line_id", "ds")


def _errors(rows: pl.DataFrame) -> dict[str, float]:
    size = rows.group_by("line_id").agg(size=pl.col("planned").mean())
    scaled = rows.join(size, on="line_id").filter(pl.col("size") > 0)
    found = {"count": float(scaled.height)}
    for name, column in (("ours", "q50"), ("planned", "planned"), ("trailing", "trailing")):
        error = ((scaled[column] - scaled["actual"]).abs() / scaled["size"]).sort().to_numpy()
        found[name] = float(error.mean()) if error.size else float("nan")
    found["ratio"] = found["ours"] / found["planned"] if found["planned"] else float("nan")
    if "q10" in rows.columns and "q90" in rows.columns:
        working = scaled.filter(pl.col("planned") > 0)
        inside = working["actual"].is_between(working["q10"], working["q90"]).to_numpy()
        found["cover80"] = float(inside.mean()) if inside.size else float("nan")
    return found


def _judge(label: str, panel: "LinePanel", actual: pl.DataFrame, seed: int) -> _Judged:
    """Fit the lines of a panel and lay their days beside what came [line_id, ds, actual]; rest days count too."""
    from models.capacity.lines.model import fit_lines

    days = fit_lines(panel, seed=seed).days().filter(pl.col("ds") > panel.as_of)
    shares = _trailing(panel)
    rows = days.join(actual.drop_nulls("actual"), on=["line_id", "ds"]).join(shares, on="line_id")
    planned = pl.col("planned_output").fill_null(0.0)
    found = rows.with_columns(planned=planned, trailing=planned * pl.col("share")).sort("line_id", "ds")
    columns = ["line_id", "ds", "planned", "trailing", "forecast", "q10", "q50", "q90", "actual"]
    return _Judged(label, found.select(columns))


def _trailing(panel: "LinePanel") -> pl.DataFrame:
    """Return [line_id, share]: what a line made of its planned output in its last 28 reported days."""
    rows = panel.history.sort("line_id", "ds").group_by("line_id", maintain_order=True).tail(28)
    made = pl.coalesce("good_output", "output")
    planned = pl.col("planned_hours") * pl.col("planned_rate")
    both = rows.filter(made.is_not_null() & planned.is_not_null())
    sums = both.group_by("line_id", maintain_order=True).agg(made=made.sum(), planned=planned.sum())
    share = pl.when(pl.col("planned") > 0).then(pl.col("made") / pl.col("planned")).otherwise(1.0)
    return sums.select("line_id", share=share)


def _group(group_seed: int, seed: int) -> list[_Judged]:
    from features.capacity.group_lines import group_line_panel

    with generated_group(group_seed) as folder:
        tables = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
    # What came is read as the panel of the last day reads it: faults are treated there, not here.
    last = group_line_panel(tables, as_of=_END, horizon_days=1).history
    actual = last.select("line_id", "ds", actual=pl.coalesce("good_output", "output"))
    return [
        _judge(
            f"{group_seed}@{origin}",
            group_line_panel(tables, as_of=origin, horizon_days=_GROUP_AHEAD),
            actual,
            seed,
        )
        for origin in _GROUP_ORIGINS
    ]


def _plant(plant_seed: int, seed: int, *, met: bool) -> list[_Judged]:
    from features.capacity.history_file import line_panel_of_file

    table = draw_plant(plant_seed, met=met)
    days = table["ds"].unique().sort().to_list()
    actual = table.select("line_id", "ds", actual="output")
    judged = []
    for origin in (days[120], days[170], days[220]):
        ahead = table.filter(
            pl.col("ds").is_between(origin, origin + timedelta(days=_PLANT_AHEAD), closed="right")
        )
        panel = line_panel_of_file(
            table.filter(pl.col("ds") <= origin), ahead.drop("output"), as_of=origin, drivers=DRIVERS
        )
        judged.append(_judge(f"{plant_seed}@{origin}", panel, actual, seed))
    return judged


def _supplygraph(graph: SupplyGraph, cutoff: date, seed: int) -> _Judged:
    from features.capacity.history_file import line_panel_of_file

    panel = line_panel_of_file(graph.history(cutoff), graph.plan(cutoff), as_of=cutoff)
    actual = graph.days.select("line_id", "ds", actual="made")
    found = _judge(f"{cutoff}", panel, actual, seed)
    still = pl.col("made").eq(0).mean()
    kind = graph.days.filter(pl.col("ds") <= cutoff).group_by("line_id").agg(campaign=still > 0.25)
    return _Judged(found.label, found.rows.join(kind, on="line_id").sort("line_id", "ds"))


def _kept(judged: _Judged, *, campaigns: bool) -> _Judged:
    return _Judged(judged.label, judged.rows.filter(pl.col("campaign") == campaigns))
