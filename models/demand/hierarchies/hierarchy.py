"""Which series add up to which: company, family, product x region, as one sparse summing matrix."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array, vstack

from models.demand.series import FloatArray
from models.errors import HierarchyError

__all__ = ["BOTTOM", "TOTAL", "Hierarchy", "hierarchy_of_levels", "hierarchy_of_nodes"]

TOTAL: Final = "total"
BOTTOM: Final = "series"


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """Nodes and the bottom series each of them is the sum of; grouped structures are as good as trees.

    ids: n node ids, aggregates first (coarse to fine), the m bottom series last; sums: the summing matrix S of zeros
    and ones, (n, m) CSR, whose last m rows are the identity; level: the level of each node, `total` first, `series`
    for the bottom; same: groups of nodes that are the sum of the same series (kept, since each has a name).
    """

    ids: tuple[str, ...]
    sums: csr_array
    level: tuple[str, ...]
    same: tuple[tuple[str, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def upper(self) -> int:
        """Return how many nodes are sums."""
        return len(self.ids) - int(self.sums.shape[1])

    @property
    def bottom_ids(self) -> tuple[str, ...]:
        """Return the ids of the bottom series."""
        return self.ids[self.upper :]

    @property
    def level_names(self) -> tuple[str, ...]:
        """Return the levels, top first."""
        return tuple(dict.fromkeys(self.level))

    def rows_of(self, level: str) -> NDArray[np.int64]:
        """Return the rows of one level's nodes."""
        return np.flatnonzero([one == level for one in self.level]).astype(np.int64)

    def add_up(self, bottom: FloatArray) -> FloatArray:
        """Return the values of all nodes, (n, ...), from those of the bottom series, (m, ...)."""
        flat = bottom.reshape(bottom.shape[0], -1)
        added = np.vstack([self.sums[: self.upper] @ flat, flat])
        return np.asarray(added, dtype=np.float64).reshape(len(self), *bottom.shape[1:])

    def without(self, refused: Collection[str]) -> "Hierarchy":
        """Return the hierarchy without some bottom series; sums that lose all their series go with them."""
        kept = np.array([one not in refused for one in self.bottom_ids], dtype=np.bool_)
        if kept.all():
            return self
        if not kept.any():
            raise HierarchyError([], zh="没有剩下任何序列", en="no series is left")
        sums = self.sums[:, np.flatnonzero(kept)]
        there = np.diff(sums.indptr) > 0
        ids = [one for one, stays in zip(self.ids, there, strict=True) if stays]
        level = [one for one, stays in zip(self.level, there, strict=True) if stays]
        sums = csr_array(sums[np.flatnonzero(there)])
        return Hierarchy(tuple(ids), sums, tuple(level), _same(ids, sums))


def hierarchy_of_levels(
    static: pl.DataFrame, levels: Mapping[str, Sequence[str]] | Sequence[Sequence[str]]
) -> Hierarchy:
    """Group the series by columns: every level adds up the series that share the values of its columns.

    static: `unique_id` and the columns, one row a bottom series; levels: columns per level, by name or named after
    themselves (`org_id/family`). An aggregate's id is `org_id=GY,family=LFP`. The total and the series themselves are
    always there. Raises HierarchyError for a column that is missing, or a series without a value or given twice.
    """
    named = (
        dict(levels) if isinstance(levels, Mapping) else {"/".join(columns): columns for columns in levels}
    )
    _check_static(static, named)
    bottom = static["unique_id"].cast(pl.String).to_list()
    ids, level, blocks = [TOTAL], [TOTAL], [csr_array(np.ones((1, len(bottom))))]
    for name, columns in named.items():
        block, keys = _group(static, columns)
        blocks.append(block)
        ids.extend(keys)
        level.extend([name] * len(keys))
    return _assemble(ids, level, blocks, bottom)


def hierarchy_of_nodes(
    nodes: Mapping[str, Sequence[str]], ids: Iterable[str], *, overlapping: bool = False
) -> Hierarchy:
    """Build the sums from explicit nodes: each node and what it adds up, series or other nodes.

    ids: the series of the table; those that are nodes at once bring a history of their own. A node's level is the
    length of the longest path down to it from the top (`level 1`, ...). A `total` is added where no node adds up
    everything. Parts of a node must not share a series, unless `overlapping`: then each counts once (a grouped
    structure, in which the total holds both the regions and the families). Raises HierarchyError naming parts that
    are neither series nor node, nodes that contain themselves, nodes without parts, and series that are in no node.
    """
    given = list(dict.fromkeys(ids))
    bottom = [one for one in given if one not in nodes]
    _check_nodes(nodes, given)
    members = _resolve(nodes, {one: number for number, one in enumerate(bottom)}, overlapping=overlapping)
    held = np.zeros(len(bottom), dtype=np.bool_)
    for columns in members.values():
        held[columns] = True
    lost = [one for one, inside in zip(bottom, held, strict=True) if not inside]
    if lost:
        raise HierarchyError(
            lost,
            zh="不属于任何节点。请把它们写入某个节点，或从表中删去",
            en="are in no node. Put them into one, or take them out of the table",
        )
    depth = _depths(nodes)
    order = sorted(nodes, key=lambda one: (depth[one], -len(members[one])))
    names = {one: f"level {depth[one]}" for one in order}
    if all(len(columns) < len(bottom) for columns in members.values()):
        order, names, members = (
            [TOTAL, *order],
            {TOTAL: TOTAL, **names},
            {TOTAL: np.arange(len(bottom)), **members},
        )
    blocks = [_indicator([members[one] for one in order], len(bottom))]
    return _assemble(order, [names[one] for one in order], blocks, bottom)


def _check_static(static: pl.DataFrame, levels: Mapping[str, Sequence[str]]) -> None:
    needed = dict.fromkeys(column for columns in levels.values() for column in columns)
    missing = [column for column in ("unique_id", *needed) if column not in static.columns]
    if missing:
        raise HierarchyError(
            missing,
            zh="是层级所需的列，但静态表中没有。请补充这些列或修改层级",
            en="are columns of the levels that the static table lacks. Add them or change the levels",
        )
    if static.is_empty():
        raise HierarchyError(
            [],
            zh="静态表没有序列。请提供底层序列",
            en="the static table has no series. Give the bottom series",
        )
    twice = (
        static.filter(pl.col("unique_id").is_duplicated())["unique_id"].unique(maintain_order=True).to_list()
    )
    if twice:
        raise HierarchyError(
            twice,
            zh="在静态表中出现多次。每个序列只留一行",
            en="stand in the static table more than once. Keep one row each",
        )
    for column in needed:
        lacking = static.filter(pl.col(column).is_null())["unique_id"].to_list()
        if lacking:
            raise HierarchyError(lacking, zh=f"的“{column}”为空。请补充", en=f"have no {column}. Fill it in")


def _group(static: pl.DataFrame, columns: Sequence[str]) -> tuple[csr_array, list[str]]:
    key = pl.concat_str(
        [pl.concat_str(pl.lit(f"{column}="), pl.col(column).cast(pl.String)) for column in columns],
        separator=",",
    )
    keys = static.select(key.alias("key"))["key"]
    unique = keys.unique(maintain_order=True)
    codes = {one: number for number, one in enumerate(unique)}
    rows = np.fromiter((codes[one] for one in keys), dtype=np.int64, count=len(keys))
    ones = np.ones(len(rows))
    return csr_array((ones, (rows, np.arange(len(rows)))), shape=(len(unique), len(rows))), unique.to_list()


def _indicator(columns: Sequence[NDArray[np.int64]], width: int) -> csr_array:
    starts = np.concatenate([[0], np.cumsum([len(one) for one in columns])])
    flat = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
    return csr_array((np.ones(len(flat)), flat, starts), shape=(len(columns), width))


def _assemble(
    ids: Sequence[str], level: Sequence[str], blocks: Sequence[csr_array], bottom: Sequence[str]
) -> Hierarchy:
    every = (*ids, *bottom)
    if len(set(every)) < len(every):
        seen: set[str] = set()
        twice = [one for one in every if one in seen or seen.add(one)]  # type: ignore[func-returns-value]
        raise HierarchyError(
            twice,
            zh="是重复的节点或序列名称。请改名",
            en="are names of more than one node or series. Rename them",
        )
    sums = csr_array(vstack([*blocks, eye_array(len(bottom))], format="csr"))
    sums.sort_indices()
    return Hierarchy(every, sums, (*level, *[BOTTOM] * len(bottom)), _same(every, sums))


def _same(ids: Sequence[str], sums: csr_array) -> tuple[tuple[str, ...], ...]:
    groups: dict[bytes, list[str]] = {}
    for number, one in enumerate(ids):
        groups.setdefault(sums.indices[sums.indptr[number] : sums.indptr[number + 1]].tobytes(), []).append(
            one
        )
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _check_nodes(nodes: Mapping[str, Sequence[str]], given: Sequence[str]) -> None:
    known = {*given, *nodes}
    empty = [one for one, parts in nodes.items() if not parts]
    if empty or not nodes:
        raise HierarchyError(
            empty, zh="没有组成部分。请列出节点的下级", en="have no parts. List what each node adds up"
        )
    unknown = list(dict.fromkeys(part for parts in nodes.values() for part in parts if part not in known))
    if unknown:
        raise HierarchyError(
            unknown,
            zh="既不是表中的序列，也不是节点。请更正名称",
            en="are neither a series of the table nor a node. Correct the names",
        )


def _resolve(
    nodes: Mapping[str, Sequence[str]], columns: Mapping[str, int], *, overlapping: bool
) -> dict[str, NDArray[np.int64]]:
    members: dict[str, NDArray[np.int64]] = {}
    for one in _children_first(nodes):
        parts = [members[part] if part in nodes else np.array([columns[part]]) for part in nodes[one]]
        flat = np.concatenate(parts)
        members[one] = np.unique(flat)
        if len(members[one]) < len(flat) and not overlapping:
            raise HierarchyError(
                [one],
                zh="把同一序列计入两次。请只保留一条路径",
                en="adds a series up twice. Keep one way to it",
            )
    return members


def _children_first(nodes: Mapping[str, Sequence[str]]) -> list[str]:
    """Order the nodes so that each comes after its parts; a cycle is an error that shows it."""
    inner = {one: [part for part in parts if part in nodes] for one, parts in nodes.items()}
    try:
        return list(TopologicalSorter(inner).static_order())
    except CycleError as error:
        raise HierarchyError(
            error.args[1],
            zh="互相包含，形成循环。请去掉其中一条",
            en="contain each other in a circle. Remove one of the links",
        ) from error


def _depths(nodes: Mapping[str, Sequence[str]]) -> dict[str, int]:
    depth = dict.fromkeys(nodes, 1)
    for one in reversed(_children_first(nodes)):
        for part in nodes[one]:
            if part in depth:
                depth[part] = max(depth[part], depth[one] + 1)
    return depth
