from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from features.cards.card import load_card
from features.cards.dates import as_dates
from features.cards.errors import CardError, CardTableError
from features.cards.read import LABEL, PARTY, TIME, CardTables, read_card_tables
from features.cards.typed import typed_columns
from features.errors import DataError
from tests.features.cards.conftest import CARD, firms

Write = Callable[..., Path]


LABEL_LINE = 'label = "failed"'


def _sheet(write: Write, name: str, text: str, card: str = CARD) -> Path:
    """Write one table as CSV text; the others stay Parquet."""
    path = write(card.replace(f"{name}.parquet", f"{name}.csv"), folder="sheet")
    (path.parent / f"{name}.csv").write_text(text, encoding="utf-8")
    return path


def _read(card: Path, *, label: bool = True) -> CardTables:
    return read_card_tables(load_card(card), label=label)


def test_ids_of_any_type_meet(write: Write) -> None:
    table = firms(1)["firms"].with_columns(pl.int_range(pl.len()).alias("firm"))
    edges = pl.DataFrame({"a": ["1", "2"], "b": ["2", "3"], "kind": ["x", "x"], "amount": [1.0, 2.0]})
    tables = _read(write(firms=table, edges=edges))
    assert set(tables.edges["ties"]["src"]) <= set(tables.main[PARTY])


def test_row_filter_serves_one_part_of_a_file(write: Write) -> None:
    card = CARD.replace('label = "failed"', 'label = "failed"\nwhere = { part = "valid" }')
    assert _read(write(card)).main.height == 120


def test_label_is_not_needed_to_score(write: Write) -> None:
    card = CARD.replace('label = "failed"\n', "")
    assert LABEL not in _read(write(card, firms=firms(1)["firms"].drop("failed")), label=False).main.columns


def test_text_label_needs_its_positive_value(write: Write) -> None:
    text = firms(1)["firms"].with_columns(
        pl.col("failed").replace_strict({0: "paid", 1: "lost"}, return_dtype=pl.String)
    )
    with pytest.raises(CardTableError, match="positive") as caught:
        _read(write(firms=text))
    assert caught.value.columns == ("failed",)
    named = CARD.replace('label = "failed"', 'label = "failed"\npositive = "lost"')
    assert _read(write(named, firms=text)).main[LABEL].to_list() == firms(1)["firms"]["failed"].to_list()


def test_rows_without_label_are_left_out_and_counted(write: Write) -> None:
    gaps = firms(1)["firms"].with_columns(pl.when(pl.col("firm") != "F0003").then("failed").alias("failed"))
    tables = _read(write(firms=gaps))
    assert tables.main.height == 399
    assert "1 rows have no label" in tables.notes[0]


def test_duplicate_id_is_named(write: Write) -> None:
    table = firms(1)["firms"]
    with pytest.raises(CardTableError, match="F0005") as caught:
        _read(write(firms=pl.concat([table, table.filter(pl.col("firm") == "F0005")])))
    assert "key" in caught.value.en


@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("firms", {"drop": "failed"}, "failed"),
        ("edges", {"drop": "b"}, "b"),
        ("suits", {"drop": "firm"}, "firm"),
        ("groups", {"drop": "group"}, "group"),
    ],
)
def test_missing_column_is_named(write: Write, table: str, change: dict[str, str], named: str) -> None:
    tables = firms(1)
    with pytest.raises(CardTableError) as caught:
        _read(write(**{table: tables[table].drop(change["drop"])}))
    assert caught.value.columns == (named,)
    assert table in caught.value.table


def test_missing_table_is_named(write: Write) -> None:
    card = write()
    (card.parent / "edges.parquet").unlink()
    with pytest.raises(CardTableError, match=r"edges\.parquet"):
        _read(card)


def test_empty_tables_are_refused(write: Write) -> None:
    with pytest.raises(CardTableError, match="empty"):
        _read(write(firms=firms(1)["firms"].clear()))
    with pytest.raises(CardTableError, match="no rows"):
        _read(write(CARD.replace('label = "failed"', 'label = "failed"\nwhere = { part = "nobody" }')))


def test_empty_file_is_refused(write: Write) -> None:
    card = write(CARD.replace("suits.parquet", "suits.csv"))
    (card.parent / "suits.csv").write_text("", encoding="utf-8")
    with pytest.raises((CardTableError, DataError)):
        _read(card)


def test_one_class_only_is_refused(write: Write) -> None:
    with pytest.raises(CardTableError, match="one class"):
        _read(write(firms=firms(1)["firms"].with_columns(failed=pl.lit(0))))


def test_empty_id_is_named_with_its_row(write: Write) -> None:
    holes = firms(1)["suits"].with_columns(pl.when(pl.int_range(pl.len()) != 6).then("firm").alias("firm"))
    with pytest.raises(CardTableError, match="row 7"):
        _read(write(suits=holes))


def test_weights_must_be_numbers(write: Write) -> None:
    with pytest.raises(CardTableError, match="amount"):
        _read(write(edges=firms(1)["edges"].with_columns(amount=pl.lit("many"))))


def test_undated_row_is_named(write: Write) -> None:
    table = firms(1)["firms"].with_columns(day=pl.when(pl.col("firm") != "F0001").then(pl.date(2020, 1, 1)))
    card = CARD.replace('label = "failed"', 'label = "failed"\ntime = "day"')
    with pytest.raises(CardTableError, match="row 2"):
        _read(write(card, firms=table))


def test_text_dates_are_read_by_their_format(write: Write) -> None:
    table = firms(1)["firms"].with_columns(day=pl.lit("3/31/2004"))
    card = CARD.replace('label = "failed"', 'label = "failed"\ntime = "day"\ntime_format = "%m/%d/%Y"')
    assert str(_read(write(card, firms=table)).main[TIME][0]) == "2004-03-31"
    with pytest.raises(CardTableError, match="time_format"):
        _read(write(card.replace('"day"', '"region"', 1)))


def test_csv_reads_as_parquet_does(write: Write) -> None:
    whole = _read(write())
    card = write(CARD.replace("firms.parquet", "firms.csv"), folder="csv")
    firms(1)["firms"].write_csv(card.parent / "firms.csv")
    read = _read(card)
    assert read.main["failed"].to_list() == whole.main["failed"].to_list()
    assert read.main["capital"].to_list() == pytest.approx(whole.main["capital"].to_list())


def test_cells_get_the_type_of_their_column() -> None:
    frame = pl.DataFrame({"n": ["1", "2", ""], "x": ["1.5", "NA", "inf"], "code": ["007", "12", "1"], "t": ["a", "1", None],
                          "b": ["true", "False", None], "none": [None, "", " "]})  # fmt: skip
    typed = typed_columns(frame).frame
    assert typed.schema == {"n": pl.Int64, "x": pl.Float64, "code": pl.String, "t": pl.String, "b": pl.Boolean,
                            "none": pl.Float64}  # fmt: skip
    assert typed["x"].to_list() == [1.5, None, float("inf")]


def test_dates_need_nearly_all_values_to_read() -> None:
    assert as_dates(pl.Series(["12/31/1999", "1/2/2000"])) is not None
    assert as_dates(pl.Series(["31/12/1999", "2/1/2000"])) is not None
    assert as_dates(pl.Series(["12/31/1999", "soon"])) is None
    assert as_dates(pl.Series([20200101])) is None


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([0.0, 1.0], '"1"'),
        (["0", "1"], "1"),
        ([False, True], "true"),
        (["good", "bad"], '"bad"'),
        (["true", "false"], "false"),
        ([1, 2], "2.0"),
    ],
)
def test_positive_value_meets_the_label_whatever_its_type(
    write: Write, values: list[object], positive: str
) -> None:
    base = firms(1)["firms"]
    label = pl.Series("failed", [values[y] for y in base["failed"]])
    card = CARD.replace('label = "failed"', f'label = "failed"\npositive = {positive}')
    assert (
        _read(write(card, firms=base.with_columns(label))).main[LABEL].to_list() == base["failed"].to_list()
    )


def test_text_label_is_trimmed(write: Write) -> None:
    label = pl.col("failed").replace_strict({0: "正常", 1: "违约 "}, return_dtype=pl.String)
    card = CARD.replace(LABEL_LINE, f'{LABEL_LINE}\npositive = "违约"')
    read = _read(write(card, firms=firms(1)["firms"].with_columns(label)))
    assert read.main[LABEL].to_list() == firms(1)["firms"]["failed"].to_list()


def test_a_label_that_nobody_explained_is_no_good_outcome(write: Write) -> None:
    text = pl.col("failed").replace_strict({0: "正常", 1: "违约"}, return_dtype=pl.String)
    third = pl.when(pl.col("firm").is_in(["F0002", "F0009"])).then(pl.lit("未知")).otherwise(text)
    table = firms(1)["firms"].with_columns(third.alias("failed"))
    card = CARD.replace(LABEL_LINE, f'{LABEL_LINE}\npositive = "违约"')
    with pytest.raises(CardTableError, match="negative") as caught:
        _read(write(card, firms=table))
    assert "未知: 2" in caught.value.en
    assert "正常" in caught.value.zh
    named = card.replace("positive", 'negative = ["正常"]\npositive')
    with pytest.raises(CardTableError, match=r"未知: 2 \(rows 3, 10\)"):
        _read(write(named, firms=table))
    both = card.replace("positive", 'negative = ["正常", "未知"]\npositive')
    assert _read(write(both, firms=table)).main[LABEL][2] == 0.0


def test_several_values_may_mean_default_but_none_both(write: Write) -> None:
    grades = firms(1)["firms"].with_columns(failed=pl.int_range(pl.len()) % 4)
    card = CARD.replace(LABEL_LINE, f"{LABEL_LINE}\npositive = [2, 3]\nnegative = [0, 1]")
    assert _read(write(card, firms=grades)).main[LABEL].to_list() == [0.0, 0.0, 1.0, 1.0] * 100
    with pytest.raises(CardTableError, match="1: 100 stand in both"):
        _read(write(card.replace("[2, 3]", "[1, 2, 3]"), firms=grades))
    with pytest.raises(CardError, match="negative needs positive"):
        _read(write(card.replace("positive = [2, 3]\n", ""), firms=grades))


def test_missing_labels_are_named_with_their_rows(write: Write) -> None:
    text = pl.when(pl.col("firm") == "F0004").then(pl.lit(" N/A")).otherwise(pl.col("failed").cast(pl.String))
    (line,) = _read(write(firms=firms(1)["firms"].with_columns(text.alias("failed")))).notes
    assert "1 rows have no label" in line
    assert "N/A: 1; rows 5" in line


def test_a_dated_table_may_be_empty_after_the_filter(write: Write) -> None:
    suits = firms(1)["suits"].with_columns(day=pl.lit("2020-01-31"))
    card = CARD.replace("[[edges]]", 'time = "day"\nwhere = { result = "none such" }\n\n[[edges]]')
    assert _read(write(card, suits=suits)).events["suits"].is_empty()


@pytest.mark.parametrize("dtype", [pl.Null, pl.String, pl.Float64, pl.Date])
def test_ties_that_all_last_are_open(write: Write, dtype: type[pl.DataType]) -> None:
    edges = firms(1)["edges"].with_columns(ended=pl.lit(None, dtype))
    card = CARD.replace('weight = "amount"', 'weight = "amount"\nuntil = "ended"')
    found = _read(write(card, edges=edges)).edges["ties"]["__until"]
    assert found.dtype == pl.Date
    assert found.null_count() == edges.height


def test_ids_of_a_sheet_are_never_numbers(write: Write) -> None:
    ids = ["12345678901234567891", "12345678901234567892", "1e5", "100000"]
    text = "firm,failed,part\n" + "\n".join(f"{v},{i % 2},train" for i, v in enumerate(ids))
    path = _sheet(write, "firms", text)
    assert _read(path).main[PARTY].to_list() == ids


def test_whole_ids_of_a_sheet_and_of_parquet_are_one(write: Write) -> None:
    table = firms(1)["firms"].with_columns(pl.int_range(pl.len()).alias("firm"))
    card = write(CARD.replace("edges.parquet", "edges.csv"), folder="ids", firms=table)
    (card.parent / "edges.csv").write_text("a,b,kind,amount\n1.0,2.0,x,1\n2.0,7.0,x,2\n")
    tables = _read(card)
    assert tables.edges["ties"]["src"].to_list() == ["1", "2"]
    assert set(tables.edges["ties"]["dst"]) <= set(tables.main[PARTY])


def test_long_digits_and_marked_numbers_of_a_sheet() -> None:
    frame = pl.DataFrame(
        {
            "code": ["12345678901234567891", "1", None], "sum": ["1,200", "-3", "1,234,567.5"], "rate": ["12%", "0.5 %", ""],
            "mixed": ["12%", "12", "1"], "list": ["1,2", "3", "4"],
        }
    )  # fmt: skip
    typed = typed_columns(frame)
    assert typed.frame.schema == {"code": pl.String, "sum": pl.Float64, "rate": pl.Float64,
                                  "mixed": pl.String, "list": pl.String}  # fmt: skip
    assert typed.frame["sum"].to_list() == [1200.0, -3.0, 1234567.5]
    assert typed.frame["rate"].to_list() == pytest.approx([0.12, 0.005, None])
    assert (typed.grouped, typed.percent) == (("sum",), ("rate",))


def test_grouped_digits_are_read_and_told(write: Write) -> None:
    text = 'firm,failed,part,capital\na,0,train,"1,200"\nb,1,train,300\n'
    tables = _read(_sheet(write, "firms", text))
    assert tables.main["capital"].to_list() == [1200, 300]
    assert any("capital" in line and "1,200" in line for line in tables.notes)


def test_rows_are_named_as_the_file_numbers_them(write: Write) -> None:
    body = "firm,failed,part\na,0,valid\nb,0,valid\n,1,train\nd,0,train\n"
    card = CARD.replace(LABEL_LINE, f'{LABEL_LINE}\nwhere = {{ part = "train" }}')
    with pytest.raises(CardTableError, match="in row 4 "):
        _read(_sheet(write, "firms", body, card))
    holes = firms(1)["firms"].with_columns(pl.when(pl.col("firm") != "F0399").then("firm").alias("firm"))
    valid = CARD.replace(LABEL_LINE, f'{LABEL_LINE}\nwhere = {{ part = "valid" }}')
    with pytest.raises(CardTableError, match="in row 400 "):
        _read(write(valid, firms=holes))


def test_a_weight_that_is_no_number_is_named_with_its_row(write: Write) -> None:
    with pytest.raises(CardTableError, match=r"row 3 holds '1\.5O'") as caught:
        _read(_sheet(write, "edges", "a,b,kind,amount\nx,y,k,1\nx,z,k,1.5O\n"))
    assert "第 3 行为“1.5O”" in caught.value.zh


def test_a_missing_relation_kind_is_a_kind_of_its_own(write: Write) -> None:
    edges = firms(1)["edges"].with_columns(pl.when(pl.int_range(pl.len()) > 4).then("kind").alias("kind"))
    card = CARD.replace('weight = "amount"', 'weight = "amount"\ndrop_kinds = ["supplies"]')
    kinds = _read(write(card, edges=edges)).edges["ties"]["kind"]
    assert set(kinds) == {"missing", "guarantees"}
    assert (kinds == "missing").sum() == 5


def test_rows_without_a_group_are_counted(write: Write) -> None:
    groups = firms(1)["groups"].with_columns(
        pl.when(~pl.int_range(pl.len()).is_in([3, 8])).then("group").alias("group")
    )
    tables = _read(write(groups=groups))
    assert tables.groups["groups"].height == 398
    (line,) = tables.notes
    assert "groups.parquet" in line
    assert "2 rows without 'group' are left out (rows 4, 9)" in line
