"""Sources: Parquet, CSV, xlsx and SQL read alike; what cannot be read is named with what to do."""

import os
import stat
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy
import xlsxwriter

from features.checked_files import check_file, check_folder, write_checked, write_csv_atomically
from features.contracts import CONTRACTS, Checked, check_table
from features.errors import (
    AmbiguousTableError,
    DatabaseReadError,
    DataError,
    EmptyFileError,
    EmptyTableError,
    UnreadableFileError,
    UnreadableTableError,
    UnwritableFileError,
)
from features.sources import read_sql, read_table, read_tables, table_files
from features.tables.examples import Cell

Group = dict[str, pl.DataFrame]
CheckWith = Callable[[str, Mapping[str, Cell]], Checked]

HEADER = "payment_id,exposure_id,paid_on,amount,known_at\n"
LINES = "Y1,X000000001,2023-05-04,100,2023-05-06\nY2,X000000002,2023-05-04,200,2023-05-06\n"


def write_sheet(path: Path, rows: Mapping[int, list[object]]) -> Path:
    """Write rows at line numbers (from 1) of the first sheet of a workbook."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as workbook:
        sheet = workbook.add_worksheet()
        for line, cells in rows.items():
            for column, cell in enumerate(cells):
                sheet.write(line - 1, column, cell)
        workbook.add_worksheet("notes").write(0, 0, "not a table")
    return path


def test_parquet_file_and_folder_of_parts_are_read_alike(tmp_path: Path, sound_group: Group) -> None:
    frame = sound_group["payments"]
    frame.write_parquet(tmp_path / "one.parquet")
    parts = tmp_path / "payments"
    parts.mkdir()
    for number in range(3):
        frame[number : number + 1].write_parquet(parts / f"part-{number}.parquet")
    assert read_table(tmp_path / "one.parquet").equals(frame)
    assert read_table(parts).equals(frame)
    assert check_table("payments", read_tables(tmp_path)["payments"], sound_group).good.equals(frame)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_in_the_encodings_in_use(tmp_path: Path, sound_group: Group, encoding: str) -> None:
    path = tmp_path / "parties.csv"
    path.write_text(sound_group["parties"].write_csv(), encoding=encoding)
    checked = check_file(path, "parties")
    assert checked.good.equals(sound_group["parties"])


@pytest.mark.parametrize("table", CONTRACTS)
def test_every_table_survives_the_way_through_csv(table: str, tmp_path: Path, sound_group: Group) -> None:
    path = tmp_path / f"{table}.csv"
    sound_group[table].write_csv(path)
    assert check_table(table, read_table(path), sound_group, sheet=True).good.equals(sound_group[table])


def test_labels_serve_as_headers_and_as_codes(tmp_path: Path, sound_group: Group) -> None:
    contract = CONTRACTS["maintenance"]
    labels = {column.name: column.label.zh for column in contract.columns}
    text = sound_group["maintenance"].with_columns(kind=pl.lit("大修")).rename(labels).write_csv()
    path = tmp_path / "检修.csv"
    path.write_text(text, encoding="gb18030")
    checked = check_table("maintenance", read_table(path), sound_group, sheet=True)
    assert checked.good.equals(sound_group["maintenance"])


def test_rows_of_csv_are_numbered_as_lines_and_blank_ones_skipped_with_a_warning(
    tmp_path: Path, sound_group: Group
) -> None:
    path = tmp_path / "payments.csv"
    path.write_text(HEADER + "\n" + LINES + " , ,,,\nY3,X000000003,someday,-5,2023-05-06\n", encoding="utf-8")
    checked = check_table("payments", read_table(path), sound_group, sheet=True)
    assert checked.good["payment_id"].to_list() == ["Y1", "Y2"]
    assert checked.failed.select("row", "column", "rule", "value").rows() == [
        (6, "paid_on", "readable", "someday"),
        (6, "amount", "range", "-5"),
    ]
    (warning,) = [warning for warning in checked.warnings if warning.kind == "blank_lines"]
    assert "2, 5" in warning.text.zh


def test_line_with_too_many_cells_fails_alone_with_all_of_them_kept(
    tmp_path: Path, sound_group: Group
) -> None:
    path = tmp_path / "payments.csv"
    path.write_text(HEADER + LINES + "Y3,X000000003,2023-05-04,1,2023-05-06,200,元\n", encoding="utf-8")
    checked = check_table("payments", read_table(path), sound_group, sheet=True)
    assert checked.good.height == 2
    assert checked.failed.select("row", "rule", "value").rows() == [(4, "surplus_cells", "200,元")]
    assert checked.rows["surplus cells"].to_list() == ["200,元"]


def test_quote_that_is_not_closed_is_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    path.write_text(HEADER + LINES + '"Y3,X000000003,2023-05-04,1,2023-05-06\n', encoding="utf-8")
    with pytest.raises(UnreadableFileError, match="line 4"):
        read_table(path)


def test_rows_of_xlsx_are_numbered_as_the_user_sees_them(tmp_path: Path, sound_group: Group) -> None:
    header: list[object] = [*HEADER.strip().split(",")]
    good: list[object] = ["Y1", "X000000001", date(2023, 5, 4), 100, "2023/5/6"]
    bad: list[object] = ["Y2", "NOWHERE", date(2023, 5, 4), 100.5, date(2023, 5, 6)]
    path = write_sheet(tmp_path / "payments.xlsx", {1: header, 2: good, 7: bad})
    checked = check_table("payments", read_table(path), sound_group, sheet=True)
    assert checked.good.row(0) == ("Y1", "X000000001", date(2023, 5, 4), 100.0, date(2023, 5, 6))
    assert checked.failed.select("row", "rule", "value").rows() == [(7, "reference", "NOWHERE")]


def test_formula_error_in_xlsx_fails_its_cell_instead_of_reading_as_empty(
    tmp_path: Path, sound_group: Group
) -> None:
    path = tmp_path / "exposures.xlsx"
    frame = sound_group["exposures"][:1]
    at = frame.columns.index("collateral_value")
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, frame.columns)
        sheet.write_row(1, 0, frame.row(0))
        sheet.write_formula(1, at, "=1/0", None, "#DIV/0!")
    checked = check_table("exposures", read_table(path), sound_group, sheet=True)
    assert checked.failed.select("row", "column", "rule").rows() == [(2, "collateral_value", "readable")]


def test_identifiers_of_xlsx_keep_their_digits(tmp_path: Path) -> None:
    path = write_sheet(
        tmp_path / "lines.xlsx", {1: ["line_id"], 2: ["007"], 3: [12], 4: [True], 5: [date(2024, 1, 2)]}
    )
    assert read_table(path)["line_id"].to_list() == ["007", "12", "true", "2024-01-02 00:00:00"]


@pytest.mark.parametrize(
    ("name", "content", "error", "part"),
    [
        ("a.csv", b"", EmptyFileError, "空的"),
        ("a.xlsx", b"", EmptyFileError, "空的"),
        ("a.parquet", b"", EmptyFileError, "空的"),
        ("a.csv", b" \n\n", EmptyFileError, "空的"),
        ("a.csv", b"\xff\xfea\x00", UnreadableFileError, "GB18030"),
        ("a.csv", b"id,id\n1,2\n", UnreadableFileError, "id"),
        ("a.csv", b",\n1,2\n", UnreadableFileError, "第1行"),
        ("a.xlsx", b"not a workbook", UnreadableFileError, "xlsx"),
        ("a.parquet", b"not a parquet file", UnreadableFileError, "Parquet"),
        ("a.txt", b"x", UnreadableFileError, ".csv"),
    ],
)
def test_file_that_cannot_be_read_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, error: type[DataError], part: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(error) as caught:
        read_table(path)
    assert str(path) in caught.value.zh
    assert str(path) in caught.value.en
    assert part in caught.value.zh


def test_missing_file_and_folder_are_named(tmp_path: Path) -> None:
    for call in (read_table, table_files):
        with pytest.raises(UnreadableFileError, match="nowhere"):
            call(tmp_path / "nowhere")


def test_header_without_rows_is_an_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "payments.csv"
    path.write_text(HEADER, encoding="utf-8")
    with pytest.raises(EmptyTableError, match="payments"):
        check_file(path, "payments")


def test_file_damaged_behind_its_footer_is_named_by_its_table(tmp_path: Path) -> None:
    path = tmp_path / "payments.parquet"
    pl.DataFrame({name: ["x" * 50] * 5000 for name in CONTRACTS["payments"].column_names}).write_parquet(
        path, compression="zstd", use_pyarrow=False
    )
    raw = bytearray(path.read_bytes())
    raw[4:200] = b"\0" * 196
    path.write_bytes(raw)
    with pytest.raises(UnreadableTableError, match="payments"):
        check_table("payments", read_tables(tmp_path)["payments"])


def test_folder_leaves_alone_what_is_no_table(tmp_path: Path, sound_group: Group) -> None:
    sound_group["lines"].write_parquet(tmp_path / "lines.parquet")
    (tmp_path / "truth").mkdir()
    sound_group["sales"].write_parquet(tmp_path / "truth" / "sales.parquet")
    (tmp_path / "data_card.json").write_text("{}")
    (tmp_path / "~$products.xlsx").write_bytes(b"lock")
    assert list(read_tables(tmp_path)) == ["lines"]


def test_table_that_lies_there_twice_is_named(tmp_path: Path, sound_group: Group) -> None:
    sound_group["lines"].write_parquet(tmp_path / "lines.parquet")
    sound_group["lines"].write_csv(tmp_path / "lines.csv")
    with pytest.raises(AmbiguousTableError, match=r"lines\.csv, lines\.parquet"):
        read_tables(tmp_path)


def test_folder_is_checked_although_one_file_cannot_be_read(tmp_path: Path, sound_group: Group) -> None:
    for name, frame in sound_group.items():
        frame.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "sales.csv").write_bytes(b"")
    outcomes = list(check_folder(tmp_path))
    (problem,) = [outcome for outcome in outcomes if isinstance(outcome, DataError)]
    assert isinstance(problem, EmptyFileError)
    checked = {outcome.table: outcome for outcome in outcomes if isinstance(outcome, Checked)}
    assert set(checked) == set(CONTRACTS) - {"sales"}
    assert all(outcome.passed for outcome in checked.values())


def test_query_gives_rows_of_a_database(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'erp.db'}"
    engine = sqlalchemy.create_engine(uri)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table lines (line_id text, planned_rate real)"))
        connection.execute(sqlalchemy.text("insert into lines values ('L-01', 12.5), ('L-02', null)"))
    engine.dispose()
    frame = read_sql(uri, "select line_id, planned_rate from lines order by line_id")
    assert frame.rows() == [("L-01", 12.5), ("L-02", None)]
    with pytest.raises(DatabaseReadError) as caught:
        read_sql(uri, "select * from stops")
    assert "stops" in caught.value.zh
    assert "erp.db" in caught.value.en


def test_password_of_a_database_is_not_repeated() -> None:
    with pytest.raises(DatabaseReadError) as caught:
        read_sql("mysql+nodriver://reader:secret@db/erp", "select 1")
    assert "secret" not in caught.value.en


def test_written_rows_are_read_back_and_stale_failures_go(tmp_path: Path, check_with: CheckWith) -> None:
    failing, sound = check_with("payments", {"amount": -1.0}), check_with("payments", {})
    write_checked(failing, tmp_path)
    assert pl.read_parquet(tmp_path / "good" / "payments.parquet").equals(failing.good)
    assert pl.read_parquet(tmp_path / "failed" / "payments.parquet").equals(failing.failed)
    rows = tmp_path / "failed" / "rows" / "payments.parquet"
    assert pl.read_parquet(rows).equals(failing.rows)
    assert stat.S_IMODE(rows.stat().st_mode) == 0o600
    sheet = (tmp_path / "failed" / "payments.csv").read_bytes()
    assert sheet.startswith(b"\xef\xbb\xbf"), "Excel takes the file for GB18030 without the mark"
    assert "“金额”应大于 0" in sheet.decode("utf-8-sig")
    write_checked(sound, tmp_path)
    assert not list((tmp_path / "failed").rglob("payments.*"))


def test_write_that_fails_leaves_the_old_file_and_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.csv"
    write_csv_atomically(pl.DataFrame({"a": ["old"]}), path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnwritableFileError, match="No space"):
        write_csv_atomically(pl.DataFrame({"a": ["new"]}), path)
    assert path.read_text(encoding="utf-8-sig") == "a\nold\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_names_persons_is_for_the_owner_alone(tmp_path: Path) -> None:
    write_csv_atomically(pl.DataFrame({"name": ["甲"]}), tmp_path / "list.csv", private=True)
    assert stat.S_IMODE((tmp_path / "list.csv").stat().st_mode) == 0o600


def test_a_path_that_cannot_be_written_says_what_to_check(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableFileError, match="Check the path") as caught:
        write_csv_atomically(pl.DataFrame({"a": [1]}), tmp_path / "file" / "list.csv")
    assert "请检查路径" in caught.value.zh


def test_formula_in_a_cell_is_written_as_text(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    write_csv_atomically(
        pl.DataFrame({"value": ["=1+1", "@x", "-1.5", "+4e3", "plain", None], "n": [1, 2, 3, 4, 5, 6]}), path
    )
    values = pl.read_csv(path, infer_schema=False)["value"].to_list()
    assert values == ["'=1+1", "'@x", "-1.5", "+4e3", "plain", None]
