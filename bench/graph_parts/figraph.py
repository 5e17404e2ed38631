"""Yearly graphs of listed companies (FiGraph): loaded with yearly validity, churn, and every measure timed a year.

The relations carry neither shares nor amounts, and their direction is not that of ownership (as many lead from a
listed company to a person as back), so times and counts are measured here and nothing is said of the companies.
"""

import os
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from bench.graph_parts.goal import Goal
from bench.graph_parts.usage import ROOT
from graph.columns import network_columns
from graph.edges import checked_edges
from graph.measures.circles import CirclesLeftOutWarning, circles
from graph.measures.communities import components
from graph.measures.concentration import concentration, single_sources
from graph.measures.connected import connected_groups
from graph.measures.control import find_control
from graph.measures.cut_points import cut_points
from graph.measures.debtrank import impacts, single_failures
from graph.measures.default_rates import default_rates, known_outcomes
from graph.measures.guarantees import chain_lengths, default_distances
from graph.measures.ownership import Ownership
from graph.measures.pagerank import walks_from_defaults
from graph.ontology import Direction
from graph.policy import policy_as_of
from graph.snapshot import Snapshot

__all__ = ["KINDS", "YEARS", "churn", "figraph_edges", "figraph_folder", "run", "year_end"]

YEARS: Final = (2014, 2015, 2016)
KINDS: Final = {
    "Investment": ("owns", None),
    "Related-party transaction": ("related_to", "transaction"),
    "Supply chain": ("supplies", None),
    "Audit": ("holds_position", "auditor"),
}
"""What each kind of the files is here: the kind of the ontology that comes nearest, and the role on the edge."""

_KEY: Final = ("source", "target", "kind")


def figraph_folder(root: Path = ROOT) -> Path:
    """Return where the files are kept, whether or not they are there."""
    shared = Path(os.environ.get("ZHIHENG_SHARED", root.parent / "shared"))
    return shared / "data" / "credit" / "figraph_edges"


def year_end(year: int) -> date:
    """Return the day on which a year's file becomes known."""
    return date(year, 12, 31)


def figraph_edges(folder: Path) -> pl.DataFrame:
    """Return the edges of all years (EDGE_SCHEMA): known at the first year end, ended at the first they are absent.

    An edge that is there again later is an edge of its own. An ending is a correction: the open statement is
    retracted on the day, and a statement with `valid_to` takes its place.
    """
    spells = _spells(_files(folder))
    ends = pl.date(pl.col("last") + 1, 12, 31)
    ended = pl.col("last") < YEARS[-1]
    named = spells.select(
        pl.concat_str(*_KEY, "first", separator="|").alias("edge_id"),
        pl.col("source").alias("src"),
        pl.col("target").alias("dst"),
        pl.col("kind").replace_strict({name: kind for name, (kind, _) in KINDS.items()}).alias("kind"),
        pl.col("kind").replace_strict({name: role for name, (_, role) in KINDS.items()}).alias("role"),
        pl.date(pl.col("first"), 12, 31).alias("valid_from"),
        pl.when(ended).then(ends).alias("ended_on"),
        share=pl.lit(None, dtype=pl.Float64),
        amount=pl.lit(None, dtype=pl.Float64),
        source=pl.lit("figraph"),
        confidence=pl.lit(1.0),
    )
    never = pl.lit(None, dtype=pl.Date)
    opened = named.with_columns(valid_to=never, known_at="valid_from", retracted_at="ended_on")
    closed = named.filter(pl.col("ended_on").is_not_null()).with_columns(
        valid_to="ended_on", known_at="ended_on", retracted_at=never
    )
    return checked_edges(pl.concat([opened, closed], how="diagonal"))


def _files(folder: Path) -> pl.DataFrame:
    return pl.concat(
        pl.read_parquet(folder / f"{year}.parquet").select(*_KEY, pl.lit(year).alias("year"))
        for year in YEARS
    )


def _spells(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the runs of consecutive years of each edge [source, target, kind, first, last]."""
    in_order = rows.sort(*_KEY, "year")
    starts = (pl.col("year") != pl.col("year").shift().over(_KEY) + 1).fill_null(value=True)
    numbered = in_order.with_columns(starts.cum_sum().alias("spell"))
    return numbered.group_by("spell", maintain_order=True).agg(
        *(pl.col(name).first() for name in _KEY),
        pl.col("year").first().alias("first"),
        pl.col("year").last().alias("last"),
    )


def churn(folder: Path) -> pl.DataFrame:
    """Return how many edges of each year stay, go and come by the next [year, edges, stay, go, come]."""
    rows = _files(folder)
    years = {year: rows.filter(pl.col("year") == year).select(*_KEY) for year in YEARS}
    table = []
    for year, following in pairwise(YEARS):
        stay = years[year].join(years[following], on=list(_KEY), how="semi").height
        before, after = years[year].height, years[following].height
        table.append({"year": year, "edges": before, "stay": stay, "go": before - stay, "come": after - stay})
    return pl.DataFrame(table)


def run(seed: int, small: bool) -> list[Goal]:  # noqa: FBT001 - the interface of a part
    """Load the files, check every year's counts against them, and time all measures on each year's snapshot."""
    folder = figraph_folder()
    if not folder.is_dir():
        print(f"skipped: {folder} is not on this machine")
        return []
    begun = time.perf_counter()
    edges = figraph_edges(folder)
    loading = time.perf_counter() - begun
    print(f"{edges.height:,} statements in {loading:.2f} s")
    for row in churn(folder).iter_rows(named=True):
        share = row["stay"] / row["edges"]
        print(
            f"  {row['year']}: {row['edges']:,} edges; by the next year end {share:.0%} stay, {row['come']:,} come"
        )
    wrong, slowest = 0, 0.0
    for year in YEARS[-1:] if small else YEARS:
        snapshot = Snapshot.from_edges(edges, as_of=year_end(year))
        shown = sum(int(relation.edges.sum()) for relation in snapshot.relations.values())
        wrong += abs(shown - pl.scan_parquet(folder / f"{year}.parquet").select(pl.len()).collect().item())
        taken = _timed(edges, year, seed)
        slowest = max(slowest, sum(taken.values()))
        told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in taken.items())
        print(f"  {year}: {shown:,} edges of {snapshot.parties:,} parties; seconds: {told}")
    return [
        Goal("FiGraph: edges shown at a year end that differ from the file", wrong, 0, ""),
        Goal("FiGraph: slowest year, snapshot and all measures (our own bound)", slowest, 60, "s"),
    ]


def _timed(edges: pl.DataFrame, year: int, seed: int) -> dict[str, float]:
    taken: dict[str, float] = {}
    begun = time.perf_counter()
    snapshot = Snapshot.from_edges(edges, as_of=year_end(year))
    taken["snapshot"] = time.perf_counter() - begun
    for name, measure in _measures(snapshot, _shared_out(edges, year), year, seed).items():
        begun = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", CirclesLeftOutWarning
            )  # a limit is meant: this graph is one big tangle
            measure()
        taken[name] = time.perf_counter() - begun
    return taken


def _shared_out(edges: pl.DataFrame, year: int) -> Snapshot:
    """Return a snapshot in which the owners of a company hold equal shares of 99 %: the files give none."""
    shown = Snapshot.from_edges(edges, as_of=year_end(year)).relation("owns").edges
    most = int(np.bincount(shown.indices, minlength=1).max(initial=1))
    held = edges.with_columns(share=pl.when(pl.col("kind") == "owns").then(0.99 / most))
    return Snapshot.from_edges(held, as_of=year_end(year))


def _measures(snapshot: Snapshot, held: Snapshot, year: int, seed: int) -> Mapping[str, Callable[[], object]]:
    """Return every measure as something to call; defaults are drawn, 2 % of the parties, as the files tell of none."""
    rng = np.random.default_rng(seed)
    drawn = snapshot.ids.gather(np.sort(rng.choice(snapshot.parties, snapshot.parties // 50, replace=False)))
    day, rules = year_end(year), policy_as_of(year_end(year))
    defaults = pl.DataFrame({"party_id": drawn}).with_columns(default_on=pl.lit(day), known_at=pl.lit(day))
    kinds = ("owns", "related_to", "supplies", "holds_position")
    failing = np.arange(0, snapshot.parties, max(1, snapshot.parties // 1000))
    lost = impacts(snapshot.relation("related_to").edges.astype(np.float64), np.full(snapshot.parties, 5.0))
    return {
        "columns": lambda: network_columns(snapshot, defaults, as_of=day, kinds=kinds),
        "default rates": lambda: default_rates(
            snapshot, known_outcomes(snapshot, defaults, as_of=day), kinds
        ),
        "circles of up to 4": lambda: circles(snapshot, "related_to", longest=4),
        "chains": lambda: chain_lengths(snapshot, "owns"),
        "steps to default": lambda: default_distances(snapshot, drawn, "owns"),
        "PageRank": lambda: walks_from_defaults(
            snapshot, drawn, {"owns": 1.0, "related_to": 1.0}, Direction.IN
        ),
        "concentration": lambda: concentration(snapshot, "supplies"),
        "single sources": lambda: single_sources(snapshot, "supplies"),
        "cut points": lambda: cut_points(snapshot, "related_to"),
        "components": lambda: components(snapshot, kinds),
        "look-through": lambda: Ownership.under(held, rules.control).held_values(np.ones(held.parties)),
        "control": lambda: find_control(held, rules.control),
        "connected clients": lambda: connected_groups(held, rules),
        "DebtRank, 1,000 failures": lambda: single_failures(lost, parties=failing),
    }
