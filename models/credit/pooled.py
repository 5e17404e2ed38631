"""The pooled model: default rates of segments, each shrunk to the one it is part of, for parties with little else known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.optimize import minimize_scalar
from scipy.special import betaincinv, betaln

from models.errors import PooledModelError

__all__ = ["SEGMENT_LEVELS", "UNKNOWN", "PooledModel", "learn_pooled", "read_pooled", "yearly_rows"]

SEGMENT_LEVELS: Final = ("kind", "size", "ownership", "industry")
"""Segments are nested in this order: all, then by kind of party, by size, by ownership, by industry."""

UNKNOWN: Final = "unknown"
"""The segment of parties whose value is not known: a segment like any other, never a guess."""

_SEPARATOR: Final = " / "
_LEAST: Final = 10
_WEIGHTS: Final = (1.0, 1e5)
_MONTHS: Final = 12

Floats = NDArray[np.float64]


class _Cell(BaseModel):
    """Posterior Beta(mean x weight, (1 - mean) x weight) of a segment's 12-month default rate, after `rows` observations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float = Field(gt=0, lt=1)
    weight: float = Field(gt=0)
    rows: int = Field(ge=0)
    defaults: int = Field(ge=0)


class _Card(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: tuple[str, ...]
    prior_weights: tuple[float, ...]
    cells: Mapping[str, _Cell]


@dataclass(frozen=True)
class PooledModel:
    """Default rates by nested segment; a segment that was never seen answers with the one it is part of.

    `prior_weights`: per level below the first, how many observations the rate of the larger segment stands for. `cells` by
    the values of the levels, joined; the empty name is the whole portfolio.
    """

    levels: tuple[str, ...]
    prior_weights: tuple[float, ...]
    cells: Mapping[str, _Cell]

    def predict(self, frame: pl.DataFrame, *, coverage: float = 0.9) -> pl.DataFrame:
        """Return [pd, pd_low, pd_high, segment, rows] for each row: 12-month PD and the interval that holds it.

        The interval is the central `coverage` part of the posterior of the segment's rate, for a segment without rows that of
        its rate drawn anew around the larger one; it says nothing about a single party within its segment. `rows` are the
        observations of the segment itself. Raises PooledModelError for a level that is missing.
        """
        if not 0 < coverage < 1:
            raise PooledModelError(
                zh=f"coverage 应在 0 与 1 之间，现为 {coverage}。请改正。",
                en=f"coverage must lie between 0 and 1, is {coverage}. Correct it.",
            )
        names = _named(frame, self.levels)
        rows = [self._answer(name, coverage) for name in names.iter_rows()]
        schema = {
            "pd": pl.Float64,
            "pd_low": pl.Float64,
            "pd_high": pl.Float64,
            "segment": pl.String,
            "rows": pl.Int64,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _answer(self, values: Sequence[str], coverage: float) -> tuple[float, float, float, str, int]:
        for depth in range(len(self.levels), -1, -1):
            name = _SEPARATOR.join(values[:depth])
            if name in self.cells:
                break
        cell = self.cells[name]
        rows = cell.rows if depth == len(self.levels) else 0
        # A segment never seen is one more draw around the larger one, whose spread the prior weight of the level tells.
        weight = cell.weight if rows else min(cell.weight, *self.prior_weights[depth:])
        a, b = cell.mean * weight, (1 - cell.mean) * weight
        tail = (1 - coverage) / 2
        low, high = (float(betaincinv(a, b, part)) for part in (tail, 1 - tail))
        return cell.mean, min(low, cell.mean), max(high, cell.mean), name, rows

    def plain(self) -> dict[str, object]:
        """Return the model as JSON values."""
        return {
            "levels": list(self.levels),
            "prior_weights": list(self.prior_weights),
            "cells": {name: cell.model_dump() for name, cell in sorted(self.cells.items())},
        }

    def text(self) -> str:
        """Return the model as a JSON document."""
        return json.dumps(self.plain(), ensure_ascii=False, indent=1) + "\n"


def read_pooled(plain: Mapping[str, object]) -> PooledModel:
    """Read what `plain` returned. Raises PooledModelError naming the field."""
    try:
        card = _Card.model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise PooledModelError(
            zh=f"混合模型文件的字段“{field}”有误：{first['msg']}。请重新学习（zhiheng credit pooled）。",
            en=f"Pooled model, field '{field}': {first['msg']}. Learn it again (zhiheng credit pooled).",
        ) from error
    if "" not in card.cells or len(card.prior_weights) != len(card.levels):
        raise PooledModelError(
            zh="混合模型缺少整体违约率或某一层的先验权重。请重新学习（zhiheng credit pooled）。",
            en="The pooled model lacks the overall rate or the prior weight of a level. Learn it again (zhiheng credit pooled).",
        )
    return PooledModel(card.levels, card.prior_weights, card.cells)


def yearly_rows(panel: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the newest month-end of a panel and of those a whole number of years before it.

    Labels of month-ends less than a year apart look at the same months, so counting them all would count a default twelve times.
    """
    newest = panel["as_of"].max()
    months = (pl.lit(newest).dt.year() - pl.col("as_of").dt.year()) * _MONTHS + (
        pl.lit(newest).dt.month().cast(pl.Int32) - pl.col("as_of").dt.month().cast(pl.Int32)
    )
    return panel.filter(months % _MONTHS == 0)


def learn_pooled(frame: pl.DataFrame, levels: Sequence[str] = SEGMENT_LEVELS) -> PooledModel:
    """Learn default rates by nested segment from rows with a `label` (0/1) and a column per level.

    At each level a segment's rate is Beta-distributed around that of the segment it is part of; how tightly (the prior
    weight m) maximises the beta-binomial likelihood of all segments of the level, so that m is small only where segments
    truly differ (empirical Bayes; Efron & Morris 1975, Casella 1985). The posterior mean is (m x rate of the rest of the
    larger segment + defaults) / (m + rows), m being at most what that rest weighs: no row counts twice, and a segment is
    never surer than the one it is part of. Rows should be
    independent (`yearly_rows`). Raises PooledModelError when columns are missing or there are fewer than 10 defaults or non-defaults.
    """
    if "label" not in frame.columns:
        raise _missing("label")
    named = _named(frame, levels)
    labels = frame["label"].cast(pl.Float64)
    total, defaults = frame.height, int(labels.sum())
    if min(defaults, total - defaults) < _LEAST:
        raise PooledModelError(
            zh=f"{total} 行中违约 {defaults} 个，违约与未违约各至少需要 {_LEAST} 个。请扩大观察期。",
            en=f"{total} rows with {defaults} defaults: at least {_LEAST} of each are needed. Widen the window.",
        )
    # Jeffreys' prior on the whole: half a default and half a non-default.
    whole = _Cell(mean=(defaults + 0.5) / (total + 1), weight=total + 1.0, rows=total, defaults=defaults)
    cells, weights = {"": whole}, []
    for depth in range(1, len(levels) + 1):
        counts = (
            named.select(
                name=pl.concat_str(levels[:depth], separator=_SEPARATOR), larger=_larger(levels, depth)
            )
            .with_columns(labels.alias("label"))
            .group_by("name", "larger", maintain_order=True)
            .agg(rows=pl.len(), defaults=pl.col("label").sum().cast(pl.Int64))
            .sort("name")
        )
        rest = _without_itself(counts, cells)
        weight = _prior_weight(counts, rest)
        weights.append(weight)
        for (name, _, rows, lost), (mean, most) in zip(counts.iter_rows(), rest, strict=True):
            m = min(weight, most)
            cells[name] = _Cell(
                mean=(m * mean + lost) / (m + rows), weight=m + rows, rows=rows, defaults=lost
            )
    return PooledModel(tuple(levels), tuple(weights), cells)


def _larger(levels: Sequence[str], depth: int) -> pl.Expr:
    return pl.concat_str(levels[: depth - 1], separator=_SEPARATOR) if depth > 1 else pl.lit("")


def _without_itself(counts: pl.DataFrame, cells: Mapping[str, _Cell]) -> list[tuple[float, float]]:
    """Return mean and weight of the larger segment without the rows of the smaller, so that none is counted twice."""
    rest = []
    for larger, rows, lost in counts.select("larger", "rows", "defaults").iter_rows():
        above = cells[larger]
        weight = above.weight - rows
        rest.append(((above.mean * above.weight - lost) / weight, weight))
    return rest


def _prior_weight(counts: pl.DataFrame, rest: Sequence[tuple[float, float]]) -> float:
    """Return the weight of the larger segment's rate that makes the counts of a level most likely."""
    mean, most = (np.array(part) for part in zip(*rest, strict=True))
    rows, lost = counts["rows"].to_numpy().astype(float), counts["defaults"].to_numpy().astype(float)

    def surprise(log_weight: float) -> float:
        m = np.minimum(np.exp(log_weight), most)
        a, b = m * mean, m * (1 - mean)
        return -float(np.sum(betaln(a + lost, b + rows - lost) - betaln(a, b)))

    low, high = (float(np.log(weight)) for weight in _WEIGHTS)
    found = minimize_scalar(surprise, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


def _named(frame: pl.DataFrame, levels: Sequence[str]) -> pl.DataFrame:
    for level in levels:
        if level not in frame.columns:
            raise _missing(level)
    return frame.select(pl.col(level).cast(pl.String).fill_null(UNKNOWN) for level in levels)


def _missing(column: str) -> PooledModelError:
    return PooledModelError(
        zh=f"混合模型的数据缺少列“{column}”。请补上该列。",
        en=f"The rows for the pooled model lack the column '{column}'. Add it.",
    )
