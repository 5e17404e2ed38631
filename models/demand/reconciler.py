"""What a model learns to make its forecasts add up: variances, errors and bands of the reconciled backtests."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from models.demand.coherent_bands import reconcile_quantiles
from models.demand.conformal import Bands, learn_bands
from models.demand.hierarchy import BOTTOM, Hierarchy
from models.demand.reconciliation import incoherence, reconcile, residual_variance
from models.demand.series import BoolArray, FloatArray, IntArray
from models.errors import ReconciliationError

__all__ = ["Reconciled", "Reconciler", "learn_reconciler"]

_ENOUGH: Final = 1000  # errors of a level with which it stands on its own
_SMALL_LEVELS: Final = "small levels"
_FILES: Final = ("hierarchy.json", "sums.parquet", "errors.parquet", "nodes.parquet", "bands.parquet")


@dataclass(frozen=True)
class Reconciled:
    """Forecasts that add up, rows in the order they were given: point (n, h), quantiles (n, h, q)."""

    point: FloatArray
    quantiles: FloatArray
    incoherence: float


@dataclass(frozen=True)
class Reconciler:
    """Makes forecasts of a hierarchy's nodes add up, points by least squares and quantiles by coherent samples.

    variance: (n,) error variances of the forecasts; errors: (k, n, h) of the reconciled backtests; bands: learnt from
    these; non_negative: (m,) of the bottom series. Rows are in the hierarchy's order.
    """

    hierarchy: Hierarchy
    variance: FloatArray
    errors: FloatArray
    bands: Bands
    non_negative: BoolArray

    def reconcile(self, ids: Sequence[str], point: FloatArray, *, seed: int) -> Reconciled:
        """Return the coherent forecasts of the nodes `ids`, rows as in `point` (n, h), NaN where there is none.

        Raises ReconciliationError when `ids` are not the hierarchy's nodes.
        """
        order = _order(ids, self.hierarchy)
        coherent = reconcile(point[order], self.hierarchy, self.variance, non_negative=self.non_negative)
        quantiles = reconcile_quantiles(
            self.bands.quantiles(coherent),
            self.bands.levels,
            self.errors,
            self.hierarchy,
            self.variance,
            reconciled=coherent,
            non_negative=self.non_negative,
            seed=seed,
        )
        back = np.argsort(order)
        return Reconciled(coherent[back], quantiles[back], incoherence(coherent, self.hierarchy))

    def files(self) -> dict[str, bytes]:
        """Return what was learnt as JSON and Parquet, by name; read back by `Reconciler.load`."""
        hierarchy, bands = self.hierarchy, self.bands
        sums = hierarchy.sums.tocoo()
        cutoffs, _, horizon = self.errors.shape
        text = {
            "ids": hierarchy.ids, "level": hierarchy.level, "same": hierarchy.same, "levels": bands.levels,
            "groups": bands.groups, "group_of": bands.group_of, "table": bands.table.shape,
            "errors": (cutoffs, horizon),
        }  # fmt: skip
        below = np.zeros(len(hierarchy), dtype=np.bool_)
        below[hierarchy.upper :] = self.non_negative
        tables = (
            pl.DataFrame({"row": sums.coords[0].astype(np.int64), "column": sums.coords[1].astype(np.int64)}),
            pl.DataFrame({"error": self.errors.ravel()}),
            pl.DataFrame({"variance": self.variance, "width": bands.width, "non_negative": below}),
            pl.DataFrame({"quantile": bands.table.ravel()}),
        )
        parts = [json.dumps(text, ensure_ascii=False).encode(), *(_parquet(table) for table in tables)]
        return dict(zip(_FILES, parts, strict=True))

    @staticmethod
    def load(files: Mapping[str, bytes]) -> "Reconciler":
        """Read what `files` returned."""
        text = json.loads(files["hierarchy.json"])
        sums, errors, nodes, table = (pl.read_parquet(BytesIO(files[name])) for name in _FILES[1:])
        ids = tuple(text["ids"])
        bottom = sum(level == BOTTOM for level in text["level"])
        matrix = csr_array(
            (np.ones(sums.height), (sums["row"].to_numpy(), sums["column"].to_numpy())),
            shape=(len(ids), bottom),
        )
        matrix.sort_indices()
        hierarchy = Hierarchy(ids, matrix, tuple(text["level"]), tuple(tuple(one) for one in text["same"]))
        cutoffs, horizon = text["errors"]
        return Reconciler(
            hierarchy,
            nodes["variance"].to_numpy().copy(),
            errors["error"].to_numpy().reshape(cutoffs, len(ids), horizon),
            Bands(
                tuple(text["levels"]),
                tuple(text["groups"]),
                table["quantile"].to_numpy().reshape(text["table"]),
                nodes["width"].to_numpy().copy(),
                tuple(text["group_of"]),
            ),
            nodes["non_negative"].to_numpy()[hierarchy.upper :].copy(),
        )


def learn_reconciler(
    forecasts: FloatArray,
    actuals: FloatArray,
    scale: FloatArray,
    hierarchy: Hierarchy,
    *,
    ids: Sequence[str],
    kinds: Sequence[str],
    non_negative: BoolArray,
    levels: Sequence[float],
) -> Reconciler:
    """Learn from backtests of all nodes how to make forecasts add up.

    forecasts, actuals: (k, n, h) in units of y, NaN where there is none, rows in the order of `ids`; scale: (n,) what
    errors are divided by before they are pooled; kinds: the kind of each series, within which errors of the bottom are
    pooled (those of sums by level, of small levels together); non_negative: (n,). The backtests are reconciled as the forecasts will
    be, and the bands are learnt from what they then still miss by. Raises ReconciliationError when `ids` are not the
    hierarchy's nodes.
    """
    order = _order(ids, hierarchy)
    tested, came, size = forecasts[:, order], actuals[:, order], scale[order]
    floored = non_negative[order][hierarchy.upper :]
    variance = residual_variance(came - tested, hierarchy)
    again = [reconcile(one, hierarchy, variance, non_negative=floored) for one in tested]
    errors = came - np.stack(again) if again else came - tested
    groups = _groups(errors, hierarchy, [kinds[row] for row in order])
    bands = learn_bands(errors / size[None, :, None], size, groups, levels)
    return Reconciler(hierarchy, variance, errors, bands, floored)


def _groups(errors: FloatArray, hierarchy: Hierarchy, kinds: Sequence[str]) -> list[str]:
    """Name the group in which each node's errors are pooled."""
    counts: Counter[str] = Counter()
    for level, count in zip(hierarchy.level, np.isfinite(errors).sum(axis=(0, 2)).tolist(), strict=True):
        counts[level] += count
    return [
        f"{BOTTOM} {kind}" if level == BOTTOM else level if counts[level] >= _ENOUGH else _SMALL_LEVELS
        for level, kind in zip(hierarchy.level, kinds, strict=True)
    ]


def _order(ids: Sequence[str], hierarchy: Hierarchy) -> IntArray:
    """Return where in `ids` each node stands."""
    place = {one: row for row, one in enumerate(ids)}
    wrong = sorted(set(place) ^ set(hierarchy.ids))
    if wrong:
        names = ", ".join(wrong[:5])
        raise ReconciliationError(
            zh=f"{names} 不同时在预测与层级中。请用 panel_with_sums 补齐合计序列，并从层级中去掉被拒的序列。",
            en=f"{names} are not in both the forecasts and the hierarchy. Add the sums with panel_with_sums and take "
            "refused series out of the hierarchy.",
        )
    return np.array([place[one] for one in hierarchy.ids], dtype=np.int64)


def _parquet(table: pl.DataFrame) -> bytes:
    into = BytesIO()
    table.write_parquet(into)
    return into.getvalue()
