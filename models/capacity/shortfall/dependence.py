"""How series are high together: shared factors over a hierarchy's nodes, and persistence from week to week."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from models.demand.series import FloatArray
from models.errors import ShortfallError

__all__ = [
    "DEFAULT_PERSISTENCE",
    "DEFAULT_SHARES",
    "MOST_SHARED",
    "TOTAL",
    "Dependence",
    "dependence_of_json",
    "dependence_of_shares",
    "independent",
    "membership",
]

TOTAL: Final = "total"
DEFAULT_PERSISTENCE: Final = 0.5
"""Correlation of a week's deviation with the next week's, assumed where no backtest tells: not measured."""
DEFAULT_SHARES: Final[Mapping[str, float]] = {TOTAL: 0.1}
"""Shared part of the variance, assumed where neither bands nor backtests tell: not measured."""
MOST_SHARED: Final = 0.95
"""No series is wholly made of what it shares with others."""


@dataclass(frozen=True, eq=False)
class Dependence:
    """A factor model of standard normal scores: each series loads on the nodes it belongs to, the rest is its own.

    nodes: names of k shared factors (`total`, `family=LFP`); loadings (n, k), 0 where a series is not in a node;
    persistence: first-order autocorrelation over weeks, of factors and of the series' own part alike; source: what
    both were learnt from. Correlations below zero are not in the model.
    """

    ids: tuple[str, ...]
    nodes: tuple[str, ...]
    loadings: FloatArray
    persistence: float
    source: str

    def __post_init__(self) -> None:
        shared = (self.loadings**2).sum(axis=1)
        wrong = self.loadings.shape != (len(self.ids), len(self.nodes)) or bool((shared > 1 + 1e-9).any())
        if wrong or not 0 <= self.persistence < 1:
            raise ShortfallError(
                zh=f"相关结构有误：载荷形状 {self.loadings.shape}、持续性 {self.persistence}。"
                "每个序列载荷平方和不得大于 1，持续性须在 0（含）与 1 之间。",
                en=f"The dependence cannot be: loadings {self.loadings.shape}, persistence {self.persistence}. "
                "A series' squared loadings sum to 1 at most; persistence is at least 0 and below 1.",
            )

    @property
    def own(self) -> FloatArray:
        """Return the loading of each series on its own part, (n,)."""
        own: FloatArray = np.sqrt(np.maximum(1 - (self.loadings**2).sum(axis=1), 0.0))
        return own

    @property
    def correlation(self) -> FloatArray:
        """Return the correlation of the scores in one week, (n, n)."""
        made: FloatArray = self.loadings @ self.loadings.T
        np.fill_diagonal(made, 1.0)
        return made

    def take(self, ids: Sequence[str]) -> "Dependence":
        """Return the dependence of some series, in this order. Raises ShortfallError naming those it does not hold."""
        place = {one: row for row, one in enumerate(self.ids)}
        unknown = [one for one in ids if one not in place]
        if unknown:
            shown = ", ".join(unknown[:5])
            raise ShortfallError(
                zh=f"相关结构中没有 {shown}。请用同一批序列重新学习。",
                en=f"The dependence does not hold {shown}. Learn it again from the same series.",
            )
        rows = [place[one] for one in ids]
        return Dependence(tuple(ids), self.nodes, self.loadings[rows], self.persistence, self.source)

    def to_json(self) -> str:
        """Write it down; `dependence_of_json` reads it back."""
        held = {
            "ids": self.ids,
            "nodes": self.nodes,
            "loadings": self.loadings.tolist(),
            "persistence": self.persistence,
            "source": self.source,
        }
        return json.dumps(held, ensure_ascii=False)


def dependence_of_json(text: str | bytes) -> Dependence:
    """Read what `to_json` wrote. Raises ShortfallError for anything else."""
    try:
        held = json.loads(text)
        ids, nodes = tuple(held["ids"]), tuple(held["nodes"])
        loadings = np.asarray(held["loadings"], dtype=np.float64).reshape(len(ids), len(nodes))
        return Dependence(ids, nodes, loadings, float(held["persistence"]), str(held["source"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ShortfallError(
            zh=f"相关结构文件无法读取（{error}）。请重新发布产能预测。",
            en=f"The file of the dependence cannot be read ({error}). Publish the capacity forecast again.",
        ) from error


def independent(ids: Sequence[str], *, persistence: float = DEFAULT_PERSISTENCE) -> Dependence:
    """Return series that share nothing."""
    return Dependence(tuple(ids), (), np.zeros((len(ids), 0)), persistence, "independent")


def dependence_of_shares(
    groups: pl.DataFrame, shares: Mapping[str, float], *, persistence: float, source: str
) -> Dependence:
    """Return the dependence in which every level explains a share of each series' variance.

    groups: `unique_id` and a column a level (`family`, `org_id`), one row a series; shares: by level, `total` for what
    all have in common. A series without a value in a column shares nothing at that level. Shares are scaled down
    together where they sum to more than MOST_SHARED.
    """
    ids = groups["unique_id"].cast(pl.String).to_list()
    _check_groups(groups, ids, shares)
    kept = {name: max(float(share), 0.0) for name, share in shares.items()}
    scale = min(1.0, MOST_SHARED / max(sum(kept.values()), 1e-12))
    blocks, nodes = [], []
    for level, share in sorted(kept.items()):
        if share <= 0:
            continue
        members, names = membership(groups, level)
        blocks.append(members * np.sqrt(share * scale))
        nodes.extend(names)
    loadings = np.hstack(blocks) if blocks else np.zeros((len(ids), 0))
    return Dependence(tuple(ids), tuple(nodes), loadings, persistence, source)


def membership(groups: pl.DataFrame, level: str) -> tuple[FloatArray, list[str]]:
    """Return which series belong to which node of a level, (n, nodes) of 0 and 1, and the nodes' names."""
    if level == TOTAL:
        return np.ones((groups.height, 1)), [TOTAL]
    keys = groups[level].cast(pl.String)
    values = keys.drop_nulls().unique().sort().to_list()
    members = (
        np.stack([(keys == one).fill_null(value=False).to_numpy() for one in values], axis=1)
        if values
        else None
    )
    table = np.zeros((groups.height, 0)) if members is None else members.astype(np.float64)
    return table, [f"{level}={one}" for one in values]


def _check_groups(groups: pl.DataFrame, ids: Sequence[str], levels: Mapping[str, float]) -> None:
    lacks = [one for one in levels if one != TOTAL and one not in groups.columns]
    if lacks or len(set(ids)) < len(ids):
        raise ShortfallError(
            zh=f"层级表缺少列 {lacks}，或同一序列出现多次。请每个序列给一行。",
            en=f"The table of groups lacks {lacks}, or gives a series more than once. Give one row a series.",
        )
