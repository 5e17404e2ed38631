"""What of a published run somebody plans: the companies and the weeks."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

import polars as pl

from models.capacity.published.capacity_run import CapacityRun
from models.errors import PlanValueError, PlanWithoutDemandError

__all__ = ["chosen_weeks", "listed", "made_elsewhere", "run_of_companies", "weeks_of_run"]

_WEEK_DAYS: Final = 7
_SHOWN: Final = 5


def weeks_of_run(run: CapacityRun, demand: pl.DataFrame | None = None) -> tuple[date, ...]:
    """Return the weeks that can still be planned: whole, after the data's day, known to all lines and the demand run.

    `demand` is that of the whole run, where `run` is a part of it.
    """
    whole = run.weeks.filter(pl.col("days") >= _WEEK_DAYS) if "days" in run.weeks.columns else run.weeks
    counts = whole.group_by("week").len().filter(pl.col("len") == run.lines.height)
    shared = set(counts["week"]) & set((run.demand if demand is None else demand)["week"])
    ahead = sorted(week for week in shared if week >= run.info.data_as_of)
    return tuple(week for place, week in enumerate(ahead) if week == ahead[0] + timedelta(weeks=place))


def run_of_companies(run: CapacityRun, companies: Collection[str] | None) -> CapacityRun:
    """Return the run with the lines of these companies, and the products that are theirs or are made on these lines.

    Their products that only others' lines make are left out (`made_elsewhere`). Raises PlanValueError for an unknown
    company.
    """
    if companies is None:
        return run
    wanted = sorted(companies)
    lines = run.lines.filter(pl.col("org_id").is_in(wanted))
    theirs = pl.col("org_id").is_in(wanted)
    strange = sorted(set(wanted) - set(lines["org_id"]) - set(run.products.filter(theirs)["org_id"]))
    if strange:
        raise PlanValueError(
            zh=f"企业 {listed(strange)} 在产能批次 {run.info.run_id} 中既没有产线也没有产品。请核对企业编号。",
            en=f"The companies {listed(strange)} have neither a line nor a product in capacity run {run.info.run_id}. "
            "Check their ids.",
        )
    here = set(run.routes.join(lines, on="line_id", how="semi")["product_id"])
    elsewhere = set(run.routes["product_id"]) - here
    products = run.products.filter(
        (theirs | pl.col("product_id").is_in(sorted(here))) & ~pl.col("product_id").is_in(sorted(elsewhere))
    )
    return CapacityRun(
        run.info,
        lines=lines,
        products=products,
        dependence=run.dependence,
        **{name: _within(getattr(run, name), lines, products) for name in _BY_LINE_OR_PRODUCT},
        caps=run.caps.filter(pl.col("org_id").is_in(wanted)),
    )


def made_elsewhere(run: CapacityRun, companies: Collection[str] | None) -> dict[str, list[str]]:
    """Return the products of these companies that only others' lines make, with the companies of those lines."""
    if companies is None:
        return {}
    makers = run.routes.join(run.lines.select("line_id", "org_id"), on="line_id").group_by("product_id")
    by_product = dict(makers.agg(pl.col("org_id").unique().sort()).iter_rows())
    own = run.products.filter(pl.col("org_id").is_in(sorted(companies))).sort("product_id")["product_id"]
    return {
        one: by_product[one] for one in own if one in by_product and not {*by_product[one]} & {*companies}
    }


_BY_LINE_OR_PRODUCT: Final = (
    "days",
    "weeks",
    "contributions",
    "utilisation",
    "losses",
    "routes",
    "orders",
    "demand",
    "shortfall_products",
    "shortfall_lines",
    "stock_alerts",
)


def _within(frame: pl.DataFrame, lines: pl.DataFrame, products: pl.DataFrame) -> pl.DataFrame:
    for key, known in (("line_id", lines), ("product_id", products)):
        if key in frame.columns:
            frame = frame.join(known.select(key), on=key, how="semi", maintain_order="left")
    return frame


def chosen_weeks(
    run: CapacityRun, weeks: int | Sequence[date] | None, demand: pl.DataFrame | None = None
) -> tuple[date, ...]:
    """Return the plan's weeks; `demand` as in `weeks_of_run`. Raises PlanWithoutDemandError, PlanValueError."""
    able = weeks_of_run(run, demand)
    if not able:
        raise PlanWithoutDemandError(
            zh=f"产能批次 {run.info.run_id} 没有可计划的周：需求批次为 {run.info.demand_run_id or '无'}。"
            "请先运行 `zhiheng demand run --freq 1w`，再运行 `zhiheng capacity forecast`。",
            en=f"Capacity run {run.info.run_id} has no week to plan: its demand run is {run.info.demand_run_id or 'none'}. "
            "Run `zhiheng demand run --freq 1w`, then `zhiheng capacity forecast`.",
        )
    if weeks is None:
        return able
    wanted = able[:weeks] if isinstance(weeks, int) else tuple(weeks)
    beyond = [str(week) for week in wanted if week not in able]
    if beyond or not wanted or (isinstance(weeks, int) and len(able) < weeks):
        raise PlanValueError(
            zh=f"计划的周超出批次可计划的范围（{able[0]} 至 {able[-1]}，共 {len(able)} 周）：{weeks}。请在此范围内选择。",
            en=f"The plan's weeks go beyond what the run can plan ({able[0]} to {able[-1]}, {len(able)} weeks): {weeks}. "
            "Choose within it.",
        )
    return wanted


def listed(names: Sequence[str]) -> str:
    """Name the first few."""
    return ", ".join(names[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
