"""Our forecaster as anyone calls it: the same defaults on every set; only the horizon and the columns are named."""

import polars as pl

from bench.forecast_parts.datasets import Problem
from features.demand import build_panel
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_nodes
from models.demand.router import Tier

__all__ = ["zhiheng_fast", "zhiheng_standard"]


def zhiheng_standard(problem: Problem) -> pl.DataFrame:
    """Forecast by the standard tier."""
    return _forecast(problem, Tier.STANDARD)


def zhiheng_fast(problem: Problem) -> pl.DataFrame:
    """Forecast by the fast tier."""
    return _forecast(problem, Tier.FAST)


def _forecast(problem: Problem, tier: Tier) -> pl.DataFrame:
    panel = build_panel(problem.panel_frame(), freq=problem.freq, known=problem.known, static=problem.static)
    hierarchy = _hierarchy(problem)
    if hierarchy is None:
        return fit_forecaster(panel, problem.horizon, tier=tier).forecast()
    return fit_forecaster(panel, problem.horizon, tier=tier, hierarchy=hierarchy).forecast()


def _hierarchy(problem: Problem) -> Hierarchy | None:
    if problem.members is None:
        return None
    parts = problem.members.filter(pl.col("unique_id") != pl.col("bottom"))
    nodes = {str(key[0]): group["bottom"].to_list() for key, group in parts.group_by("unique_id")}
    return hierarchy_of_nodes(nodes, problem.members["unique_id"].unique().sort().to_list())
