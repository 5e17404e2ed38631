"""Scores and exact contributions of trees as numba kernels: one row at a time, eight points of a quadrature in one instruction.

Inner loops are written out over eight numbers because LLVM joins straight code into vectors, not loops this short; numba
leaves that pass out unless `SLP_VECTORIZE` is set while it compiles (`models.credit.compiled` does). Nothing is reordered
or fused, so the figures do not hang on which instructions a processor has (see docs/scoring.md for what is tested of that).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["LANES", "add_contributions", "add_scores", "walk_contributions"]

Floats = NDArray[np.float64]
Places = NDArray[np.uint32]
Small = NDArray[np.uint16]
Flags = NDArray[np.uint8]
Eight = tuple[float, float, float, float, float, float, float, float]

LANES = 8
_ZERO = 1e-35  # LightGBM's own bound of what counts as zero
_ZERO_TOO, _NAN = 1, 2  # kinds of missing values: 0 as well, NaN; with neither, NaN is read as 0


@njit(inline="always")
def _load(a: Floats, i: int) -> Eight:
    return a[i, 0], a[i, 1], a[i, 2], a[i, 3], a[i, 4], a[i, 5], a[i, 6], a[i, 7]


@njit(inline="always")
def _store(a: Floats, i: int, v: Eight) -> None:
    a[i, 0], a[i, 1], a[i, 2], a[i, 3] = v[0], v[1], v[2], v[3]
    a[i, 4], a[i, 5], a[i, 6], a[i, 7] = v[4], v[5], v[6], v[7]


@njit(inline="always")
def _add(a: Eight, b: Eight) -> Eight:
    return (
        a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3],
        a[4] + b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7],
    )  # fmt: skip


@njit(inline="always")
def _subtract(a: Eight, b: Eight) -> Eight:
    return (
        a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3],
        a[4] - b[4], a[5] - b[5], a[6] - b[6], a[7] - b[7],
    )  # fmt: skip


@njit(inline="always")
def _multiply(a: Eight, b: Eight) -> Eight:
    return (
        a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3],
        a[4] * b[4], a[5] * b[5], a[6] * b[6], a[7] * b[7],
    )  # fmt: skip


@njit(inline="always")
def _scale(a: Eight, c: float) -> Eight:
    return a[0] * c, a[1] * c, a[2] * c, a[3] * c, a[4] * c, a[5] * c, a[6] * c, a[7] * c


@njit(inline="always", error_model="numpy")
def _inverse(a: Eight) -> Eight:
    return (
        1.0 / a[0], 1.0 / a[1], 1.0 / a[2], 1.0 / a[3],
        1.0 / a[4], 1.0 / a[5], 1.0 / a[6], 1.0 / a[7],
    )  # fmt: skip


@njit(inline="always")
def _goes_left(value: float, threshold: float, missing: int, missing_left: int) -> int:
    """Return 1 where LightGBM goes left at a node, 0 where it goes right."""
    unknown = np.isnan(value)
    if missing != _NAN:
        value = 0.0 if unknown else value
        unknown = missing == _ZERO_TOO and abs(value) <= _ZERO
    return missing_left if unknown else int(value <= threshold)


@njit(nogil=True, cache=True)
def add_scores(  # noqa: PLR0917 - a kernel takes flat arrays, by position
    x: Floats,
    node_from: Places,
    node_feature: Places,
    threshold: Floats,
    missing: Flags,
    missing_left: Flags,
    edge_from: Places,
    edge_value: Floats,
    child: Small,
    below: Small,
    member_from: Places,
    out: Floats,
) -> None:
    """Add the raw score of each member (rows of out) for each row of x, tree by tree as LightGBM adds it."""
    for row in range(x.shape[0]):
        for member in range(len(member_from) - 1):
            total = 0.0
            for tree in range(member_from[member], member_from[member + 1]):
                start, first = node_from[tree], edge_from[tree]
                edge, node = np.uint32(0), start
                while below[first + edge] > 0:
                    node = start + below[first + edge] - 1
                    left = _goes_left(
                        x[row, node_feature[node]], threshold[node], missing[node], missing_left[node]
                    )
                    edge = np.uint32(child[2 * node + 1 - left])
                total += edge_value[first + edge]
            out[member, row] += total


@njit(inline="always", error_model="numpy")
def walk_contributions(  # noqa: PLR0917
    x: Floats,
    node_from: Places,
    node_feature: Places,
    threshold: Floats,
    missing: Flags,
    missing_left: Flags,
    edge_from: Places,
    edge_value: Floats,
    parent: Small,
    before: Small,
    edge_feature: Places,
    edge_node: Small,
    right: Flags,
    share: Floats,
    rules: NDArray[np.uint8],
    points: Floats,
    weights: Floats,
    going: Flags,
    taken: Flags,
    product: Floats,
    total: Floats,
    inverse: Floats,
    gain: Floats,
    sums: Floats,
    out: Floats,
) -> None:
    """Add the contributions of all trees to out (n, k), one sum a feature.

    A tree with n edges is walked down once for the products P of its paths at eight points, and up once for the sums S of
    the leaves below each edge. `rules[tree]` is how many rows of `points` its quadrature has, those of `rules` r beginning
    at row r (r - 1) / 2. From `going` (nodes of any tree) to `sums` (features, 8) all is room to work in: a kernel that
    takes no memory asks nothing of numba while it runs.
    """
    nothing = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    taken[0] = 1
    _store(inverse, 0, (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
    _store(gain, 0, nothing)
    _store(total, 0, nothing)
    for feature in range(x.shape[1]):
        _store(sums, feature, nothing)
    for row in range(x.shape[0]):
        for tree in range(len(node_from) - 1):
            start, first = node_from[tree], edge_from[tree]
            for node in range(start, node_from[tree + 1]):
                going[node - start] = _goes_left(
                    x[row, node_feature[node]], threshold[node], missing[node], missing_left[node]
                )
            count, rule = edge_from[tree + 1] - first, np.int64(rules[tree])
            for at in range(rule * (rule - 1) // 2, rule * (rule + 1) // 2):
                known, unknown = _load(points, at), _subtract((1.0,) * 8, _load(points, at))
                _store(product, 0, _load(weights, at))
                for i in range(1, count):
                    e = first + np.uint32(i)
                    earlier, part = before[e], share[e]
                    own = taken[earlier] & (going[edge_node[e]] ^ right[e])
                    taken[i] = own
                    factor = _add(_scale(known, float(own)), _scale(unknown, part))
                    over = _inverse(factor)
                    path = _multiply(_multiply(_load(product, parent[e]), factor), _load(inverse, earlier))
                    _store(product, i, path)
                    _store(inverse, i, over)
                    _store(gain, i, _scale(over, float(own) - part))
                    _store(total, i, _scale(path, edge_value[e]))
                for back in range(1, count):
                    i = count - back
                    e = first + np.uint32(i)
                    above, feature, leaves = parent[e], edge_feature[e], _load(total, i)
                    change = _multiply(leaves, _subtract(_load(gain, i), _load(gain, before[e])))
                    _store(sums, feature, _add(_load(sums, feature), change))
                    _store(total, above, _add(_load(total, above), leaves))
        for feature in range(x.shape[1]):
            s = _load(sums, feature)
            _store(sums, feature, nothing)
            out[row, feature] += ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))


@njit(nogil=True, cache=True, error_model="numpy")
def add_contributions(  # noqa: PLR0917
    x: Floats,
    node_from: Places,
    node_feature: Places,
    threshold: Floats,
    missing: Flags,
    missing_left: Flags,
    edge_from: Places,
    edge_value: Floats,
    parent: Small,
    before: Small,
    edge_feature: Places,
    edge_node: Small,
    right: Flags,
    share: Floats,
    rules: NDArray[np.uint8],
    points: Floats,
    weights: Floats,
    most_nodes: int,
    most_edges: int,
    out: Floats,
) -> None:
    """Add the contributions of all trees to out (n, k) in room of its own, which the compiler knows to overlap nothing."""
    walk_contributions(
        x, node_from, node_feature, threshold, missing, missing_left, edge_from, edge_value,
        parent, before, edge_feature, edge_node, right, share, rules, points, weights,
        np.empty(most_nodes + 1, dtype=np.uint8),
        np.empty(most_edges, dtype=np.uint8),
        np.empty((most_edges, 8)),
        np.empty((most_edges, 8)),
        np.empty((most_edges, 8)),
        np.empty((most_edges, 8)),
        np.empty((x.shape[1], 8)),
        out,
    )  # fmt: skip
