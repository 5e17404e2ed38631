"""The model of a panel of production lines: effective capacity by day and week with bands, explained and judged."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from features.capacity.line_panel import LinePanel
from models.capacity.lines.answers import Answers, answers_of
from models.capacity.lines.columns import Columns
from models.capacity.lines.explanation import contribution_frame, walk
from models.capacity.lines.grid import LineGrid, codes_of, grid_of
from models.capacity.lines.learning import learn
from models.capacity.lines.learnt import Learnt
from models.capacity.lines.limits import LineLimits, ProfileLike, limits_of
from models.capacity.lines.losses import losses
from models.capacity.lines.marginals import LineMarginals, marginals_of
from models.capacity.lines.rows import World, world_of
from models.capacity.lines.settings import LineSettings
from models.capacity.lines.tables import day_frame, week_frame
from models.errors import LinePanelError

__all__ = ["LEVELS", "LineModel", "fit_lines"]

LEVELS: Final = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_MIDDLE: Final = 0.5


@dataclass(frozen=True, eq=False)
class LineModel:
    """What each line of a panel can make in the days asked for by `panel.future`; see `fit_lines`."""

    panel: LinePanel
    codes: dict[str, list[str]]
    columns: Columns
    learnt: Learnt
    limits: tuple[LineLimits, ...]
    levels: tuple[float, ...]
    horizon: int
    reach: tuple[tuple[int, ...], tuple[int, ...], int]
    settings: LineSettings
    seed: int

    @cached_property
    def world(self) -> World:
        """The panel as arrays with its states; what is known how far ahead stays as it was learnt."""
        return world_of(self._grid(), self.panel.as_of, self.limits)

    @cached_property
    def answers(self) -> Answers:
        """All that is said of the days and weeks asked for, as arrays."""
        return answers_of(self.world, self.columns, self.learnt, self.levels)

    def days(self) -> pl.DataFrame:
        """Return the days: [line_id, ds, step, planned_hours, availability, performance, quality, oee, planned_output,
        forecast, q5 ... q95, quality_flag, reason_zh, reason_en], sorted by line_id, ds.

        Output in the line's unit. `forecast` is the expected value (days sum to weeks), `q50` the median. planned_hours
        are the usual ones where no shift plan is known; planned_output is the planned rate times the hours planned, or
        the usual ones outside maintenance.
        """
        return day_frame(self.world.grid, self.answers, self.levels)

    def weeks(self) -> pl.DataFrame:
        """Return the weeks, stamped on Monday: hours, output, the forecast with its quantiles, OEE rolled up by time.

        Columns: line_id, week, days (asked for in that week), calendar_hours, planned_hours, run_hours, effective_hours,
        output, planned_output, forecast, q5 ... q95, availability, performance, quality, oee, utilisation, quality_flag,
        reason_zh, reason_en; sorted by line_id, week.
        """
        return week_frame(self.world.grid, self.answers, self.levels)

    def contributions(self) -> pl.DataFrame:
        """Return [line_id, week, factor, driver, value] whose values sum to the forecast of each line and week.

        In the line's unit. Raises LineAdditivityError where they do not.
        """
        told = self.answers
        grid, rows = self.world.grid, told.rows
        steps = walk(grid, rows, self.columns, told.served, told.days)
        return contribution_frame(
            grid, told.weeks, steps, rate=grid.rate[rows.line, rows.day], forecast=told.week_forecast
        )

    def losses(self) -> pl.DataFrame:
        """Return hours and units lost by reason of stop over the last 13 weeks; see `models.capacity.lines.losses`."""
        return losses(self.panel)

    def marginals(self) -> LineMarginals:
        """Return the weekly quantiles of all lines and the joint errors of their backtests, for simulation."""
        return marginals_of(self.world.grid, self.answers, self.levels, self.learnt, self.panel.as_of)

    def future_changed(self, future: pl.DataFrame) -> "LineModel":
        """Return the model with other plans (shifts, maintenance, drivers, rates) for the days to come; nothing is relearnt.

        Raises LinePanelError for a line or a column that is not the panel's, or a day that was reported already.
        """
        _check_future(self.panel, future)
        wanted = future.select(self.panel.future.columns).sort("line_id", "ds")
        return replace(self, panel=replace(self.panel, future=wanted))

    def _grid(self) -> LineGrid:
        reach, drivers, maintenance = self.reach
        return replace(
            grid_of(self.panel, self.codes),
            reach=np.array(reach, dtype=np.int64),
            driver_reach=np.array(drivers, dtype=np.int64),
            maintenance_reach=maintenance,
        )


def fit_lines(
    panel: LinePanel,
    *,
    seed: int = 7,
    levels: tuple[float, ...] = LEVELS,
    profiles: Mapping[str, ProfileLike] | None = None,
    settings: LineSettings | None = None,
) -> LineModel:
    """Learn what the lines of a panel can make from all of their histories together.

    Capacity is calendar hours x schedule x availability x performance x quality; one LightGBM a factor learns, over all
    lines and steps ahead, how the factor will differ from the line's own level, weighed so that expected values multiply.
    Rolling backtests decide how far each line follows the trees, which mixture of candidates tells its median, and the
    conformal bands of days and of weeks. A line with fewer than five reported days is served its planned rate.

    levels: rising, with 0.5. profiles: by name, for the bottleneck, the maintenance that stops a line and restarts.
    The same panel and seed give the same model. Raises LinePanelError for a panel without lines or days to forecast.
    """
    if _MIDDLE not in levels or list(levels) != sorted(set(levels)) or not 0 < levels[0] <= levels[-1] < 1:
        raise LinePanelError(
            zh=f"分位水平 {levels} 须递增、位于 0 与 1 之间并含 0.5。请改正。",
            en=f"Levels {levels} must rise, lie between 0 and 1 and hold 0.5. Correct them.",
        )
    settings = settings or LineSettings()
    codes = codes_of(panel)
    grid = grid_of(panel, codes)
    if not grid.coming.any():
        raise LinePanelError(
            zh="面板的 future 中没有要预测的日期。请以大于 0 的预测天数（horizon_days）重新生成面板。",
            en="The panel's `future` holds no day to forecast. Build it with `horizon_days` above 0.",
        )
    limits = limits_of(profiles or {}, panel.lines["profile"].to_list())
    horizon = _horizon(grid)
    columns, learnt = learn(
        world_of(grid, panel.as_of, limits), horizon=horizon, seed=seed, levels=levels, settings=settings
    )
    reach = (tuple(grid.reach.tolist()), tuple(grid.driver_reach.tolist()), grid.maintenance_reach)
    return LineModel(panel, codes, columns, learnt, limits, levels, horizon, reach, settings, seed)


def _horizon(grid: LineGrid) -> int:
    """Return the most days that are asked for past a line's last report."""
    ahead = np.arange(grid.size[1])[None, :] - grid.origin[:, None]
    return int(np.where(grid.coming, ahead, 0).max())


def _check_future(panel: LinePanel, future: pl.DataFrame) -> None:
    lacking = [one for one in panel.future.columns if one not in future.columns]
    if lacking:
        raise LinePanelError(
            zh=f"新的计划缺少列 {', '.join(lacking)}。请以面板的 future 为底修改，保留所有列。",
            en=f"The new plan lacks {', '.join(lacking)}. Change a copy of the panel's `future` and keep its columns.",
        )
    last = panel.history.group_by("line_id").agg(pl.col("ds").max().alias("last_ds"))
    late = future.join(last, on="line_id").filter(pl.col("ds") <= pl.col("last_ds")).sort("line_id", "ds")
    if late.height:
        line, day = late["line_id"][0], late["ds"][0]
        raise LinePanelError(
            zh=f"新的计划中，产线 {line} 的 {day} 已有实绩。请只给出最后报告日之后的日期。",
            en=f"New plan, line {line}: {day} was reported already. Give days after the last report only.",
        )
    _check_numbers(future)


def _check_numbers(future: pl.DataFrame) -> None:
    hours, rate = pl.col("planned_hours"), pl.col("planned_rate")
    wrong = future.filter(~hours.is_between(0, 24) | ~(rate > 0) | rate.is_null()).sort("line_id", "ds")
    if wrong.height:
        line, day = wrong["line_id"][0], wrong["ds"][0]
        raise LinePanelError(
            zh=f"新的计划中，产线 {line} 在 {day} 的计划工时须在 0 至 24 之间（或留空），计划产能须大于 0。请改正。",
            en=f"New plan, line {line}, {day}: planned hours must lie from 0 to 24 (or be empty), the planned rate above 0.",
        )
