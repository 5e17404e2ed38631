"""Rows of books: the same numbers from every kind of table, nothing lost, and each fault named."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.credit.books.proof import leaves_of, proof_of, proven, root_of
from serving.credit.books.rows import BookRows, book_columns, parse_rows
from serving.credit.books.schemas import BookRequest
from serving.credit.terms import FeatureText
from serving.errors import InvalidRequestError
from serving.uploads.errors import UnreadableUploadError
from serving.uploads.limits import TableLimits
from serving.uploads.media import TableKind
from serving.uploads.reading import UploadedTable, open_table, table_of_columns
from tests.serving.credit.books.book_client import body

FEATURES = ("a", "b", "c")
TEXTS = {"a": FeatureText("甲", "a", "ratio", 0.0, 1.0)}
LIMITS = TableLimits(rows=1000)
# Excel holds 15 digits, so that is what a number may have to come back the same from a workbook.
NUMBERS = st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=5).map(float))


def table(tmp_path: Path, frame: pl.DataFrame, kind: TableKind) -> UploadedTable:
    content = body(frame, kind)
    if kind is TableKind.JSON:
        request = BookRequest.model_validate_json(content)
        return table_of_columns(request.columns or {}, LIMITS)
    path = tmp_path / f"book.{kind.value}"
    path.write_bytes(content)
    return open_table(path, kind, LIMITS)


def parsed(found: UploadedTable, texts: dict[str, FeatureText] | None = None) -> BookRows:
    columns = book_columns(found, FEATURES, TEXTS if texts is None else texts)
    (piece,) = found.pieces(1000, columns.read)
    return parse_rows(piece, columns)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8))
def test_every_kind_of_table_gives_the_same_numbers(
    tmp_path: Path, rows: list[tuple[float | None, float | None]]
) -> None:
    frame = pl.DataFrame(
        [(f"K{place}", b, c) for place, (b, c) in enumerate(rows)],
        schema={"key": pl.String, "b": pl.Float64, "c": pl.Float64},
        orient="row",
    )
    found = {kind: parsed(table(tmp_path, frame, kind)) for kind in TableKind}
    wanted = frame.select(pl.col("b", "c").fill_null(float("nan"))).to_numpy()
    for kind, one in found.items():
        assert not one.problems, kind
        assert one.words["key"].to_list() == frame["key"].to_list()
        np.testing.assert_array_equal(one.x[:, 1:], wanted, err_msg=kind)
        assert np.isnan(one.x[:, 0]).all()


@pytest.mark.parametrize("kind", TableKind)
def test_rows_without_words_are_read(tmp_path: Path, kind: TableKind) -> None:
    one = parsed(table(tmp_path, pl.DataFrame({"b": [1.5, 2.5, 3.5]}), kind))
    assert one.x[:, 1].tolist() == [1.5, 2.5, 3.5]
    assert (one.problems, len(one.words)) == ({}, 3)


def test_nan_of_typed_tables_is_missing_and_infinity_fails(tmp_path: Path) -> None:
    frame = pl.DataFrame({"b": [float("nan"), float("inf"), 1.0]})
    one = parsed(table(tmp_path, frame, TableKind.PARQUET))
    assert [problem.rule for problem in one.problems[1]] == ["finite_number"]
    assert list(one.problems) == [1]
    assert np.isnan(one.x[0, 1])


@pytest.mark.parametrize("cell", ["nan", "inf", "-Infinity", "3%", "三", "#N/A", "0.5 元", "1e999", "true"])
def test_text_that_is_no_finite_number_fails_its_row_alone(tmp_path: Path, cell: str) -> None:
    one = parsed(table(tmp_path, pl.DataFrame({"b": [cell, "0.5", "1,234.5"]}), TableKind.CSV))
    assert list(one.problems) == [0]
    assert one.x[1:, 1].tolist() == [0.5, 1234.5]


def test_values_out_of_range_are_named_with_the_range(tmp_path: Path) -> None:
    one = parsed(table(tmp_path, pl.DataFrame({"a": [0.35, 35.0]}), TableKind.CSV))
    ((problem,),) = one.problems.values()
    assert (problem.field, problem.rule) == ("a", "out_of_range")
    assert "[0, 1] ratio" in problem.en


def test_surplus_cells_fail_their_row(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text("key,b\nx,1\ny,2,3\n")
    one = parsed(open_table(path, TableKind.CSV, LIMITS))
    assert {place: [p.rule for p in found] for place, found in one.problems.items()} == {1: ["surplus_cells"]}


def test_columns_that_hold_no_plain_values_are_named(tmp_path: Path) -> None:
    found = table(tmp_path, pl.DataFrame({"b": [[1.0]]}), TableKind.PARQUET)
    with pytest.raises(InvalidRequestError, match=r"columns\.b"):
        parsed(found)


def test_a_header_that_is_not_in_the_first_line_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_text("Book of May,\nkey,b\nx,1\n")
    with pytest.raises(UnreadableUploadError, match="line 1"):
        parsed(open_table(path, TableKind.CSV, LIMITS))


def test_ten_faults_of_a_row_are_told_as_five(tmp_path: Path) -> None:
    columns = {name: ["x"] for name in FEATURES} | {"line": ["x"], "stage": ["x"], "party_id": ["a b"]}
    found = table_of_columns(json.loads(json.dumps(columns)), LIMITS)
    assert len(parsed(found).problems[0]) == 5


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), st.data())
def test_every_leaf_is_proven_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(leaves) - 1))
    path, root = proof_of(leaves, place), root_of(leaves)
    assert proven(leaves[place], path, root)
    other = bytes(byte ^ 1 for byte in leaves[place])
    assert not proven(other, path, root)


def test_a_leaf_tells_missing_from_zero_and_word_from_word() -> None:
    frames = [
        pl.DataFrame({"row": [1], "pd": [pd], "grade": [grade]}, schema_overrides={"pd": pl.Float64})
        for pd, grade in ((0.0, "A"), (None, "A"), (0.0, "B"))
    ]
    assert len({leaves_of(frame)[0] for frame in frames}) == 3
