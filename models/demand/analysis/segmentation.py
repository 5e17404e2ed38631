"""The best way to cut many series into straight pieces, found exactly: optimal partitioning."""

from dataclasses import dataclass

import numpy as np

from models.demand.series import FloatArray, IntArray

__all__ = ["PieceSums", "best_cut", "segment"]

_NOTHING = 1e-12  # sums this small are rounding


@dataclass(frozen=True)
class PieceSums:
    """Running sums from which the misfit of a straight line through any piece is read at once.

    Each array is (n, T + 1); values without a weight count nothing. Time runs from -1 to 1.
    """

    weight: FloatArray
    time: FloatArray
    time2: FloatArray
    y: FloatArray
    time_y: FloatArray
    y2: FloatArray

    @classmethod
    def of(cls, values: FloatArray, weights: FloatArray) -> "PieceSums":
        """Sum up values (n, T) with weights (n, T)."""
        time = np.linspace(-1.0, 1.0, values.shape[1])[None, :]
        y = np.where(weights > 0, values, 0.0)
        centred = y - (weights * y).sum(axis=1, keepdims=True) / np.maximum(
            weights.sum(axis=1, keepdims=True), 1.0
        )
        y = np.where(weights > 0, centred, 0.0)
        return cls(
            _running(weights), _running(weights * time), _running(weights * time**2),
            _running(weights * y), _running(weights * time * y), _running(weights * y**2),
        )  # fmt: skip

    def of_rows(self, rows: IntArray) -> "PieceSums":
        """Return the sums of some series."""
        return PieceSums(*(sums[rows] for sums in self._all()))

    def _all(self) -> tuple[FloatArray, ...]:
        return self.weight, self.time, self.time2, self.y, self.time_y, self.y2

    def misfit(self, start: IntArray, end: IntArray) -> FloatArray:
        """Return the sum of squares around the line through columns start to end - 1; indices (n, k), result (n, k)."""
        w, t, tt, y, ty, yy = (
            np.take_along_axis(sums, end, axis=1) - np.take_along_axis(sums, start, axis=1)
            for sums in self._all()
        )
        return _line_misfit(w, t, tt, y, ty, yy)

    def misfits_to(self, end: int, starts: slice) -> FloatArray:
        """Return the misfit of the pieces from each of `starts` to column end - 1, (n, number of starts)."""
        return _line_misfit(*(sums[:, end : end + 1] - sums[:, starts] for sums in self._all()))


def _running(values: FloatArray) -> FloatArray:
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def _line_misfit(*sums: FloatArray) -> FloatArray:
    w, t, tt, y, ty, yy = sums
    some = np.maximum(w, _NOTHING)
    spread, shared = tt - t * t / some, ty - t * y / some
    drop = np.where(spread > _NOTHING, shared * shared / np.maximum(spread, _NOTHING), 0.0)
    return np.maximum(yy - y * y / some - drop, 0.0)


def best_cut(sums: PieceSums, shortest: int) -> IntArray:
    """Return the column of each series where one cut lowers the misfit most, (n,)."""
    n, width = sums.weight.shape[0], sums.weight.shape[1] - 1
    at = np.tile(np.arange(shortest, width - shortest + 1, dtype=np.int64), (n, 1))
    misfit = sums.misfit(np.zeros_like(at), at) + sums.misfit(at, np.full_like(at, width))
    best: IntArray = misfit.argmin(axis=1) + shortest
    return best


def segment(sums: PieceSums, penalty: FloatArray, shortest: int) -> list[list[int]]:
    """Return for each series the columns where a new piece begins, those with the least misfit plus penalty a cut.

    penalty: (n,), in squared units of the values; shortest: columns of the shortest piece. Optimal partitioning of
    Jackson et al. (2005), exact, for all series at once: O(T^2) a series.
    """
    n, width = sums.weight.shape[0], sums.weight.shape[1] - 1
    total = np.full((n, width + 1), np.inf)
    total[:, 0] = -penalty
    began = np.zeros((n, width + 1), dtype=np.int64)
    for end in range(shortest, width + 1):
        starts = slice(0, end - shortest + 1)
        tried = total[:, starts] + sums.misfits_to(end, starts) + penalty[:, None]
        began[:, end] = tried.argmin(axis=1)
        total[:, end] = tried[np.arange(n), began[:, end]]
    return [_cuts(began[row], width) for row in range(n)]


def _cuts(began: IntArray, width: int) -> list[int]:
    cuts: list[int] = []
    end = width
    while end > 0 and began[end] > 0:
        end = int(began[end])
        cuts.append(end)
    return cuts[::-1]
