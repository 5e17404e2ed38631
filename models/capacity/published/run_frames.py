"""The frames of a published capacity run: which columns each must have, and what must hold between them."""

import itertools
from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from models.errors import CapacityRunError
from models.quantile_columns import quantile_columns

__all__ = ["FRAMES", "QUALITIES", "Columns", "check_frames", "empty_frame", "shaped"]

Columns: TypeAlias = Mapping[str, type[pl.DataType]]

_DAILY: Final[Columns] = {
    "line_id": pl.String,
    "planned_hours": pl.Float64,
    "availability": pl.Float64,
    "performance": pl.Float64,
    "quality": pl.Float64,
    "oee": pl.Float64,
    "planned_output": pl.Float64,
    "forecast": pl.Float64,
    "quality_flag": pl.String,
    "reason_zh": pl.String,
    "reason_en": pl.String,
}
FRAMES: Final[Mapping[str, Columns]] = {
    "lines": {
        "line_id": pl.String,
        "org_id": pl.String,
        "name": pl.String,
        "profile": pl.String,
        "unit": pl.String,
        "planned_rate": pl.Float64,
    },
    "days": {**_DAILY, "ds": pl.Date},
    "weeks": {
        **_DAILY,
        "week": pl.Date,
        "calendar_hours": pl.Float64,
        "effective_hours": pl.Float64,
        "output": pl.Float64,
        "utilisation": pl.Float64,
    },
    "contributions": {
        "line_id": pl.String,
        "week": pl.Date,
        "factor": pl.String,
        "driver": pl.String,
        "value": pl.Float64,
    },
    "utilisation": {"line_id": pl.String, "ds": pl.Date, "forecast": pl.Float64},
    "losses": {"line_id": pl.String, "reason": pl.String, "hours": pl.Float64, "units": pl.Float64},
    "routes": {"line_id": pl.String, "product_id": pl.String, "rate": pl.Float64},
    "products": {"product_id": pl.String, "org_id": pl.String, "family": pl.String, "unit": pl.String},
    "orders": {
        "order_id": pl.String,
        "product_id": pl.String,
        "week": pl.Date,
        "quantity": pl.Float64,
    },
    "caps": {"cap_id": pl.String, "kind": pl.String, "org_id": pl.String, "limit": pl.Float64},
    "demand": {"product_id": pl.String, "week": pl.Date, "forecast": pl.Float64},
    "shortfall_products": {"product_id": pl.String, "week": pl.Date, "probability": pl.Float64},
    "shortfall_lines": {"line_id": pl.String, "week": pl.Date, "probability": pl.Float64},
    "stock_alerts": {"product_id": pl.String, "week": pl.Date},
}
"""Columns that a frame must have; it may have more, which are kept as they are."""

QUALITIES: Final = ("full", "short_history", "planned_rate")
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "lines": ("line_id",),
    "days": ("line_id", "ds"),
    "weeks": ("line_id", "week"),
    "losses": ("line_id", "reason"),
    "routes": ("line_id", "product_id"),
    "products": ("product_id",),
    "orders": ("order_id",),
    "caps": ("cap_id",),
    "demand": ("product_id", "week"),
    "shortfall_products": ("product_id", "week"),
    "shortfall_lines": ("line_id", "week"),
}
_NULLABLE: Final = {"name", "bottleneck", "profile", "reason_zh", "reason_en", "org_id", "driver", "family"}
_TOLERANCE: Final = 1e-6
_MONDAY: Final = 1
_SHOWN: Final = 5


def empty_frame(name: str) -> pl.DataFrame:
    """Return a frame of a run with its columns and no row, for what a plant does not have."""
    return pl.DataFrame(schema=dict(FRAMES[name]))


def shaped(where: str, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with its columns in their types, sorted by its key. Raises CapacityRunError."""
    wanted = FRAMES[name]
    lacks = [column for column in wanted if column not in frame.columns]
    if lacks:
        raise CapacityRunError(
            where, f"的 {name} 表缺少列 {lacks}", f"its table '{name}' lacks the columns {lacks}"
        )
    try:
        typed = frame.with_columns(pl.col(column).cast(kind) for column, kind in wanted.items())
    except pl.exceptions.PolarsError as error:
        raise CapacityRunError(
            where, f"的 {name} 表类型有误", f"its table '{name}' has wrong types"
        ) from error
    key = _KEYS.get(name, ())
    return typed.sort(*key, maintain_order=True) if key else typed


def check_frames(where: str, frames: Mapping[str, pl.DataFrame]) -> None:
    """Refuse frames that contradict themselves or one another, naming the first rows. Raises CapacityRunError."""
    for name in FRAMES:
        _check_values(where, name, frames[name])
    for name, key in _KEYS.items():
        _refuse(where, name, frames[name].filter(pl.struct(key).is_duplicated()), "键重复", "a key twice")
    _check_flags(where, frames)
    _check_known(where, frames)
    _check_contributions(where, frames["weeks"], frames["contributions"])


def _check_values(where: str, name: str, frame: pl.DataFrame) -> None:
    keys = [column for column, kind in FRAMES[name].items() if kind != pl.Float64 and column not in _NULLABLE]
    missing = pl.any_horizontal(pl.col(column).is_null() for column in keys)
    _refuse(where, name, frame.filter(missing), f"在 {keys} 中有空值", f"nothing in one of {keys}")
    if "week" in FRAMES[name]:
        other = frame.filter(pl.col("week").dt.weekday() != _MONDAY)
        _refuse(where, name, other, "的周不以周一标记", "weeks that are not stamped on their Monday")
    quantiles = list(quantile_columns(frame))
    values = [column for column in ("forecast", "probability", *quantiles) if column in frame.columns]
    if values:
        wrong = pl.any_horizontal(~pl.col(one).is_finite().fill_null(value=False) for one in values)
        _refuse(where, name, frame.filter(wrong), "有缺失或无穷的数值", "a value that is missing or infinite")
    crossing = [pl.col(low) > pl.col(high) for low, high in itertools.pairwise(quantiles)]
    if crossing:
        _refuse(where, name, frame.filter(pl.any_horizontal(*crossing)), "分位数交叉", "quantiles that cross")
    if "probability" in FRAMES[name]:
        outside = frame.filter(~pl.col("probability").is_between(0, 1))
        _refuse(where, name, outside, "的概率不在 0 与 1 之间", "a probability outside 0 to 1")


def _check_flags(where: str, frames: Mapping[str, pl.DataFrame]) -> None:
    for name in ("days", "weeks"):
        frame = frames[name]
        unknown = frame.filter(~pl.col("quality_flag").is_in(QUALITIES))
        _refuse(
            where, name, unknown, f"的质量不在 {QUALITIES} 之中", f"a quality that is none of {QUALITIES}"
        )
        told = pl.col("reason_zh").is_not_null() & pl.col("reason_en").is_not_null()
        silent = frame.filter((pl.col("quality_flag") != "full") & ~told)
        _refuse(where, name, silent, "质量不足而未说明原因", "a quality below full and no reason")


def _check_known(where: str, frames: Mapping[str, pl.DataFrame]) -> None:
    """Refuse rows about a line or product that the run does not list."""
    for name, frame in frames.items():
        for key, list_of in (("line_id", "lines"), ("product_id", "products")):
            if key in FRAMES[name] and name != list_of:
                strange = frame.join(frames[list_of], on=key, how="anti")
                _refuse(
                    where, name, strange, f"有 {list_of} 表中没有的 {key}", f"a {key} that '{list_of}' lacks"
                )


def _check_contributions(where: str, weeks: pl.DataFrame, contributions: pl.DataFrame) -> None:
    """Refuse an explanation that does not add up; every forecast of a week has one."""
    sums: dict[tuple[object, object], float] = {}
    sizes: dict[tuple[object, object], float] = {}
    for line, week, value in contributions.select("line_id", "week", "value").iter_rows():
        sums[line, week] = sums.get((line, week), 0.0) + value
        sizes[line, week] = max(sizes.get((line, week), 1.0), abs(value))
    keys = list(weeks.select("line_id", "week").iter_rows())
    forecast = weeks["forecast"].to_numpy()
    told = np.array([sums.get(key, 0.0) for key in keys])
    room = np.array([max(sizes.get(key, 1.0), abs(one)) for key, one in zip(keys, forecast, strict=True)])
    off = ~(np.abs(told - forecast) <= _TOLERANCE * room)
    _refuse(
        where,
        "contributions",
        weeks.filter(pl.Series(off, dtype=pl.Boolean)),
        "之和不等于预测值",
        "values that do not sum to the forecast",
    )


def _refuse(where: str, name: str, rows: pl.DataFrame, zh: str, en: str) -> None:
    if rows.height:
        ids = [
            column
            for column in ("line_id", "product_id", "order_id", "cap_id", "week", "ds")
            if column in rows
        ]
        first = rows.select(ids).head(_SHOWN).rows()
        listed = "; ".join(" ".join(map(str, row)) for row in first)
        raise CapacityRunError(
            where,
            f"的 {name} 表有 {rows.height} 行（{listed}）{zh}",
            f"{rows.height} rows of its table '{name}' ({listed}) have {en}",
        )
