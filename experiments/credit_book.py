"""The group's book on a date as the policies see it: scores, facts, rule hits, expected loss, and the state of each party."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from scipy.special import expit

from experiments.errors import MissingChampionError
from experiments.publish import POINTER
from features.credit.book import Book
from features.credit.build import features_of
from features.credit.exposure_rows import exposure_rows
from features.credit.links import links_of
from features.credit.rule_facts import rule_facts
from graph.errors import EmptyGraphError
from graph.parquet_store import ParquetStore
from models.credit.loss import expected_loss
from models.credit.loss_policy import LossPolicy, loss_policy_as_of
from models.credit.model import CreditModel, load_credit_model
from models.credit.monitoring import STATE_SCHEMA
from models.credit.neighbours import with_neighbour_scores
from models.credit.rules.evaluate import RuleHit, evaluate_rules
from models.credit.rules.facts import facts_of_row
from models.credit.rules.policy import RuleFile, Severity, read_rules

__all__ = ["HIT_SCHEMA", "BookAt", "Past", "book_at", "champion", "champion_folder", "hits_of", "open_graph"]

Tables = Mapping[str, pl.LazyFrame]

HIT_SCHEMA: Final = pl.Schema(
    {
        "party_id": pl.String,
        "as_of": pl.Date,
        "code": pl.String,
        "family": pl.String,
        "severity": pl.String,
        "checked": pl.Boolean,
        "zh": pl.String,
        "en": pl.String,
        "observed": pl.Float64,
        "limit": pl.Float64,
        "unit": pl.String,
        "source": pl.String,
        "verified": pl.Boolean,
        "valid_from": pl.Date,
    }
)
"""One row per party and hit, worst first within a party."""

_FIRST_SEEN: Final = "93d"
"""How long after the start of an exposure its PD at origination may be observed: month-ends, and reports up to two months late."""


@dataclass(frozen=True)
class Past:
    """The panel and its links, from which PDs at origination are read with today's model."""

    panel: pl.DataFrame
    links: pl.DataFrame


@dataclass(frozen=True, eq=False)
class BookAt:
    """A date's book: `scores` [party_id, pd, grade, defaulted_neighbours_12m], `facts` (RULE_FACTS_SCHEMA), `hits`
    (HIT_SCHEMA), `losses` (see `expected_loss`)."""

    as_of: date
    scores: pl.DataFrame
    facts: pl.DataFrame
    hits: pl.DataFrame
    losses: pl.DataFrame

    def states(self) -> pl.DataFrame:
        """Return the state of each party (STATE_SCHEMA). A party in default has no PD and no grade: they do not apply."""
        stops = (pl.col("severity") == Severity.DECLINE.value) & pl.col("checked")
        hard = self.hits.filter(stops).group_by("party_id").agg(hard_stops=pl.col("code").sort())
        owed = self.losses.group_by("party_id").agg(
            stage=pl.col("stage").max(), el=pl.col("el_booked").sort().sum()
        )
        alive = ~pl.col("in_default")
        joined = self.facts.select("party_id", "days_past_due", "in_default")
        for part in (self.scores, hard, owed):
            joined = joined.join(part, on="party_id", how="left")
        told = joined.with_columns(
            pl.when(alive).then("grade").alias("grade"),
            pl.when(alive).then("pd").alias("pd"),
            pl.col("hard_stops").fill_null(pl.lit([], dtype=pl.List(pl.String))),
            neighbour_defaults="defaulted_neighbours_12m",
        )
        return told.select(pl.col(name).cast(dtype) for name, dtype in STATE_SCHEMA.items())


def champion(models: Path) -> CreditModel:
    """Return the model that has been published to a folder of models. Raises MissingChampionError."""
    pointer = models / POINTER
    try:
        return load_credit_model(champion_folder(models))
    except (OSError, ValueError, KeyError) as error:
        raise MissingChampionError(str(pointer)) from error


def champion_folder(models: Path) -> Path:
    """Return the folder of the model that has been published to a folder of models. Raises MissingChampionError."""
    pointer = models / POINTER
    try:
        return models / str(json.loads(pointer.read_text(encoding="utf-8"))["folder"])
    except (OSError, ValueError, KeyError) as error:
        raise MissingChampionError(str(pointer)) from error


def open_graph(folder: Path) -> ParquetStore:
    """Return the graph's store. Raises EmptyGraphError when it has not been built: every fact of it would be a false 0."""
    store = ParquetStore(folder)
    if store.statements().head(1).collect().is_empty():
        raise EmptyGraphError(folder)
    return store


def book_at(
    tables: Tables, store: ParquetStore, as_of: date, model: CreditModel, *, past: Past | None = None
) -> BookAt:
    """Return the book as it was known on a date, scored by a model.

    Without `past` no PD at origination is known, and each exposure says so. PDs at origination are those today's model
    gives for what was known at the first month-end the panel sees the debtor after the exposure began; the model has learnt
    from that panel. Raises the errors of `rule_facts`, `exposure_rows` and `expected_loss`, and PolicyError for a date
    that has no policy.
    """
    rules, policy = read_rules(), loss_policy_as_of(as_of)
    snapshot = store.snapshot(as_of)
    book = Book.read(tables, as_of)
    facts = rule_facts(tables, snapshot, as_of, org_kinds=rules.organisation_kinds(as_of))
    hits = hits_of(facts, rules, as_of)
    scores = _scores(model, features_of(book, snapshot), links_of(book, snapshot))
    rows = exposure_rows(tables, as_of).join(
        scores.select("party_id", pd_12m="pd"), on="party_id", how="left"
    )
    rows = rows.with_columns(_watched(hits, policy)).join(
        _origination(rows, model, past, as_of), on="exposure_id", how="left"
    )
    losses = expected_loss(rows, policy, model.scale, as_of=as_of).with_columns(as_of=pl.lit(as_of))
    return BookAt(as_of, scores, facts, hits, losses)


def hits_of(facts: pl.DataFrame, rules: RuleFile, as_of: date) -> pl.DataFrame:
    """Return the hits (HIT_SCHEMA) of every row of a frame of facts."""
    rows = [
        _row(str(row["party_id"]), as_of, hit)
        for row in facts.iter_rows(named=True)
        for hit in evaluate_rules(facts_of_row(row), rules, as_of)
    ]
    return pl.DataFrame(rows, schema=HIT_SCHEMA, orient="row")


def _row(party: str, as_of: date, hit: RuleHit) -> tuple[object, ...]:
    words = (hit.code, str(hit.family), str(hit.severity), hit.checked, hit.zh, hit.en)
    return (
        party,
        as_of,
        *words,
        hit.observed,
        hit.limit,
        str(hit.unit),
        hit.source,
        hit.verified,
        hit.valid_from,
    )


def _watched(hits: pl.DataFrame, policy: LossPolicy) -> pl.Expr:
    watched = hits.filter(pl.col("code").is_in(list(policy.watch_rules)) & pl.col("checked"))[
        "party_id"
    ].unique()
    return pl.col("party_id").is_in(watched.implode()).alias("watched")


def _scores(model: CreditModel, frame: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Return [party_id, as_of, pd, grade, defaulted_neighbours_12m] of a frame of features."""
    completed = with_neighbour_scores(model, frame, links)
    pd = expit(model.log_odds_of(model.matrix(completed)))
    return frame.select("party_id", "as_of", "defaulted_neighbours_12m").with_columns(
        pl.Series("pd", pd), pl.Series("grade", model.scale.of(pd).tolist(), dtype=pl.String)
    )


def _origination(rows: pl.DataFrame, model: CreditModel, past: Past | None, as_of: date) -> pl.DataFrame:
    """Return [exposure_id, pd_at_origination] of the exposures whose debtor the panel saw soon after they began.

    The panel may go on after the book's date: what it saw later is left aside.
    """
    if past is None:
        return pl.DataFrame(schema={"exposure_id": pl.String, "pd_at_origination": pl.Float64})
    seen = _scores(model, past.panel.filter(pl.col("as_of") <= as_of), past.links).select(
        "party_id", "as_of", pd_at_origination="pd"
    )
    begun = rows.select("exposure_id", "party_id", "start_on").sort("start_on")
    found = begun.join_asof(
        seen.sort("as_of"),
        left_on="start_on",
        right_on="as_of",
        by="party_id",
        strategy="forward",
        tolerance=_FIRST_SEEN,
        check_sortedness=False,  # both are sorted by day, which is not what Polars can see within parties
    )
    return found.select("exposure_id", "pd_at_origination")
