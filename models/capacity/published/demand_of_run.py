"""Demand by product and week as a demand run published it: the same keys, the same calendar, the same version (E-04)."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from features.timeline import Frequency
from models.capacity.published.run_info import Note
from models.demand.ledger.published_run import ForecastRun
from models.errors import CapacityRunError
from models.quantile_columns import quantile_columns

__all__ = ["GROUP_LEVELS", "demand_by_product", "groups_of_products", "refused_notes", "sums_of_run"]

GROUP_LEVELS: Final = ("org_id", "family")
"""Levels between a product and the total at which a demand run has bands of its own."""

_PRODUCT: Final = "product"
_FAMILY: Final = "family"
_COMPANY: Final = "company"
_SHOWN: Final = 5


def demand_by_product(run: ForecastRun) -> pl.DataFrame:
    """Return product_id, week, forecast and the run's quantiles, one row a product and week, sorted; units of the product.

    A product's row is the run's own sum over regions, not a sum of quantiles. Raises CapacityRunError for a run that is
    not weekly or has no level of products.
    """
    info = run.info
    if info.freq is not Frequency.WEEK:
        raise CapacityRunError(
            info.run_id,
            f"是 {info.freq} 频率的需求批次，需要周（1w）",
            f"a demand run of weeks (1w) is needed, not {info.freq}",
        )
    found = run.forecast.filter(pl.col("level") == _PRODUCT, pl.col("product_id").is_not_null())
    if found.is_empty():
        raise CapacityRunError(
            info.run_id, "没有产品一级的预测", "it has no forecasts at the level of products"
        )
    return found.select(
        "product_id", _week().alias("week"), "forecast", *quantile_columns(found), "org_id", "family"
    ).sort("product_id", "week")


def groups_of_products(demand: pl.DataFrame) -> pl.DataFrame:
    """Return unique_id (the product) with the company and family that it adds up to, one row a product."""
    products = demand.unique("product_id", keep="first", maintain_order=True).sort("product_id")
    return products.select(pl.col("product_id").alias("unique_id"), "org_id", _family().alias("family"))


def sums_of_run(run: ForecastRun) -> pl.DataFrame:
    """Return unique_id (`total`, `org_id=...`, `family=...`), week and quantiles of the run's sums above the products."""
    found = run.forecast.filter(pl.col("level").is_in(["total", _COMPANY, _FAMILY]))
    name = (
        pl.when(pl.col("level") == _COMPANY)
        .then("org_id=" + pl.col("org_id"))
        .when(pl.col("level") == _FAMILY)
        .then("family=" + _family())
        .otherwise(pl.lit("total"))
    )
    named = found.select(name.alias("unique_id"), _week().alias("week"), *quantile_columns(found))
    return named.drop_nulls().sort("unique_id", "week")


def refused_notes(run: ForecastRun, products: Sequence[str]) -> tuple[Note, ...]:
    """Name products of which the demand run refused or could only carry on some series."""
    below = run.quality.filter(pl.col("product_id").is_in(list(products)), pl.col("quality") != "full")
    notes = []
    for quality, zh, en in (
        (
            "refused",
            "有序列无法预测，其需求未计入",
            "have series that could not be forecast and do not count",
        ),
        ("fallback", "有序列按季节性朴素预测", "have series forecast by the seasonal naive"),
    ):
        ids = sorted(set(below.filter(pl.col("quality") == quality)["product_id"]))
        if ids:
            listed = ", ".join(ids[:_SHOWN]) + (" …" if len(ids) > _SHOWN else "")
            notes.append(
                Note(
                    code=f"demand_{quality}",
                    zh=f"需求批次中 {listed} {zh}。",
                    en=f"Demand run: {listed} {en}.",
                )
            )
    return tuple(notes)


def _week() -> pl.Expr:
    return pl.col("ds").cast(pl.Date)


def _family() -> pl.Expr:
    """Name a family within its company: companies may sell the same family."""
    return pl.concat_str("org_id", "family", separator="/")
