"""Features from membership tables: how many groups, how large, and what their other members carry."""

from typing import Final

import numpy as np
import polars as pl

from features.cards.card import GroupTable
from features.cards.own import frequent_values, place_codes
from features.cards.state import GroupState
from features.cards.sums import known_sums

__all__ = ["fit_groups", "group_features"]

_LOCAL: Final = (
    10  # a kind whose typical member sits among fewer is counted; larger groups grow with the book
)
_LEAST: Final = 20


def fit_groups(groups: pl.DataFrame) -> GroupState:
    """Learn the kinds of group, which are small and local, and the names of groups one belongs to alone."""
    sized = groups.unique().with_columns(pl.len().over("kind", "group").alias("size"))
    kinds = tuple(sized.group_by("kind").len().filter(pl.col("len") >= _LEAST).sort("kind")["kind"])
    typical = (
        sized.group_by("kind").agg(pl.col("size").median()).filter(pl.col("size") < _LOCAL)["kind"].to_list()
    )
    local = tuple(k for k in kinds if k in typical)
    vocabularies = {
        k: frequent_values(sized.filter(pl.col("kind") == k)["group"], _LEAST, 60)
        for k in kinds
        if k not in local
    }
    return GroupState(
        kinds=kinds, local=local, vocabularies={k: v for k, v in vocabularies.items() if len(v) > 1}
    )


def group_features(
    name: str, spec: GroupTable, state: GroupState, groups: pl.DataFrame, carried: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return per party of `carried` (`id`) the features of this table, and which of them are codes."""
    # Sorted, so that sums are the same to the last bit whatever the order of the file.
    sized = groups.select("kind", "group", pl.col("__party").alias("id")).unique().sort("kind", "group", "id")
    sized = sized.with_columns(pl.len().over("kind", "group").cast(pl.Float64).alias("size"))
    out = carried.select("id")
    codes: list[str] = []
    for kind in state.kinds:
        part = sized.filter(pl.col("kind") == kind)
        title = f"{name}.{kind}"
        size = pl.col("size") if kind in state.local else pl.col("size") / max(part["id"].n_unique(), 1)
        figures = part.group_by("id").agg(
            pl.len().cast(pl.Float64).alias(f"{title}.n"),
            size.max().alias(f"{title}.size"),
        )
        out = out.join(figures, on="id", how="left", maintain_order="left")
        out = out.with_columns(pl.col(f"{title}.n").fill_null(0.0))
        if spec.members:
            out = out.join(_members(title, part, carried), on="id", how="left", maintain_order="left")
        if spec.names and kind in state.vocabularies:
            largest = part.sort("size", "group", descending=[True, False]).unique(
                "id", keep="first", maintain_order=True
            )
            named = out.select("id").join(largest, on="id", how="left", maintain_order="left")["group"]
            out = out.with_columns(place_codes(named, state.vocabularies[kind]).alias(f"{title}.which"))
            codes.append(f"{title}.which")
    return out, tuple(codes)


def _members(title: str, part: pl.DataFrame, carried: pl.DataFrame) -> pl.DataFrame:
    """Return the mean, over one's groups, of the other members' mean value; one's own value is taken out exactly."""
    values = carried.columns[1:]
    floats = carried.cast(dict.fromkeys(values, pl.Float64))
    joined = part.join(floats, on="id", how="left", maintain_order="left").with_columns(
        pl.col("group").rank("dense").cast(pl.Int64).alias("__group"),
        pl.col("id").rank("dense").cast(pl.Int64).alias("__id"),
    )
    groups, ids = joined["__group"], joined["__id"]
    place = groups.to_numpy()
    first = joined.select("id", "__id").unique("__id", keep="first", maintain_order=True)
    columns = [first["id"]]
    for column in values:
        sums, counts = known_sums(groups, joined[column], len(joined) + 1)
        own = joined[column].fill_null(0.0).to_numpy()
        others = counts[place] - joined[column].is_not_null().to_numpy()
        mean = np.where(others > 0, (sums[place] - own) / np.maximum(others, 1.0), np.nan)
        total, number = (
            s[first["__id"].to_numpy()] for s in known_sums(ids, pl.Series(mean), len(joined) + 1)
        )
        figure = np.where(number > 0, total / np.maximum(number, 1.0), np.nan)
        columns.append(pl.Series(f"{title}.members.{column}", figure, nan_to_null=True))
    return pl.DataFrame(columns)
