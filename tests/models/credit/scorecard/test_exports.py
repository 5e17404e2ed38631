"""Exports score what the card scores: JSON and table to the last bit, SQL in two databases to 1e-12."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.credit.points import PointScale
from models.credit.scorecard.card import Bin, Scorecard, Source, Term, read_scorecard
from models.credit.scorecard.sql import scorecard_sql
from models.credit.scorecard.table import (
    read_table,
    score_table,
    scorecard_of_table,
    scorecard_table,
    write_table,
)
from models.errors import FeatureMismatchError, ScorecardError
from tests.models.credit.scorecard.conftest import AWKWARD, applicants, learn

Runner = Callable[[str, pl.DataFrame, str], list[tuple[Any, ...]]]
# Sixteenths: SQLite before 3.43 reads one decimal in ten thousand a last bit beside its value, and 5.87e-302 far beside.
FINITE = st.integers(-(10**8), 10**8).map(lambda count: count / 16)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return learn(*applicants(), contrasts=3, max_terms=40)


def edge_rows(card: Scorecard) -> pl.DataFrame:
    """Return rows of every kind: real ones, each bound and its neighbours, infinities, gaps, unseen codes."""
    frame, _ = applicants(300, seed=21)
    bounds = {
        name: [
            value
            for term in card.terms
            if term.source.column == name
            for one in term.bins
            if one.upper is not None
            for value in (one.upper, np.nextafter(one.upper, -np.inf), np.nextafter(one.upper, np.inf))
        ]
        for name in frame.columns
        if frame.schema[name] == pl.Float64
    }
    extra = []
    for name, values in bounds.items():
        extra += [{**frame.row(0, named=True), name: value} for value in [*values, np.inf, -np.inf, None]]
    extra += [{**frame.row(1, named=True), "trade": code} for code in ("never seen", "o'hara", None)]
    extra.append(dict.fromkeys(frame.columns))
    return pl.concat([frame, pl.DataFrame(extra, schema=frame.schema)])


def by_sqlite(sql: str, rows: pl.DataFrame, table: str) -> list[tuple[Any, ...]]:
    base = sqlite3.connect(":memory:")
    base.create_function("EXP", 1, np.exp)
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in rows.columns)
    quoted = '"' + table.replace('"', '""') + '"'
    base.execute(f"CREATE TABLE {quoted} ({names})")
    base.executemany(f"INSERT INTO {quoted} VALUES ({', '.join('?' * rows.width)})", rows.rows())  # noqa: S608
    try:
        return base.execute(sql).fetchall()
    finally:
        base.close()


def by_duckdb(sql: str, rows: pl.DataFrame, table: str) -> list[tuple[Any, ...]]:
    duckdb = pytest.importorskip("duckdb", reason="duckdb comes with mlflow's extras")
    base = duckdb.connect(":memory:")
    types = {pl.Float64: "DOUBLE", pl.String: "VARCHAR", pl.Int64: "BIGINT"}
    quoted = '"' + table.replace('"', '""') + '"'
    columns = [
        '"' + name.replace('"', '""') + '" ' + types[type(dtype)] for name, dtype in rows.schema.items()
    ]
    base.execute(f"CREATE TABLE {quoted} ({', '.join(columns)})")
    base.executemany(f"INSERT INTO {quoted} VALUES ({', '.join('?' * rows.width)})", rows.rows())  # noqa: S608
    return base.sql(sql).fetchall()  # type: ignore[no-any-return]


@pytest.mark.parametrize("run", [by_sqlite, by_duckdb])
def test_sql_scores_the_same_rows_the_same(card: Scorecard, scale: PointScale, run: Runner) -> None:
    rows = edge_rows(card).with_row_index("客户 id").with_columns(pl.col("客户 id").cast(pl.Int64))
    table = 'a "table" of 客户'
    found = run(scorecard_sql(card, scale, table=table, keys=["客户 id"]), rows, table)
    found.sort(key=lambda row: row[0])
    scores = card.explain(rows)
    assert [row[0] for row in found] == list(range(rows.height))
    answers = np.array([row[1:] for row in found], dtype=np.float64)
    np.testing.assert_allclose(answers[:, 0], scores.log_odds, rtol=0, atol=1e-12)
    np.testing.assert_allclose(answers[:, 1], scores.pd, rtol=0, atol=1e-12)
    np.testing.assert_allclose(answers[:, 2], scale.points(scores.log_odds), rtol=0, atol=1e-9)


def test_sql_of_a_table_without_a_column_fails_instead_of_scoring_its_name(
    card: Scorecard, scale: PointScale
) -> None:
    rows = edge_rows(card).drop(AWKWARD)
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        by_sqlite(scorecard_sql(card, scale, table="t"), rows, "t")


def test_sql_refuses_keys_that_look_like_answers_and_names_that_cannot_stand(
    card: Scorecard, scale: PointScale
) -> None:
    with pytest.raises(ScorecardError, match="PD"):
        scorecard_sql(card, scale, table="t", keys=["PD"])
    with pytest.raises(ScorecardError, match="NUL"):
        scorecard_sql(card, scale, table="t\x00")


def test_a_key_may_look_like_an_inner_name(card: Scorecard, scale: PointScale) -> None:
    rows = edge_rows(card).head(5).with_columns(pl.Series("part_1", [5, 4, 3, 2, 1]))
    found = by_sqlite(scorecard_sql(card, scale, table="t", keys=["part_1"]), rows, "t")
    assert [row[0] for row in found] == [5, 4, 3, 2, 1]
    np.testing.assert_allclose([row[1] for row in found], card.log_odds(rows), atol=1e-12)


def test_json_comes_back_bit_for_bit(card: Scorecard) -> None:
    rows = edge_rows(card)
    again = read_scorecard(card.to_json())
    assert again == card
    assert (again.log_odds(rows) == card.log_odds(rows)).all()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1, "terms": []}'])
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(ScorecardError, match=r"mine\.json"):
        read_scorecard(text, source="mine.json")


@pytest.mark.parametrize("name", ["card.csv", "card.parquet"])
def test_the_table_alone_scores_bit_for_bit(
    card: Scorecard, scale: PointScale, tmp_path: Path, name: str
) -> None:
    rows = edge_rows(card)
    write_table(scorecard_table(card, scale), tmp_path / name)
    table = read_table(tmp_path / name)
    assert (score_table(table, rows) == card.log_odds(rows)).all()
    assert scorecard_of_table(table) == card


def test_a_workbook_holds_every_row(card: Scorecard, scale: PointScale, tmp_path: Path) -> None:
    table = scorecard_table(card, scale)
    write_table(table, tmp_path / "card.xlsx")
    back = pl.read_excel(tmp_path / "card.xlsx")
    assert back.height == table.height
    np.testing.assert_allclose(back["points"].to_numpy(), table["points"].to_numpy(), rtol=1e-12)


def test_a_file_of_another_kind_is_refused(card: Scorecard, scale: PointScale, tmp_path: Path) -> None:
    with pytest.raises(ScorecardError, match=r"card\.pmml"):
        write_table(scorecard_table(card, scale), tmp_path / "card.pmml")
    with pytest.raises(ScorecardError, match=r"card\.xlsx"):
        read_table(tmp_path / "card.xlsx")


def test_a_table_without_a_column_or_base_is_refused(card: Scorecard, scale: PointScale) -> None:
    table = scorecard_table(card, scale)
    with pytest.raises(ScorecardError, match="woe"):
        scorecard_of_table(table.drop("woe"))
    with pytest.raises(ScorecardError, match="base"):
        scorecard_of_table(table.filter(pl.col("term") > 0))


def test_points_of_the_table_add_up_to_the_points_of_the_score(card: Scorecard, scale: PointScale) -> None:
    table, rows = scorecard_table(card, scale), edge_rows(card)
    base = table.filter(pl.col("term") == 0)["points"].item()
    total = np.full(rows.height, base)
    for number, term in enumerate(card.terms, start=1):
        total += table.filter(pl.col("term") == number)["points"].to_numpy()[term.place(rows)]
    np.testing.assert_allclose(total, scale.points(card.log_odds(rows)), rtol=0, atol=1e-9)


def test_base_and_contributions_are_the_log_odds_exactly(card: Scorecard) -> None:
    scores = card.explain(edge_rows(card))
    total = np.full(len(scores.log_odds), scores.base_log_odds)
    for column in scores.contributions.T:
        total = total + column
    assert (total == scores.log_odds).all()
    assert scores.contributions.shape == (len(total), len(scores.terms))


def test_a_frame_without_a_column_or_with_text_for_numbers_is_refused(card: Scorecard) -> None:
    frame, _ = applicants(20)
    with pytest.raises(FeatureMismatchError) as refused:
        card.log_odds(frame.drop("overdue"))
    assert refused.value.missing == ("overdue",)
    with pytest.raises(FeatureMismatchError):
        card.log_odds(frame.with_columns(pl.col("overdue").cast(pl.String)))
    with pytest.raises(FeatureMismatchError):
        card.log_odds(frame.with_columns(pl.lit(3).alias("trade")))


def test_an_empty_frame_gets_an_empty_answer(card: Scorecard) -> None:
    assert card.pd(applicants(20)[0].clear()).shape == (0,)


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    terms = []
    for number in range(draw(st.integers(1, 3))):
        edges = sorted(draw(st.sets(FINITE, min_size=0, max_size=4)))
        woe = draw(st.lists(st.floats(-5, 5), min_size=len(edges) + 2, max_size=len(edges) + 2))
        bounds = zip([None, *edges], [*edges, None], strict=True)
        bins = [
            Bin(lower=lo, upper=hi, count=1, events=0, woe=w)
            for (lo, hi), w in zip(bounds, woe, strict=False)
        ]
        bins.append(Bin(missing=True, count=0, events=0, woe=woe[-1]))
        minus = draw(st.sampled_from([None, "x0"])) if number else None
        terms.append(
            Term(
                source=Source(column=f"x{number}", minus=minus),
                part="whole",
                direction=0,
                iv=0.1,
                coefficient=draw(st.floats(0.01, 3)),
                bins=tuple(bins),
            )
        )
    return Scorecard(terms=tuple(terms), intercept=draw(st.floats(-5, 5)), rows=10, events=3)


@settings(max_examples=60)
@given(cards(), st.lists(st.tuples(*[st.one_of(st.none(), FINITE)] * 3), min_size=1, max_size=8))
def test_any_card_scores_the_same_by_json_table_and_sql(
    scale: PointScale, card: Scorecard, values: list[tuple[float | None, ...]]
) -> None:
    edges = [one.upper for term in card.terms for one in term.bins if one.upper is not None]
    rows = pl.DataFrame(
        [*values, *((edge, edge, edge) for edge in edges)],
        schema=dict.fromkeys(("x0", "x1", "x2"), pl.Float64),
        orient="row",
    )
    expected = card.log_odds(rows)
    assert (read_scorecard(card.to_json()).log_odds(rows) == expected).all()
    assert (score_table(scorecard_table(card, scale), rows) == expected).all()
    found = by_sqlite(scorecard_sql(card, scale, table="t"), rows, "t")
    np.testing.assert_allclose([row[0] for row in found], expected, rtol=0, atol=1e-12)


def test_json_is_readable_text(card: Scorecard) -> None:
    plain = json.loads(card.to_json())
    assert plain["format"] == 1
    assert {"source", "part", "direction", "iv", "coefficient", "bins"} == set(plain["terms"][0])
    assert AWKWARD.split('"')[0] in card.to_json()
