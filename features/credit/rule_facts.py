"""Facts of every party that policy rules are held against, as they were known on a date; null where nobody knows."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

import polars as pl

from features.asof import Known
from features.credit.book import Book
from features.credit.exposure_shapes import LIMIT_USE
from features.credit.parties import party_ids
from features.credit.ratios import exact_sum
from features.credit.rule_concentration import concentration_facts, connected_facts, limit_uses, limits_unused
from features.credit.rule_network import Clients, guarantee_facts, related_facts, trade_facts
from features.errors import SnapshotDateError
from graph.errors import UnknownPartyError
from graph.snapshot import Snapshot

__all__ = ["RULE_FACTS_SCHEMA", "legal_limits", "rule_facts"]

_TEXT: Final = ("kind", "industry", "province")
_MONEY: Final = (
    *("guarantees_given", "guarantees_beyond_net_assets", "connected_outstanding"),
    *("party_share_of_book", "connected_share_of_book", "industry_share_of_book", "province_share_of_book"),
    *("line_share_of_book", "sells_to_group", "buys_from_group"),
)

_COLUMNS: Final[dict[str, type[pl.DataType] | pl.DataType]] = {
    "party_id": pl.String,
    "as_of": pl.Date,
    **dict.fromkeys(_TEXT, pl.String),
    "in_default": pl.Boolean,
    "default_on": pl.Date,
    "default_cause": pl.String,
    "days_past_due": pl.Int64,
    "outstanding": pl.Float64,
    "bankruptcy_filings": pl.Int64,
    "dishonest_listings_36m": pl.Int64,
    "enforcements_12m": pl.Int64,
    "asset_freezes_12m": pl.Int64,
    "deregistrations": pl.Int64,
    "abnormal_operations_12m": pl.Int64,
    "administrative_penalties_36m": pl.Int64,
    "on_blacklist": pl.Boolean,
    "statement_on": pl.Date,
    "net_assets": pl.Float64,
    "leverage": pl.Float64,
    "return_on_equity": pl.Float64,
    "free_cash_flow": pl.Float64,
    **dict.fromkeys(_MONEY[:2], pl.Float64),
    "guarantees_of_unknown_amount": pl.Int64,
    "circle_members": pl.Int64,
    "circle_defaults_12m": pl.Int64,
    "guaranteed_defaults_12m": pl.Int64,
    "is_group_company": pl.Boolean,
    "controlled_by_group": pl.Boolean,
    "officer_of_group": pl.Boolean,
    "family_of_group_officer": pl.Boolean,
    "controlled_by_group_officer": pl.Boolean,
    "connected_group": pl.String,
    "connected_members": pl.Int64,
    "connected_defaults_12m": pl.Int64,
    "main_line": pl.String,
    **dict.fromkeys(_MONEY[2:], pl.Float64),
    "limit_uses": pl.List(LIMIT_USE),
}
RULE_FACTS_SCHEMA: Final = pl.Schema(_COLUMNS)
"""One column per fact; amounts in CNY, shares as decimals. `limit_uses` is null where no limits were computed."""


def rule_facts(
    tables: Mapping[str, pl.LazyFrame],
    snapshot: Snapshot,
    as_of: date,
    parties: Iterable[str] | None = None,
    *,
    org_kinds: Mapping[str, str] | None = None,
    blacklist: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the facts (RULE_FACTS_SCHEMA) of the parties known on a date, or of those asked for, sorted by party.

    Only what was known by the date is read. `org_kinds` maps the business of a company of the group to the kind of
    organisation in graph/policy.toml, without it no limits are computed; `blacklist` [party_id, valid_from, valid_to,
    known_at] is optional, as are the tables statements, registry_events and companies: what they would tell is null then,
    never 0. A party that the group never financed is in no default of the group's book. Raises MissingTableError,
    MissingColumnError, SnapshotDateError when the graph is later than the date, UnknownPartyError.
    """
    if snapshot.as_of is None or snapshot.as_of > as_of:
        raise SnapshotDateError(snapshot.as_of, as_of)
    book = Book.read(tables, as_of)
    known = book.known
    ids = party_ids(known).collect()
    clients = Clients.read(book, snapshot, ids)
    held = _positions(book)
    connected = connected_facts(clients, held)
    frames = [
        _profiles(known),
        _defaults(book),
        held.select("party_id", "days_past_due", "outstanding"),
        _court(known),
        _registry(known),
        _blacklisted(known, blacklist),
        clients.statements,
        guarantee_facts(clients),
        related_facts(clients),
        trade_facts(clients),
        connected.facts,
        concentration_facts(held, _profiles(known), book),
        limit_uses(clients, book, connected.groups, org_kinds),
    ]
    frame = ids
    for part in frames:
        frame = frame.join(part, on="party_id", how="left")
    return _asked(_without_records(frame, known, held), parties)


def legal_limits(
    tables: Mapping[str, pl.LazyFrame], snapshot: Snapshot, as_of: date, org_kinds: Mapping[str, str]
) -> pl.DataFrame:
    """Return the legal limits by company and scope (the fields of LIMIT_USE, `used` 0), as of a date.

    What new business is held against before there is any exposure. Raises as `rule_facts`.
    """
    if snapshot.as_of is None or snapshot.as_of > as_of:
        raise SnapshotDateError(snapshot.as_of, as_of)
    book = Book.read(tables, as_of)
    clients = Clients.read(book, snapshot, party_ids(book.known).collect())
    limits = limits_unused(clients, book, org_kinds)
    return limits.select(pl.col(field.name).cast(field.dtype) for field in LIMIT_USE.fields)


def _asked(frame: pl.DataFrame, parties: Iterable[str] | None) -> pl.DataFrame:
    if parties is None:
        return frame
    wanted = pl.Series("party_id", sorted(set(parties)), dtype=pl.String)
    absent = wanted.filter(~wanted.is_in(frame["party_id"].implode()))
    if len(absent):
        raise UnknownPartyError(absent[0])
    return frame.filter(pl.col("party_id").is_in(wanted.implode()))


def _without_records(frame: pl.DataFrame, known: Known, held: pl.DataFrame) -> pl.DataFrame:
    """Say 0 of a party without a record where the table of records is there, and leave null where it is not."""
    tables = {
        "court_events": (
            *("bankruptcy_filings", "dishonest_listings_36m", "enforcements_12m", "asset_freezes_12m"),
        ),
        "registry_events": ("deregistrations", "abnormal_operations_12m", "administrative_penalties_36m"),
    }
    counted = [
        pl.col(name).fill_null(0)
        for table, names in tables.items()
        if table in known.tables
        for name in names
    ]
    nothing = {"days_past_due": 0, "outstanding": 0.0}
    nothing |= {} if held.is_empty() else {"party_share_of_book": 0.0}
    filled = frame.with_columns(
        *counted,
        *(pl.col(name).fill_null(value) for name, value in nothing.items()),
        as_of=pl.lit(known.as_of),
    )
    return filled.select(pl.col(name).cast(dtype) for name, dtype in RULE_FACTS_SCHEMA.items()).sort(
        "party_id"
    )


def _profiles(known: Known) -> pl.DataFrame:
    rows = known.rows("parties", "party_id", "valid_from", "known_at", *_TEXT)
    begun = rows.filter(pl.col("valid_from") <= known.as_of).sort("party_id", "valid_from", "known_at")
    return begun.group_by("party_id").agg(pl.col(_TEXT).last()).collect()


def _defaults(book: Book) -> pl.DataFrame:
    known_ids = party_ids(book.known)
    defaults = book.defaults.rename({"cause": "default_cause"})
    joined = known_ids.join(defaults, on="party_id", how="left")
    return joined.with_columns(in_default=pl.col("default_on").is_not_null()).collect()


def _positions(book: Book) -> pl.DataFrame:
    """Return what each party with a live exposure owes [party_id, days_past_due, outstanding, main_line]."""
    live = book.states.filter("is_live")
    by_line = live.group_by("party_id", "business_line").agg(exact_sum("outstanding"))
    main = by_line.sort("outstanding", "business_line", descending=[True, False]).group_by("party_id").first()
    positions = live.group_by("party_id").agg(pl.col("days_past_due").max(), exact_sum("outstanding"))
    named = main.select("party_id", main_line="business_line")
    return positions.join(named, on="party_id", how="left").sort("party_id").collect()


def _court(known: Known) -> pl.DataFrame:
    rows = known.rows("court_events", "party_id", "kind", "occurred_on").filter(
        pl.col("occurred_on") <= known.as_of
    )
    kind = pl.col("kind")
    return _counted(
        rows,
        bankruptcy_filings=kind == "bankruptcy_filing",
        dishonest_listings_36m=(kind == "dishonest") & _since(known, 36),
        enforcements_12m=(kind == "enforcement") & _since(known, 12),
        asset_freezes_12m=(kind == "asset_freeze") & _since(known, 12),
    )


def _registry(known: Known) -> pl.DataFrame:
    names = ("deregistrations", "abnormal_operations_12m", "administrative_penalties_36m")
    if "registry_events" not in known.tables:
        return pl.DataFrame(schema={"party_id": pl.String, **dict.fromkeys(names, pl.Int64)})
    rows = known.rows("registry_events", "party_id", "kind", "occurred_on").filter(
        pl.col("occurred_on") <= known.as_of
    )
    kind = pl.col("kind")
    return _counted(
        rows,
        deregistrations=kind == "deregistration",
        abnormal_operations_12m=(kind == "abnormal_operation") & _since(known, 12),
        administrative_penalties_36m=(kind == "administrative_penalty") & _since(known, 36),
    )


def _counted(rows: pl.LazyFrame, **conditions: pl.Expr) -> pl.DataFrame:
    return (
        rows.group_by("party_id").agg(**{name: found.sum() for name, found in conditions.items()}).collect()
    )


def _since(known: Known, months: int) -> pl.Expr:
    return pl.col("occurred_on") > known.since(months)


def _blacklisted(known: Known, blacklist: pl.DataFrame | None) -> pl.DataFrame:
    if blacklist is None:
        return pl.DataFrame(schema={"party_id": pl.String, "on_blacklist": pl.Boolean})
    listed = Known({"blacklist": blacklist.lazy()}, known.as_of).rows(
        "blacklist", "party_id", "valid_from", "valid_to"
    )
    holds = (pl.col("valid_from") <= known.as_of) & (
        pl.col("valid_to").is_null() | (pl.col("valid_to") > known.as_of)
    )
    ids = listed.filter(holds).collect()["party_id"]
    return party_ids(known).with_columns(on_blacklist=pl.col("party_id").is_in(ids.implode())).collect()
