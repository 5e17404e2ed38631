"""Tables that come over HTTP: what is hostile or broken is refused before it is opened, what is plain is read as it is."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.uploads.errors import UnreadableUploadError, UploadTooLargeError
from serving.uploads.limits import TableLimits
from serving.uploads.media import TableKind
from serving.uploads.reading import UploadedTable, open_table, table_of_columns

LIMITS = TableLimits(rows=1000)


def opened(tmp_path: Path, content: bytes, kind: TableKind, limits: TableLimits = LIMITS) -> UploadedTable:
    path = tmp_path / f"book.{kind.value}"
    path.write_bytes(content)
    return open_table(path, kind, limits)


def cells(table: UploadedTable, rows: int = 100) -> pl.DataFrame:
    return pl.concat([piece.frame for piece in table.pieces(rows, table.columns)])


def numbers(table: UploadedTable) -> list[int]:
    return [number for piece in table.pieces(3, table.columns) for number in piece.numbers]


def workbook(write: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        write(book)
    return out.getvalue()


def plain(book: xlsxwriter.Workbook) -> None:
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["party_id", "degree"])
    sheet.write_row(1, 0, ["P1", 0.5])


def packed(content: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    """Pack a workbook anew after its parts were changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    change(parts)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, data in parts.items():
            book.writestr(name, data)
    return out.getvalue()


# --- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_is_read_in_the_encodings_and_separators_in_use(tmp_path: Path, encoding: str, mark: str) -> None:
    text = f'key{mark}degree\n"第一\n行"{mark}0.5\n\n二{mark}1\n'
    table = opened(tmp_path, text.encode(encoding), TableKind.CSV)
    assert cells(table).to_dicts() == [{"key": "第一\n行", "degree": "0.5"}, {"key": "二", "degree": "1"}]
    assert (numbers(table), table.rows, table.blank) == ([2, 4], 2, 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"\xff\xfe\x00\x01\xff", b'a,b\n"1,2\n', b"degree,degree\n1,2\n"],
)
def test_csv_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableUploadError) as caught:
        opened(tmp_path, content, TableKind.CSV)
    assert str(tmp_path) not in caught.value.en, "no path of the server is told"


# --- xlsx


def test_the_first_sheet_that_is_shown_is_read(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        hidden, shown = book.add_worksheet("secret"), book.add_worksheet("book")
        hidden.write_row(0, 0, ["key", "degree"])
        hidden.write_row(1, 0, ["hidden", 9.0])
        hidden.hide()
        shown.write_row(0, 0, ["key", "degree"])
        shown.write_row(1, 0, ["shown", 0.5])
        shown.activate()
        shown.set_first_sheet()

    table = opened(tmp_path, workbook(write), TableKind.XLSX)
    assert cells(table).to_dicts() == [{"key": "shown", "degree": "0.5"}]


def test_a_formula_is_read_as_its_value(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["key", "degree"])
        sheet.write_string(1, 0, "=1+1")
        sheet.write_formula(1, 1, "=1/4", value=0.25)

    table = opened(tmp_path, workbook(write), TableKind.XLSX)
    assert cells(table).to_dicts() == [{"key": "=1+1", "degree": "0.25"}]


def test_a_formula_that_nobody_computed_is_refused_not_taken_for_missing(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        plain(book)
        book.worksheets()[0].write_formula(1, 1, "=1/4", value="0.25")

    def without_value(parts: dict[str, bytes]) -> None:
        name = "xl/worksheets/sheet1.xml"
        parts[name] = parts[name].replace(b"<v>0.25</v>", b"")

    content = packed(workbook(write), without_value)
    with pytest.raises(UnreadableUploadError, match="no computed value"):
        opened(tmp_path, content, TableKind.XLSX)


def test_a_bomb_is_refused_by_its_directory(tmp_path: Path) -> None:
    def swell(parts: dict[str, bytes]) -> None:
        parts["xl/media/image1.bin"] = bytes(8 << 20)

    with pytest.raises(UploadTooLargeError, match="packed by more than"):
        opened(tmp_path, packed(workbook(plain), swell), TableKind.XLSX)
    small = TableLimits(rows=10, sheet_unpacked=4 << 20)
    with pytest.raises(UploadTooLargeError, match="unpacks to"):
        opened(tmp_path, packed(workbook(plain), swell), TableKind.XLSX, small)


def test_a_directory_that_lies_about_a_part_is_found_out(tmp_path: Path) -> None:
    content = bytearray(packed(workbook(plain), lambda _: None))
    # The first part: its packed stream is made to unpack to far more than the directory says.
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(bytes(16 << 20)) + deflate.flush()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("xl/worksheets/sheet1.xml", bomb)
    content = bytearray(out.getvalue())
    size = struct.pack("<L", 100)
    local, central = 0, content.index(b"PK\x01\x02")
    content[local + 8 : local + 10] = content[central + 10 : central + 12] = struct.pack("<H", 8)
    content[local + 22 : local + 26] = content[central + 24 : central + 28] = size
    with pytest.raises(UploadTooLargeError, match="not as large as the directory says"):
        opened(tmp_path, bytes(content), TableKind.XLSX)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda parts: parts.update({"inner.xlsx": b"x"}), "packed file inside"),
        (lambda parts: parts.update({f"xl/worksheets/s{i}.xml": b"<c/>" for i in range(60)}), "sheets"),
        (lambda parts: parts.update({f"x{i}": b"" for i in range(1100)}), "parts"),
        (
            lambda parts: parts.update({"xl/sharedStrings.xml": b"<t>" + b"ab" * 100_000 + b"</t>"}),
            "text of more than",
        ),
    ],
)
def test_a_workbook_that_excel_would_not_write_is_refused(
    tmp_path: Path, change: Callable[[dict[str, bytes]], None], what: str
) -> None:
    with pytest.raises(UploadTooLargeError, match=what):
        opened(tmp_path, packed(workbook(plain), change), TableKind.XLSX)


def test_too_many_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadTooLargeError, match="cells"):
        opened(tmp_path, workbook(plain), TableKind.XLSX, TableLimits(rows=10, cells=3))


@pytest.mark.parametrize("cut", [10, 200, -40])
def test_a_broken_workbook_is_refused(tmp_path: Path, cut: int) -> None:
    with pytest.raises((UnreadableUploadError, UploadTooLargeError)):
        opened(tmp_path, workbook(plain)[:cut], TableKind.XLSX)


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        book.writestr("readme.txt", "x")
    with pytest.raises(UnreadableUploadError, match="no sheet"):
        opened(tmp_path, out.getvalue(), TableKind.XLSX)


# --- Parquet and Arrow


def arrow(table: pa.Table, kind: TableKind, compression: str | None = None) -> bytes:
    out = io.BytesIO()
    if kind is TableKind.PARQUET:
        pq.write_table(table, out)
        return out.getvalue()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_file if kind is TableKind.ARROW else pa.ipc.new_stream
    with make(out, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=4)
    return out.getvalue()


TYPED = [TableKind.PARQUET, TableKind.ARROW, TableKind.ARROWS]


@pytest.mark.parametrize("kind", TYPED)
def test_typed_tables_are_read_in_pieces_and_numbered_from_one(tmp_path: Path, kind: TableKind) -> None:
    words = pa.array([f"K{i % 3}" for i in range(10)])
    for key in (
        words,
        words.dictionary_encode(),
        words.cast(pa.string_view()),
        words.cast(pa.large_string()),
    ):
        if kind is TableKind.PARQUET and pa.types.is_string_view(key.type):
            continue
        table = opened(tmp_path, arrow(pa.table({"key": key, "x": list(range(10))}), kind, None), kind)
        assert (table.rows, numbers(table)) == (10, list(range(1, 11)))
        assert cells(table, rows=3)["key"].to_list() == words.to_pylist()


@pytest.mark.parametrize("kind", TYPED)
def test_nested_columns_are_named(tmp_path: Path, kind: TableKind) -> None:
    content = arrow(pa.table({"x": [[1.0]], "y": [{"z": 1}], "w": [1.0]}), kind)
    table = opened(tmp_path, content, kind)
    assert sorted(table.unusable) == ["x", "y"]


@pytest.mark.parametrize("kind", TYPED)
def test_more_rows_than_may_be_are_refused_before_they_are_read(tmp_path: Path, kind: TableKind) -> None:
    with pytest.raises(UploadTooLargeError, match="rows"):
        opened(tmp_path, arrow(pa.table({"x": [0.0] * 1001}), kind), kind)


@pytest.mark.parametrize("kind", TYPED)
def test_columns_of_one_name_are_refused(tmp_path: Path, kind: TableKind) -> None:
    twice = pa.Table.from_arrays([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    with pytest.raises(UnreadableUploadError, match="twice"):
        opened(tmp_path, arrow(twice, kind), kind)


@pytest.mark.parametrize("kind", TYPED)
def test_long_texts_shared_by_rows_are_refused(tmp_path: Path, kind: TableKind) -> None:
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 50, pa.int32()), pa.array(["x" * 5000]))
    table = opened(tmp_path, arrow(pa.table({"key": shared}), kind), kind)
    with pytest.raises(UnreadableUploadError, match="text of more than"):
        cells(table)


@pytest.mark.parametrize("kind", [TableKind.ARROW, TableKind.ARROWS])
@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_what_compressed_buffers_unpack_to_is_counted_first(
    tmp_path: Path, kind: TableKind, compression: str
) -> None:
    content = arrow(pa.table({"x": [0.0] * 800}), kind, compression)
    limits = TableLimits(rows=1000, unpacked=6000)
    with pytest.raises(UploadTooLargeError, match="unpacks to"):
        opened(tmp_path, content, kind, limits)
    assert opened(tmp_path, content, kind).rows == 800


def test_parquet_is_held_against_its_unpacked_size(tmp_path: Path) -> None:
    content = arrow(pa.table({"x": [float(i) for i in range(900)]}), TableKind.PARQUET)
    with pytest.raises(UploadTooLargeError, match="unpacks to"):
        opened(tmp_path, content, TableKind.PARQUET, TableLimits(rows=1000, unpacked=100))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1), value=st.integers(0, 255), kind=st.sampled_from(TYPED))
def test_a_changed_byte_is_refused_or_read_never_worse(
    tmp_path: Path, at: float, value: int, kind: TableKind
) -> None:
    table = pa.table({"key": [f"K{i}" for i in range(50)], "x": [i / 7 for i in range(50)]})
    content = bytearray(arrow(table, kind, None if kind is TableKind.PARQUET else "lz4"))
    content[min(int(at * len(content)), len(content) - 1)] = value
    try:
        found = opened(tmp_path, bytes(content), kind)
        cells(
            found.__class__(
                **{**vars(found), "columns": tuple(c for c in found.columns if c not in found.unusable)}
            )
        )
    except (UnreadableUploadError, UploadTooLargeError):
        pass


@pytest.mark.parametrize("kind", TYPED)
def test_a_column_whose_name_is_no_text_is_refused(tmp_path: Path, kind: TableKind) -> None:
    content = arrow(pa.table({"key": ["K1"], "amount": [1.0]}), kind)
    assert b"amount" in content
    with pytest.raises(UnreadableUploadError, match="damaged"):
        opened(tmp_path, content.replace(b"amount", b"am\x80unt"), kind)


@pytest.mark.parametrize("kind", [*TYPED, TableKind.CSV, TableKind.XLSX])
def test_an_empty_file_is_refused(tmp_path: Path, kind: TableKind) -> None:
    with pytest.raises(UnreadableUploadError, match="empty"):
        opened(tmp_path, b"", kind)


def test_columns_of_json_must_be_of_one_length() -> None:
    with pytest.raises(UnreadableUploadError, match="length"):
        table_of_columns({"x": [1.0], "y": [1.0, 2.0]}, LIMITS)
