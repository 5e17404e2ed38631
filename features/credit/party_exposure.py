"""What the group's companies are exposed to by party: own, connected and looked-through, beside the legal limits."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import polars as pl

from features.credit.book import Book
from features.credit.exposure_shapes import EXPOSURE_GROUP, EXPOSURE_LINE, EXPOSURE_MEMBER, PARTY_EXPOSURE
from features.credit.parties import party_ids
from features.credit.rule_concentration import groups_of, limit_uses, limits_unused, live_exposures
from features.credit.rule_network import Clients
from graph.measures.connected import Groups
from graph.measures.exposure import Book as ExposureBook
from graph.measures.exposure import exposure_by_group, exposure_by_owner, exposure_by_party
from graph.measures.ownership import Ownership
from graph.snapshot import Snapshot

__all__ = ["MEMBER_LINES", "party_exposures", "unused_limits"]

MEMBER_LINES: Final = 50
"""Of a group the largest exposures of its members are listed; its totals count all of them."""

_AMOUNTS: Final = ("direct", "contingent", "gross", "mitigated", "net")


def party_exposures(
    tables: Mapping[str, pl.LazyFrame],
    snapshot: Snapshot,
    as_of: date,
    *,
    org_kinds: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Return the exposure of every party known on a date (PARTY_EXPOSURE), sorted by party.

    Only what was known by the date is read; amounts are what is outstanding of live contracts, so gross and net are equal
    until mitigants are told. `org_kinds` maps the business of a company to the kind of organisation in graph/policy.toml;
    without it no limits are computed. Raises MissingTableError and MissingColumnError.
    """
    book, clients = _read(tables, snapshot, as_of)
    groups = groups_of(clients)
    exposures = ExposureBook(live_exposures(book))
    by_party = exposure_by_party(exposures, clients.policy)
    by_group = exposure_by_group(exposures, clients.policy, groups)
    owners = exposure_by_owner(by_party, Ownership.under(snapshot, clients.policy.control))
    frame = clients.kinds.select("party_id").with_columns(as_of=pl.lit(as_of))
    parts = (
        _listed(by_party.rename({"subject": "party_id"}), "lines", ("org_id", *_AMOUNTS)),
        _listed(
            owners.rename({"owner": "party_id"}),
            "looked_through",
            ("org_id", "gross", "net", "gross_unknown"),
        ),
        _groups(groups, by_party, by_group),
        limit_uses(clients, book, groups, org_kinds).rename({"limit_uses": "limits"}),
    )
    for part in parts:
        frame = frame.join(part, on="party_id", how="left")
    filled = [
        pl.col(name).fill_null(pl.lit([], dtype=dtype)) if isinstance(dtype, pl.List) else pl.col(name)
        for name, dtype in PARTY_EXPOSURE.items()
        if name != "limits"
    ]
    typed = frame.with_columns(pl.col("limits").cast(PARTY_EXPOSURE["limits"]))
    return typed.with_columns(filled).select(PARTY_EXPOSURE.names()).sort("party_id")


def unused_limits(
    tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot, as_of: date, org_kinds: Mapping[str, str]
) -> pl.DataFrame:
    """Return the limits on one party and on one group that bind each company (fields of LIMIT_USE, `used` 0)."""
    book, clients = _read(tables, snapshot, as_of)
    unused = limits_unused(clients, book, org_kinds)
    return unused.filter(pl.col("scope").is_in(["party", "group"]))


def _read(tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot, as_of: date) -> tuple[Book, Clients]:
    book = Book.read(tables, as_of)
    return book, Clients.read(book, snapshot, party_ids(book.known).collect())


def _listed(frame: pl.DataFrame, name: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """Return [party_id, name] with the rows of each party as structs, sorted by company."""
    # Rounded to cents: the last bit of a sum depends on the order of rows.
    rounded = frame.with_columns(pl.col(pl.Float64).round(2)).sort("party_id", "org_id")
    return rounded.group_by("party_id", maintain_order=True).agg(pl.struct(columns).alias(name))


def _groups(groups: Groups, by_party: pl.DataFrame, by_group: pl.DataFrame) -> pl.DataFrame:
    """Return [party_id, groups] for the parties whose groups have an exposure or more than one member."""
    members = groups.members.select(
        pl.col("id").cast(pl.String).alias("party_id"), pl.col("group_id").cast(pl.String), "through"
    )
    sizes = members.group_by("group_id").agg(members=pl.col("party_id").n_unique().cast(pl.Int64))
    totals = _listed(by_group.rename({"subject": "party_id"}), "lines", ("org_id", *_AMOUNTS))
    told = (
        sizes.join(totals.rename({"party_id": "group_id"}), on="group_id", how="left")
        .join(_largest(members, by_party), on="group_id", how="left")
        .filter((pl.col("members") > 1) | pl.col("lines").is_not_null())
        .with_columns(
            pl.col("lines").fill_null(pl.lit([], dtype=pl.List(EXPOSURE_LINE))),
            pl.col("largest").fill_null(pl.lit([], dtype=pl.List(EXPOSURE_MEMBER))),
        )
    )
    # A party that is in a group by control as well as by dependence is in it by control.
    once = members.sort("party_id", "group_id", "through").unique(
        ["party_id", "group_id"], keep="first", maintain_order=True
    )
    return (
        once.join(told, on="group_id")
        .sort("party_id", "group_id")
        .group_by("party_id", maintain_order=True)
        .agg(groups=pl.struct(field.name for field in EXPOSURE_GROUP.fields))
    )


def _largest(members: pl.DataFrame, by_party: pl.DataFrame) -> pl.DataFrame:
    owed = members.select("party_id", "group_id").unique()
    lines = by_party.select(
        "org_id", pl.col("subject").alias("party_id"), pl.col("gross", "net").round(2)
    ).filter(pl.col("gross") > 0)
    ranked = owed.join(lines, on="party_id").sort(
        ["gross", "party_id", "org_id"], descending=[True, False, False]
    )
    return ranked.group_by("group_id", maintain_order=True).agg(
        largest=pl.struct("party_id", "org_id", "gross", "net").head(MEMBER_LINES)
    )
