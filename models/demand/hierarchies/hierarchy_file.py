"""Read from a TOML file how the series of a table add up."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from models.demand.hierarchies.hierarchy import Hierarchy, hierarchy_of_levels, hierarchy_of_nodes
from models.errors import HierarchyError

__all__ = ["read_hierarchy"]


class _File(BaseModel):
    """What the file may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: tuple[tuple[str, ...], ...] | dict[str, tuple[str, ...]] = ()
    nodes: dict[str, tuple[str, ...]] = {}
    parents: dict[str, tuple[str, ...]] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.levels) == bool(self.nodes or self.parents):
            raise ValueError(
                "give either `levels` (by columns) or `nodes` and `parents` (by id), not both or none"
            )
        return self


def read_hierarchy(path: Path, static: pl.DataFrame | None, ids: Sequence[str]) -> Hierarchy:
    """Read how series add up; `static` has `unique_id` and the columns of the levels, `ids` are the table's series.

    By columns, where the table has the bottom series alone; the total and the series themselves need no mention:

        levels = [["org_id"], ["org_id", "family"], ["org_id", "family", "product_id"], ["region"]]

    or with names, `[levels]` and `company = ["org_id"]`. By ids, downwards or upwards or both; what is named and is
    no series of the table is added up, what is named and is one keeps its own history and forecast:

        [nodes]                          [parents]
        salt = ["salt_east", "salt_west"]    salt_east = ["salt", "east"]

    With `parents` a node may reach a series by several ways and counts it once. Raises HierarchyError for a file that
    cannot be read, names that are neither series nor node, circles, series in no node, and a node that `nodes`
    adds up without a part that `parents` gives to it.
    """
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise HierarchyError(
            [str(path)],
            zh=f"无法读取：{error}。请写明 levels，或写明 nodes 与 parents",
            en=f"cannot be read: {error}. Give `levels`, or `nodes` and `parents`",
        ) from error
    if file.levels:
        return _by_columns(file.levels, static, ids)
    return hierarchy_of_nodes(_merged(file.nodes, file.parents), ids, overlapping=bool(file.parents))


def _by_columns(
    levels: tuple[tuple[str, ...], ...] | dict[str, tuple[str, ...]],
    static: pl.DataFrame | None,
    ids: Sequence[str],
) -> Hierarchy:
    if static is None:
        raise HierarchyError(
            [],
            zh="按列分层需要静态列。请用 --static 给出层级所用的列，或在文件中改写 nodes",
            en="levels by column need static columns. Name them with --static, or write `nodes` in the file",
        )
    rows = pl.DataFrame({"unique_id": list(ids)}, schema={"unique_id": pl.String})
    named = static.with_columns(pl.col("unique_id").cast(pl.String))
    lacking = rows.join(named, on="unique_id", how="anti")["unique_id"].to_list()
    if lacking:
        raise HierarchyError(
            lacking, zh="没有静态列的取值。请补充", en="have no row of static columns. Add it"
        )
    return hierarchy_of_levels(rows.join(named, on="unique_id", how="left", maintain_order="left"), levels)


def _merged(
    nodes: Mapping[str, Sequence[str]], parents: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    merged = {one: list(parts) for one, parts in nodes.items()}
    for child, above in parents.items():
        for one in above:
            if one in nodes and child not in nodes[one]:
                raise HierarchyError(
                    [one, child],
                    zh="相互矛盾：parents 把后者归入前者，nodes 中前者却没有后者。请改正其一",
                    en="contradict each other: `parents` puts the second under the first, `nodes` does not. Correct one",
                )
            parts = merged.setdefault(one, [])
            if child not in parts:
                parts.append(child)
    return {one: tuple(parts) for one, parts in merged.items()}
