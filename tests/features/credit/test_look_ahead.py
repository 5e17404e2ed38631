"""DESIGN.md rule 1: what became known after the date changes no feature, and what was known before changes each."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.asof import months_before
from features.contracts import CONTRACTS
from features.credit.build import CATALOGUE, FEATURES, credit_features
from features.credit.labels import labels
from graph.snapshot import Snapshot

Tables = dict[str, pl.LazyFrame]
Change = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]

AS_OF = date(2022, 6, 30)
MUCH_LATER = date(2024, 6, 30)
TIMES = ("known_at", "retracted_at")


def _features(tables: Tables, as_of: date) -> pl.DataFrame:
    snapshot = Snapshot.from_edges(tables["edges"], as_of=as_of)
    return credit_features(tables, snapshot, as_of)


def _shuffled(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Exchange every value but the times of knowledge between rows, each column in an order of its own."""
    order = {name: rng.permutation(rows.height) for name in rows.columns if name not in TIMES}
    return rows.with_columns(rows[name].gather(places).alias(name) for name, places in order.items())


def _dropped(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return rows.filter(pl.Series(rng.random(rows.height) < 0.5, dtype=pl.Boolean))


def _nothing(rows: pl.DataFrame, _: np.random.Generator) -> pl.DataFrame:
    return rows.clear()


def _doubled(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return pl.concat([rows, _shuffled(rows, rng)])


CHANGES: dict[str, Change] = {
    "shuffled": _shuffled,
    "dropped": _dropped,
    "nothing": _nothing,
    "doubled": _doubled,
}


def _tampered(tables: Tables, as_of: date, change: Change, seed: int) -> Tables:
    """Change what became known after the date: later rows, later corrections of earlier rows, later retractions."""
    rng = np.random.default_rng(seed)
    result = {}
    for name, table in tables.items():
        frame = table.collect()
        is_later = pl.col("known_at") > as_of
        earlier, later = frame.filter(~is_later), frame.filter(is_later)
        corrections = _shuffled(earlier, rng).with_columns(known_at=_days_after(as_of, earlier.height, rng))
        if name == "edges":
            earlier = _retracted_otherwise(earlier, as_of, rng)
            corrections = corrections.with_columns(valid_to=pl.col("valid_from"))
        result[name] = pl.concat([corrections, change(later, rng), earlier]).lazy()
    return result


def _days_after(as_of: date, count: int, rng: np.random.Generator) -> pl.Series:
    days = [as_of + timedelta(days=int(days)) for days in rng.integers(1, 400, count)]
    return pl.Series(days, dtype=pl.Date)


def _retracted_otherwise(edges: pl.DataFrame, as_of: date, rng: np.random.Generator) -> pl.DataFrame:
    retracted = pl.col("retracted_at")
    other = pl.Series("other", _days_after(as_of, edges.height, rng))
    replaced = pl.when(retracted <= as_of).then(retracted).when(other.dt.day() > 9).then(other)
    return edges.with_columns(retracted_at=replaced)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_became_known_later_changes_no_feature(random_group: Tables, change: Change) -> None:
    before = _features(random_group, AS_OF)
    after = _features(_tampered(random_group, AS_OF, change, seed=11), AS_OF)
    changed = [name for name in FEATURES if not before[name].equals(after[name])]
    assert changed == []
    assert before.equals(after)


def test_the_same_tampering_is_seen_later_by_every_feature(random_group: Tables) -> None:
    """Without this the test above could pass because nothing that a feature reads was touched."""
    tampered = _tampered(random_group, AS_OF, _shuffled, seed=11)
    before, after = _features(random_group, MUCH_LATER), _features(tampered, MUCH_LATER)
    both = before.join(after, on="party_id", suffix="_after")
    unmoved = [name for name in FEATURES if both[name].equals(both[f"{name}_after"].alias(name))]
    assert unmoved == []


def test_order_of_rows_changes_no_bit(random_group: Tables) -> None:
    shuffled = {
        name: table.collect().sample(fraction=1, shuffle=True, seed=9).lazy()
        for name, table in random_group.items()
    }
    assert _features(random_group, MUCH_LATER).equals(_features(shuffled, MUCH_LATER))


def test_every_feature_differs_between_parties(random_group: Tables) -> None:
    frame = _features(random_group, MUCH_LATER)
    constant = [name for name in FEATURES if frame[name].drop_nulls().n_unique() < 2]
    assert constant == []


@pytest.mark.parametrize(
    "table", ["parties", "statements", "exposures", "payments", "court_events", "registry_events"]
)
def test_features_react_to_what_was_known_of_their_source(random_group: Tables, table: str) -> None:
    rng = np.random.default_rng(5)
    changed_table = _shuffled(random_group[table].collect(), rng).lazy()
    before, after = (
        _features(random_group, MUCH_LATER),
        _features({**random_group, table: changed_table}, MUCH_LATER),
    )
    both = before.join(after, on="party_id", suffix="_after")
    moved = {
        item.name
        for item in CATALOGUE
        if not both[item.name].equals(both[f"{item.name}_after"].alias(item.name))
    }
    reading = {item.name for item in CATALOGUE if table in item.sources}
    assert reading - moved == set()
    assert moved - reading == set()


def test_features_stay_in_their_declared_range(random_group: Tables) -> None:
    frame = _features(random_group, MUCH_LATER)
    for item in CATALOGUE:
        values = frame[item.name].drop_nulls()
        assert values.is_finite().all()
        assert values.is_between(item.low, item.high).all()


def test_labels_do_not_see_what_became_known_after_known_by(random_group: Tables) -> None:
    known_by = date(2024, 1, 31)
    days = [months_before(known_by, 15), AS_OF]
    before = labels(random_group, days, known_by=known_by)
    after = labels(_tampered(random_group, known_by, _shuffled, seed=3), days, known_by=known_by)
    assert before.equals(after)
    assert 0 < before["label"].sum() < before.height


def test_every_source_of_a_feature_has_a_contract() -> None:
    assert {source for item in CATALOGUE for source in item.sources} <= set(CONTRACTS)
