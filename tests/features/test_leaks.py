"""The guard on made-up columns: what it must name, and what it must leave alone."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.cards.card import load_card
from features.cards.read import read_card_tables
from features.leak_signs import Audited, calendar_imprint, one_sided_share, separation
from features.leaks import LeakReport, SignKind, Verdict, look_for_leaks

N = 3000
MAIN = '[main]\npath = "t.parquet"\nid = "id"\nlabel = "y"\n'


def _sound(seed: int) -> pl.DataFrame:
    """Return columns that are known at the decision: correlated, skewed, coded, with gaps that say something."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=N)
    y = (rng.random(N) < 1 / (1 + np.exp(1.5 - 1.8 * risk))).astype(int)
    age = rng.gamma(4, 40, N).astype(int)
    return pl.DataFrame(
        {
            "id": np.arange(N),
            "y": y,
            "score": risk + rng.normal(0, 1.8, N),
            "capital": np.round(rng.lognormal(4, 1, N), -1),
            "age": np.where((age % 12 == 7) & (rng.random(N) < 0.6), age + 1, age),
            "agreed_term": rng.choice([12, 24, 36, 48, 60, 84, 120], N),
            "branch": rng.choice([f"B{i}" for i in range(30)], N),
            "employees": rng.poisson(3, N) * (rng.random(N) < 0.5),
            "turnover": np.where(rng.random(N) < 0.2 + 0.2 * y, np.nan, rng.lognormal(5, 1, N)),
        }
    ).with_columns(pl.col("turnover").fill_nan(None))


def _look(folder: Path, table: pl.DataFrame, card: str = MAIN, later: pl.Series | None = None) -> LeakReport:
    table.write_parquet(folder / "t.parquet")
    (folder / "card.toml").write_text(card, encoding="utf-8")
    read = load_card(folder / "card.toml")
    tables = read_card_tables(read, label=True)
    train = pl.Series([True] * len(table)) if later is None else ~later
    return look_for_leaks(read, tables, train, later)


def _kinds(report: LeakReport, column: str) -> set[SignKind]:
    return {s.kind for f in report.findings if f.column == column for s in f.signs}


@pytest.mark.parametrize("seed", range(6))
def test_sound_columns_are_left_alone(tmp_path: Path, seed: int) -> None:
    assert _look(tmp_path, _sound(seed)).findings == ()


def test_what_ranks_too_well_is_excluded(tmp_path: Path) -> None:
    table = _sound(1).with_columns(
        written=pl.col("y") + pl.Series(np.random.default_rng(0).normal(0, 0.3, N))
    )
    report = _look(tmp_path, table)
    assert SignKind.SEPARATES in _kinds(report, "written")
    assert report.excluded() == {"main": ["written"]}


def test_gaps_that_tell_the_label_are_excluded(tmp_path: Path) -> None:
    """A date filled for a third of the failed only ranks poorly over all, but has values of one class alone."""
    third = pl.Series(np.random.default_rng(0).random(N) < 0.33)
    table = _sound(1).with_columns(settled_on=pl.when((pl.col("y") == 1) & third).then(pl.lit("2020-01-01")))
    report = _look(tmp_path, table)
    assert _kinds(report, "settled_on") >= {SignKind.ONE_SIDED}
    assert SignKind.SEPARATES not in _kinds(report, "settled_on")
    assert report.excluded() == {"main": ["settled_on"]}


def test_time_counted_to_the_outcome_is_excluded(tmp_path: Path) -> None:
    """Founded in some months more than in others; counted to one date for the good, to their end for the failed."""
    rng = np.random.default_rng(3)
    table = _sound(3)
    founded = rng.integers(0, 20, N) * 12 + rng.choice(
        12, N, p=[0.02, 0.02, 0.2, 0.16, 0.1, 0.1, 0.1, 0.08, 0.08, 0.06, 0.04, 0.04]
    )
    end = np.where(table["y"] == 1, 240 + rng.integers(0, 48, N), 288)
    report = _look(tmp_path, table.with_columns(pl.Series("lifetime", end - founded)))
    assert SignKind.CALENDAR in _kinds(report, "lifetime")
    assert report.excluded() == {"main": ["lifetime"]}
    sound = _look(tmp_path, table.with_columns(pl.Series("lifetime", 288 - founded)))
    assert sound.findings == ()


def test_dates_after_the_decision_and_their_kin_are_excluded(tmp_path: Path) -> None:
    day = pl.date(2020, 3, 1)
    table = _sound(1).with_columns(
        approved=day,
        paidout_day=day.dt.offset_by("20d"),
        paidout_amount=pl.col("capital"),
        born=pl.date(1990, 1, 1),
    )
    report = _look(tmp_path, table, MAIN + 'time = "approved"\n')
    assert _kinds(report, "paidout_day") == {SignKind.AFTER_DECISION}
    assert _kinds(report, "paidout_amount") == {SignKind.KIN}
    assert report.excluded() == {"main": ["paidout_amount", "paidout_day"]}


def test_a_relation_that_fades_is_a_warning_and_with_a_telling_name_an_exclusion(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    table = _sound(2)
    later = pl.Series(np.arange(N) >= 2000)
    noise = rng.normal(0, np.where(later, 8, 0.7), N)
    counted = pl.Series(np.round((table["y"].to_numpy() + noise) * 3))
    warned = _look(tmp_path, table.with_columns(counted.alias("figure")), later=later)
    assert [(f.column, f.verdict) for f in warned.findings if SignKind.FADES in {s.kind for s in f.signs}]
    named = _look(tmp_path, table.with_columns(counted.alias("months_before_default")), later=later)
    assert named.excluded() == {"main": ["months_before_default"]}


NAMED = ("shareholders_default_share", "days_since_neighbour_default", "核销前资本", "labelled_by")


def test_a_name_alone_is_no_warning_where_the_values_are_ordinary(tmp_path: Path) -> None:
    table = _sound(1).with_columns(pl.col("capital").alias(name) for name in NAMED)
    assert _look(tmp_path, table).findings == ()


def test_names_of_columns_that_rank_well_are_one_warning_and_exclude_nothing(tmp_path: Path) -> None:
    """Each ranks better than a sound column mostly does, but as well as the other three: only the names are left."""
    rng = np.random.default_rng(5)
    table = _sound(1)
    strong = [pl.Series(name, table["y"] + pl.Series(rng.normal(0, 1.1, N))) for name in NAMED]
    report = _look(tmp_path, table.with_columns(strong))
    assert [f.verdict for f in report.findings] == [Verdict.WARNED]
    assert report.excluded() == {}
    for name in NAMED:
        assert name in report.findings[0].text("zh")
        assert name in report.findings[0].text("en")
    assert "核销" in report.findings[0].text("zh")
    assert "warning only" in report.findings[0].text("en")
    card = MAIN + f"[leaks]\nallow_suspect = {list(NAMED)}\n"
    assert _look(tmp_path, table.with_columns(strong), card).findings == ()


def test_the_card_may_allow_a_suspect(tmp_path: Path) -> None:
    table = _sound(1).with_columns(written=pl.col("y") * 2.0)
    report = _look(tmp_path, table, MAIN + '[leaks]\nallow_suspect = ["written"]\n')
    assert [f.verdict for f in report.findings] == [Verdict.ALLOWED]
    assert report.excluded() == {}


def test_event_columns_are_looked_at_though_the_card_does_not_name_them(tmp_path: Path) -> None:
    table = _sound(1)
    rng = np.random.default_rng(4)
    party = np.repeat(np.arange(N), 2)
    y = table["y"].to_numpy()[party]
    pl.DataFrame(
        {
            "id": party,
            "kind": rng.choice(["a", "b"], 2 * N),
            "to_end": np.where(y == 1, 0.0, 9.0) + rng.random(2 * N),
        }
    ).write_parquet(tmp_path / "events.parquet")
    report = _look(
        tmp_path, table, MAIN + '[[events]]\npath = "events.parquet"\nid = "id"\ncategories = ["kind"]\n'
    )
    assert report.excluded() == {"events": ["to_end"]}


def test_a_column_of_names_says_nothing() -> None:
    """Each value belongs to one party with several rows; rates are taken from other parties only."""
    party = np.repeat(np.arange(300), 10)
    y = (np.random.default_rng(0).random(300) < 0.4).astype(float)[party]
    column = Audited(pl.Series([f"firm {p}" for p in party]), y, party, np.ones(3000))
    assert separation(column) < 0.6
    assert one_sided_share(column) == 0.0


def test_rows_of_one_party_are_no_new_evidence() -> None:
    """The same 60 parties copied 50 times must not make a calendar out of chance."""
    rng = np.random.default_rng(1)
    value, y = rng.integers(12, 90, 60), (rng.random(60) < 0.5).astype(float)
    party = np.repeat(np.arange(60), 50)
    imprint = calendar_imprint(Audited(pl.Series(value[party]), y[party], party, np.ones(3000)))
    assert imprint is not None
    assert imprint.p_value > 1e-6
