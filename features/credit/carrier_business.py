"""Whose business each step of a carrier path is, and which companies have business with its end."""

from typing import Final

import polars as pl

from graph.business import PUBLIC_KINDS

__all__ = ["BUSINESS_SCHEMA", "with_business"]

BUSINESS_SCHEMA: Final = pl.Schema(
    {"business": pl.List(pl.List(pl.String())), "end_companies": pl.List(pl.String())}
)
_NOBODY: Final = pl.lit([], dtype=pl.List(pl.String))


def with_business(paths: pl.DataFrame, own: pl.DataFrame, dealt: pl.DataFrame) -> pl.DataFrame:
    """Return paths (CARRIERS_SCHEMA), in their order, with BUSINESS_SCHEMA.

    `business` has for each edge of `path` the companies of the group whose business it is, none where it stands in a public
    register or none of them is an end of it; `end_companies` are those that have or had business with the end, or are it.
    `own` [org_id, party_id] says which party a company is, `dealt` is `dealings.DEALINGS_SCHEMA`.
    """
    orgs = own.drop_nulls().group_by("party_id").agg(pl.col("org_id").unique())
    numbered = paths.with_row_index("row")
    edges = numbered.select("row", "path").explode("path").select("row", pl.col("path").struct.unnest())
    ends = edges.select("row", "kind", "src", "dst")
    for end in ("src", "dst"):
        ends = ends.join(
            orgs.rename({"party_id": end, "org_id": f"{end}_orgs"}), on=end, how="left", maintain_order="left"
        )
    theirs = _together("src_orgs", "dst_orgs")
    business = (
        ends.select("row", pl.when(pl.col("kind").is_in(PUBLIC_KINDS)).then(_NOBODY).otherwise(theirs).alias("business"))
        .group_by("row", maintain_order=True)
        .agg("business")
    )  # fmt: skip
    end_ids = numbered.select("row", pl.col("end_id").alias("party_id"))
    known = (
        end_ids.join(dealt, on="party_id", how="left", maintain_order="left")
        .join(orgs, on="party_id", how="left", maintain_order="left")
        .select("row", _together("companies", "org_id").alias("end_companies"))
    )
    return (
        numbered.join(business, on="row", how="left", maintain_order="left")
        .join(known, on="row", how="left", maintain_order="left")
        .select(*paths.columns, *(pl.col(name).cast(dtype) for name, dtype in BUSINESS_SCHEMA.items()))
    )


def _together(one: str, other: str) -> pl.Expr:
    """Return the names of two lists, each once, in their order."""
    lists = (pl.col(name).fill_null(_NOBODY) for name in (one, other))
    return pl.concat_list(*lists).list.unique().list.sort()
