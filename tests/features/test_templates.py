"""Templates: what is filled into them is taken by the check as it is."""

import re
import zipfile
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import fastexcel
import polars as pl
import pytest

from features.contracts import CONTRACTS, Contract, check_table
from features.errors import EmptyTableError, TemplateExistsError
from features.sources import read_table
from features.tables.examples import EXAMPLES, Cell
from features.templates import write_template

EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel counts days from here, without zone
SHEET = "xl/worksheets/sheet1.xml"


def fill(template: Path, filled: Path, cells: list[Cell]) -> None:
    """Type a row of cells into line 2 of the first sheet, each in the format that its column has."""
    with zipfile.ZipFile(template) as source, zipfile.ZipFile(filled, "w") as target:
        for item in source.infolist():
            content = source.read(item)
            if item.filename == SHEET:
                sheet = content.decode()
                styles = {
                    int(at): style for at, style in re.findall(r'<col min="(\d+)"[^>]*? style="(\d+)"', sheet)
                }
                row = "".join(
                    xml_cell(at, cell, styles.get(at, "0")) for at, cell in enumerate(cells, start=1)
                )
                content = sheet.replace("</sheetData>", f'<row r="2">{row}</row></sheetData>').encode()
            target.writestr(item, content)


def xml_cell(column: int, value: Cell, style: str) -> str:
    """Return a cell as Excel stores what was typed."""
    place = f'r="{chr(ord("A") + column - 1)}2" s="{style}"'
    match value:
        case None:
            return ""
        case bool():
            return f'<c {place} t="b"><v>{int(value)}</v></c>'
        case str():
            return f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'
        case date():
            moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # noqa: DTZ001
            days = (moment - EXCEL_EPOCH).total_seconds() / 86_400
            return f"<c {place}><v>{days!r}</v></c>"
        case _:
            return f"<c {place}><v>{value!r}</v></c>"


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.name)
def test_filled_template_is_taken_as_it_is(contract: Contract, tmp_path: Path) -> None:
    template, filled = tmp_path / "template.xlsx", tmp_path / "filled.xlsx"
    write_template(contract, template)
    row = {name: EXAMPLES[contract.name].get(name) for name in contract.column_names}
    fill(template, filled, list(row.values()))
    checked = check_table(contract.name, read_table(filled), sheet=True)
    assert checked.failed.is_empty(), checked.failed
    assert checked.good.equals(pl.DataFrame([row], schema=contract.schema))


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda contract: contract.name)
def test_template_explains_every_column_and_rule_in_both_languages(
    contract: Contract, tmp_path: Path
) -> None:
    path = tmp_path / "template.xlsx"
    write_template(contract, path)
    notes = fastexcel.read_excel(path).load_sheet("说明 Notes", header_row=None, dtypes="string").to_polars()
    told = {cell for column in notes.get_columns() for cell in column.drop_nulls()}
    for column in contract.columns:
        assert {column.name, *column.label} <= told
    for rule in contract.rules:
        assert {rule.name, *rule.text, *rule.remedy} <= told


def test_template_offers_lists_and_limits(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    write_template(CONTRACTS["exposures"], path)
    with zipfile.ZipFile(path) as book:
        sheet = book.read(SHEET).decode()
    lists = dict(re.findall(r'<dataValidation type="list"[^>]*sqref="(\w+):\w+"><formula1>([^<]+)<', sheet))
    assert set(lists) == {"D2", "I2", "J2"}
    limits = re.search(
        r'<dataValidation type="decimal"[^>]*sqref="F2:F10001"><formula1>0</formula1><formula2>0.36<', sheet
    )
    assert limits is not None
    assert sheet.count('<dataValidation type="date"') == 3
    choices = fastexcel.read_excel(path).load_sheet("选项 Lists", dtypes="string").to_polars()
    assert choices["business_line"].drop_nulls().to_list() == list(
        CONTRACTS["exposures"].column("business_line").choices
    )


def test_unfilled_template_is_an_empty_table(tmp_path: Path) -> None:
    path = tmp_path / "sales.xlsx"
    write_template(CONTRACTS["sales"], path)
    with pytest.raises(EmptyTableError):
        check_table("sales", read_table(path), sheet=True)


def test_template_does_not_overwrite_what_a_company_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "sales.xlsx"
    path.write_bytes(b"work of a week")
    with pytest.raises(TemplateExistsError, match=r"sales\.xlsx"):
        write_template(CONTRACTS["sales"], path)
    assert path.read_bytes() == b"work of a week"
