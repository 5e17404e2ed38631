"""Facts for policy rules on concentration: shares of the group's book, connected clients, legal limits in use."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from features.credit.book import Book
from features.credit.ratios import exact_sum
from features.credit.rule_network import Clients, related_facts
from graph.measures.connected import Groups, connected_groups
from graph.measures.exposure import EXPOSURE_SCHEMA, exposure_by_group, exposure_by_party
from graph.measures.exposure import Book as ExposureBook
from graph.measures.limits import check_limits

__all__ = [
    "Connected",
    "concentration_facts",
    "connected_facts",
    "groups_of",
    "limit_uses",
    "limits_unused",
    "live_exposures",
]

_USE = (
    "org_id",
    "code",
    "name_zh",
    "name_en",
    "scope",
    "used",
    "limit",
    "used_of_limit",
    "source",
    "verified",
)


@dataclass(frozen=True, eq=False)
class Connected:
    """The groups of connected clients and what they say of each party."""

    groups: Groups
    facts: pl.DataFrame


def connected_facts(clients: Clients, held: pl.DataFrame) -> Connected:
    """Return, per party, the group of connected clients with the largest exposure it is in, and defaults beside it.

    `held` [party_id, outstanding]. Facts: [party_id, connected_group, connected_members, connected_defaults_12m,
    connected_outstanding, connected_share_of_book]; CNY. Defaults are of other members, in the group where they are most.
    """
    groups = groups_of(clients)
    failed = pl.col("party_id").is_in(clients.defaulted.implode())
    members = (
        groups.members.select(party_id="id", connected_group="group_id")
        .unique()
        .join(held.select("party_id", "outstanding"), on="party_id", how="left")
        .with_columns(pl.col("outstanding").fill_null(0.0), failed=failed.cast(pl.Int64))
    )
    totals = members.group_by("connected_group").agg(
        connected_members=pl.len().cast(pl.Int64),
        connected_outstanding=exact_sum("outstanding"),
        failures=pl.col("failed").sum(),
    )
    beside = (pl.col("failures") - pl.col("failed")).alias("connected_defaults_12m")
    joined = members.join(totals, on="connected_group").with_columns(beside)
    largest = joined.sort("connected_outstanding", "connected_group", descending=[True, False])
    chosen = largest.group_by("party_id").agg(
        pl.col("connected_group", "connected_members", "connected_outstanding").first(),
        pl.col("connected_defaults_12m").max(),
    )
    alone = _alone(clients, held, chosen)
    book = held.select(exact_sum("outstanding")).item()
    share = (pl.col("connected_outstanding") / book) if book > 0 else pl.lit(None, dtype=pl.Float64)
    return Connected(groups, pl.concat([chosen, alone]).with_columns(connected_share_of_book=share))


def groups_of(clients: Clients) -> Groups:
    """Return the groups of connected clients, dependence judged by the statements known."""
    figures = clients.statements.select(id="party_id", net_assets="net_assets")
    return connected_groups(clients.snapshot, clients.policy, parties=clients.kinds, figures=figures)


def _alone(clients: Clients, held: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """Return the parties that the graph does not have, each a group of its own."""
    outside = clients.kinds.select("party_id").join(chosen, on="party_id", how="anti")
    with_amounts = outside.join(held.select("party_id", "outstanding"), on="party_id", how="left")
    return with_amounts.select(
        "party_id",
        pl.col("party_id").alias("connected_group"),
        pl.lit(1, dtype=pl.Int64).alias("connected_members"),
        pl.col("outstanding").fill_null(0.0).alias("connected_outstanding"),
        pl.lit(0, dtype=pl.Int64).alias("connected_defaults_12m"),
    )


def concentration_facts(held: pl.DataFrame, profiles: pl.DataFrame, book: Book) -> pl.DataFrame:
    """Return, per party, what it, its industry, its province and its main line are of the group's book (0 to 1).

    Of a party without a live exposure only industry and province are told: what more of the same would add to. Null where
    the party's industry or province is unknown, and everywhere for an empty book.
    """
    total = held.select(exact_sum("outstanding")).item()
    if not total:
        empty = (
            "party_share_of_book",
            "industry_share_of_book",
            "province_share_of_book",
            "line_share_of_book",
        )
        return profiles.select(
            "party_id",
            *(pl.lit(None, dtype=pl.Float64).alias(name) for name in empty),
            main_line=pl.lit(None, dtype=pl.String),
        )
    joined = profiles.join(held, on="party_id", how="left").with_columns(pl.col("outstanding").fill_null(0.0))
    lines = (
        book.states.filter("is_live")
        .group_by(main_line="business_line")
        .agg(line_share_of_book=exact_sum("outstanding") / total)
        .collect()
    )
    shares = [
        pl.when(pl.col(name).is_not_null())
        .then(exact_sum("outstanding").over(name) / total)
        .alias(f"{name}_share_of_book")
        for name in ("industry", "province")
    ]
    own = (pl.col("outstanding") / total).alias("party_share_of_book")
    return (
        joined.with_columns(own, *shares)
        .join(lines, on="main_line", how="left")
        .select("party_id", "main_line", pl.selectors.ends_with("_share_of_book"))
    )


def limit_uses(
    clients: Clients, book: Book, groups: Groups, org_kinds: Mapping[str, str] | None
) -> pl.DataFrame:
    """Return [party_id, limit_uses], a list of what is used of the legal limits by each party and its connected groups.

    What a group or all related parties use stands with each of them, whether it owes anything itself or not. Empty where
    nothing is used; no row without `org_kinds` (business -> kind of organisation in graph/policy.toml) or
    without the group's companies. Bases are the companies' own net assets, latest and at the last year's end.
    """
    if org_kinds is None or clients.companies is None:
        return pl.DataFrame(
            schema={"party_id": pl.String, "limit_uses": pl.List(pl.Struct({"org_id": pl.String}))}
        )
    exposures = ExposureBook(live_exposures(book))
    by_party = exposure_by_party(exposures, clients.policy)
    by_group = exposure_by_group(exposures, clients.policy, groups)
    related = _related(clients, clients.companies)
    organisations = _organisations(clients, clients.companies, book, org_kinds)
    uses = check_limits(by_party, by_group, organisations, clients.policy, related=related)
    # A sum of floats differs in its last bit with the order of rows: an answer must come out the same again.
    exact = uses.with_columns(pl.col("used", "limit").round(2)).with_columns(
        used_of_limit=pl.when(pl.col("limit") > 0).then(pl.col("used") / pl.col("limit"))
    )
    told = exact.with_columns(use=pl.struct(*_USE, "valid_from")).select("org_id", "scope", "subject", "use")
    own = told.filter(pl.col("scope").is_in(["party", "related_party"])).select("use", party_id="subject")
    members = groups.members.select(party_id=pl.col("id").cast(pl.String), subject="group_id").unique()
    lone = by_party.select(party_id="subject", subject="subject").unique()
    every = pl.concat([members, lone.join(members, on="party_id", how="anti")])
    together = told.filter(pl.col("scope") == "group").join(every, on="subject").select("use", "party_id")
    # Members without an exposure of their own too: what is lent to them comes on top of what the others use.
    all_related = told.filter(pl.col("scope") == "all_related").join(related, on="org_id")
    rows = pl.concat([own, together, all_related.select("use", "party_id")])
    # A party in several groups answers for the one that uses the most.
    keys = rows.with_columns(pl.col("use").struct.field("code", "org_id", "used"))
    sorted_uses = keys.sort("party_id", "code", "org_id", "used", descending=[False, False, False, True])
    worst = sorted_uses.unique(["party_id", "code", "org_id"], keep="first", maintain_order=True)
    listed = worst.group_by("party_id", maintain_order=True).agg(limit_uses="use")
    empty = pl.lit([], dtype=listed.schema["limit_uses"])
    return (
        clients.kinds.select("party_id")
        .join(listed, on="party_id", how="left")
        .with_columns(pl.col("limit_uses").fill_null(empty))
    )


def limits_unused(clients: Clients, book: Book, org_kinds: Mapping[str, str]) -> pl.DataFrame:
    """Return a row per company and legal limit, with the fields of a limit in use and `used` 0.

    What is held against new business where nothing is used yet; limits on related parties bind only these. Empty without
    the group's companies.
    """
    if clients.companies is None:
        return pl.DataFrame(schema=dict.fromkeys((*_USE, "valid_from"), pl.Null))
    nobody = clients.companies.select(
        "org_id",
        pl.lit("").alias("subject"),
        *(pl.lit(0.0).alias(name) for name in ("direct", "gross", "net")),
    )
    organisations = _organisations(clients, clients.companies, book, org_kinds)
    related = nobody.select("org_id", party_id="subject")
    uses = check_limits(nobody, nobody, organisations, clients.policy, related=related)
    exact = uses.with_columns(pl.col("limit").round(2))
    return exact.select(*_USE, "valid_from").sort("org_id", "code")


def live_exposures(book: Book) -> pl.DataFrame:
    """Return what is outstanding of each live exposure (graph.measures.exposure.EXPOSURE_SCHEMA)."""
    live = book.states.filter("is_live").collect()
    return live.select(
        "exposure_id",
        "org_id",
        "party_id",
        kind=pl.lit("direct"),
        product=pl.lit(None, dtype=pl.String),
        amount="outstanding",
        valid_from="start_on",
        valid_to=pl.lit(None, dtype=pl.Date),
        known_at=pl.lit(book.known.as_of),
        retracted_at=pl.lit(None, dtype=pl.Date),
    ).select(EXPOSURE_SCHEMA.names())


def _related(clients: Clients, companies: pl.DataFrame) -> pl.DataFrame:
    """Return [org_id, party_id]: the group's companies, what they control, their officers with family and companies."""
    facts = related_facts(clients)
    flags = pl.any_horizontal(pl.all().exclude("party_id"))
    parties = facts.filter(flags).select("party_id")
    return companies.select("org_id").join(parties, how="cross")


def _organisations(
    clients: Clients, companies: pl.DataFrame, book: Book, org_kinds: Mapping[str, str]
) -> pl.DataFrame:
    """Return [org_id, kind, net_assets, net_assets_last_year] of the companies that a limit can bind, in CNY."""
    kind = pl.col("business").replace_strict(dict(org_kinds), default=None, return_dtype=pl.String)
    bound = companies.with_columns(kind=kind).filter(pl.col("kind").is_not_null())
    latest = clients.statements.select("party_id", "net_assets")
    known = book.known
    if "statements" not in known.tables:
        year_end = pl.DataFrame(schema={"party_id": pl.String, "net_assets_last_year": pl.Float64})
    else:
        rows = known.rows("statements", "party_id", "period_end", "known_at", "period", "equity")
        last_year = (pl.col("period") == "FY") & (pl.col("period_end").dt.year() == known.as_of.year - 1)
        newest = rows.filter(last_year).sort("known_at", "equity").group_by("party_id").last()
        year_end = newest.select("party_id", net_assets_last_year="equity").collect()
    return bound.join(latest, on="party_id", how="left").join(year_end, on="party_id", how="left")
