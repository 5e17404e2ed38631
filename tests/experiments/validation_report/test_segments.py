"""Segments are those known on the date; small ones get no figure; what is missing is said."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from experiments.metrics import Interval, evaluate
from experiments.validation_report.by_segment import by_segment
from experiments.validation_report.clustered import mean_p_value
from experiments.validation_report.content import Outcome, Section, Text
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.segments import SEGMENTINGS, UNKNOWN, Tables, memberships
from tests.experiments.validation_report.conftest import Book

SIZE, LINE = (next(item for item in SEGMENTINGS if item.key == key) for key in ("size", "business_line"))
DAY = date(2022, 6, 30)
EARLY = date(2020, 1, 1)


def profiles(**changes: object) -> pl.DataFrame:
    columns: dict[str, object] = {
        "party_id": ["A"], "valid_from": [EARLY], "known_at": [EARLY], "kind": ["company"], "size": ["small"],
        "ownership": ["private"], "province": ["山东"], "industry": ["C"],
    }  # fmt: skip
    return pl.DataFrame({**columns, **changes})


def found(tables: Tables, segmenting: object = SIZE) -> list[tuple[str, str]]:
    frame = memberships(segmenting, tables, [DAY])  # type: ignore[arg-type]
    assert isinstance(frame, pl.DataFrame)
    return frame.select("party_id", "en").sort("party_id", "en").rows()


def test_a_profile_counts_from_when_it_was_known() -> None:
    grown = profiles(size=["large"], valid_from=[date(2022, 1, 1)], known_at=[date(2022, 7, 15)])
    tables = {"parties": pl.concat([profiles(), grown]).lazy()}
    assert found(tables) == [("A", "small")]
    known = {"parties": pl.concat([profiles(), grown.with_columns(known_at=date(2022, 3, 1))]).lazy()}
    assert found(known) == [("A", "large")]


def test_a_party_without_a_size_is_told_apart() -> None:
    assert found({"parties": profiles(size=pl.Series([None], dtype=pl.String)).lazy()}) == [("A", UNKNOWN.en)]


def exposures() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "party_id": ["A", "A", "A", "B", "C", "D"],
            "business_line": ["leasing", "fund", "debt", "equity", "debt", "fund"],
            "start_on": [date(2021, 1, 1)] * 5 + [date(2022, 8, 1)],
            "maturity_on": [date(2023, 1, 1), date(2022, 12, 1), date(2022, 1, 1), date(2022, 1, 1), date(2023, 1, 1), date(2024, 1, 1)],
            "known_at": [date(2021, 1, 2)] * 4 + [date(2022, 7, 15), date(2022, 1, 1)],
        }
    )  # fmt: skip


def test_lines_are_those_running_or_the_last_to_run_out() -> None:
    # A: the matured debt is left out; B: only a matured one; C: not yet known; D: not yet begun
    assert found({"exposures": exposures().lazy()}, LINE) == [
        ("A", "fund"),
        ("A", "leasing"),
        ("B", "equity"),
    ]


def test_a_missing_table_or_column_is_said() -> None:
    lacking = memberships(SIZE, {}, [DAY])
    assert isinstance(lacking, Text)
    assert "parties" in lacking.en
    without = memberships(SIZE, {"parties": profiles().drop("size").lazy()}, [DAY])
    assert isinstance(without, Text)
    assert "size" in without.zh


def test_every_code_of_the_contract_has_a_segment() -> None:
    for segmenting in SEGMENTINGS:
        assert segmenting.names
        assert all(name.zh and name.en for name in segmenting.names.values())


def book_tables(parties: int) -> Tables:
    ids = [f"P{i:04d}" for i in range(parties)]
    frame = profiles().drop("party_id", "size", "kind")
    people = pl.DataFrame({"party_id": ids, "size": ["small" if i % 40 else "large" for i in range(parties)],
                           "kind": ["person" if i % 4 == 0 else "company" for i in range(parties)]})  # fmt: skip
    lines = pl.DataFrame({"party_id": ids}).with_columns(
        business_line=pl.lit("leasing"), start_on=EARLY, maturity_on=date(2030, 1, 1), known_at=EARLY
    )
    return {"parties": people.join(frame, how="cross").lazy(), "exposures": lines.lazy()}


def cells(section: Section, key: str, segment: str) -> dict[str, object]:
    table = next(table for table in section.tables if table.key == key)
    row = next(row for row in table.rows if isinstance(row[0], Text) and row[0].en == segment)
    return dict(zip([column.key for column in table.columns], row, strict=True))


def test_figures_are_those_of_the_rows_of_the_segment(book: Book) -> None:
    judged = book()
    section = by_segment(judged, book_tables(400), Criteria(), seed=1)
    row = cells(section, "kind", "company")
    mine = judged.test.rows(judged.test.frame["party_id"].str.slice(1).cast(pl.Int64).to_numpy() % 4 > 0)
    assert (row["test_parties"], row["test_defaulted"]) == (300, mine.defaulted)
    assert row["test_mean_pd"] == pytest.approx(mine.pd.mean())
    assert row["test_p_value"] == pytest.approx(mean_p_value(mine.y - mine.pd, mine.groups))
    expected = evaluate(mine.y, mine.pd, groups=mine.groups, seed=1, resamples=200)["auc"]
    assert row["test_auc"] == expected
    assert [finding.outcome for finding in section.findings] == [Outcome.MET, Outcome.MET]


def test_a_small_segment_gets_no_figure(book: Book) -> None:
    row = cells(by_segment(book(), book_tables(400), Criteria(), seed=1), "size", "large")
    assert row["test_parties"] == 10
    assert isinstance(row["test_auc"], Text)
    assert row["test_observed"] is None


def test_a_segment_where_the_model_fails_is_named(book: Book) -> None:
    judged = book(parties=800)
    person = judged.test.frame["party_id"].str.slice(1).cast(pl.Int64).to_numpy() % 4 == 0
    pd = np.where(person, 1 - judged.test.pd, judged.test.pd)
    object.__setattr__(judged.test, "pd", pd)
    section = by_segment(judged, book_tables(800), Criteria(), seed=1)
    assert [finding.outcome for finding in section.findings] == [Outcome.NOT_MET, Outcome.NOT_MET]
    assert all("kind person (out of time)" in finding.found.en for finding in section.findings)
    assert isinstance(cells(section, "kind", "company")["test_auc"], Interval)


def test_without_tables_nothing_is_judged_and_that_is_said(book: Book) -> None:
    section = by_segment(book(), {}, Criteria(), seed=1)
    assert section.tables == ()
    assert {finding.outcome for finding in section.findings} == {Outcome.UNKNOWN}
    assert len(section.notes) == len(SEGMENTINGS)
    assert "parties" in section.notes[0].en


def test_parties_the_tables_do_not_know_are_a_segment(book: Book) -> None:
    section = by_segment(book(), book_tables(100), Criteria(), seed=1)
    assert cells(section, "kind", UNKNOWN.en)["test_parties"] == 300
