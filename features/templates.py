"""xlsx templates for companies without a system: lists, ranges and notes of a contract in a workbook."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import polars as pl
import xlsxwriter

from features.contract_pages import limits_text
from features.errors import TemplateExistsError
from features.general_rules import range_text, type_text
from features.tables.contract import Column, Contract
from features.tables.examples import EXAMPLES, Cell

__all__ = ["TEMPLATE_ROWS", "write_template"]

TEMPLATE_ROWS: Final = (
    10_000  # lines that carry lists and limits; more may be filled in, they are checked alike
)
_LISTS: Final = "选项 Lists"
_NOTES: Final = "说明 Notes"
_LONGEST_TITLE: Final = 32  # Excel refuses longer titles and messages of a data validation
_LONGEST_MESSAGE: Final = 255
_NUMBER_FORMATS: Final[dict[type[pl.DataType], str]] = {
    pl.String: "@",  # text, or Excel would cut leading zeros and long identifiers
    pl.Date: "yyyy-mm-dd",
    pl.Datetime: "yyyy-mm-dd hh:mm:ss",
    pl.Int32: "0",
    pl.Float64: "General",
}


def write_template(contract: Contract, path: Path) -> None:
    """Write the template of a table; a file that is there already is left alone (TemplateExistsError).

    The first sheet is the table: one header line, its cells holding the column's name, then its labels and
    unit. A filled template is checked as it is; only the first line of a header cell is read as the name.
    """
    if path.exists():
        raise TemplateExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as workbook:
        table = workbook.add_worksheet(contract.name)
        _write_notes(workbook, workbook.add_worksheet(_NOTES), contract)
        lists = _write_lists(workbook.add_worksheet(_LISTS), contract)
        _write_table(workbook, table, contract, lists)
        table.activate()


def _write_table(workbook: Any, sheet: Any, contract: Contract, lists: dict[str, str]) -> None:  # noqa: ANN401
    """Write the header and let each column show its list or limits."""
    required = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#FDE9D9"})
    optional = workbook.add_format({"text_wrap": True, "valign": "top", "bg_color": "#DAEEF3"})
    sheet.freeze_panes(1, 0)
    sheet.set_row(0, 64)
    for position, column in enumerate(contract.columns):
        format_ = _NUMBER_FORMATS.get(column.dtype.base_type())
        cells = workbook.add_format({"num_format": format_}) if format_ else None
        sheet.set_column(position, position, max(14, len(column.label.en) + 2), cells)
        sheet.write_string(0, position, _header(column), optional if column.nullable else required)
        validation = _validation(column, lists)
        if validation:
            sheet.data_validation(1, position, TEMPLATE_ROWS, position, validation)


def _header(column: Column) -> str:
    """Return a header cell: name, labels and unit, one below the other."""
    unit = f"\n({column.unit.zh} {column.unit.en})" if column.unit else ""
    return f"{column.name}\n{column.label.zh}\n{column.label.en}{unit}"


def _validation(column: Column, lists: dict[str, str]) -> dict[str, object]:
    """Return Excel's data validation of a column: its list, its range, or its type; empty for free text."""
    limits, type_ = limits_text(column), type_text(column)
    told = {
        "ignore_blank": True,
        "error_title": f"{column.label.zh} {column.name}"[:_LONGEST_TITLE],
        "error_message": f"{type_.zh} {limits.zh}\n{type_.en} {limits.en}"[:_LONGEST_MESSAGE],
    }
    if column.name in lists:
        kind = "information" if column.others_allowed else "stop"
        return {"validate": "list", "source": lists[column.name], "error_type": kind} | told
    match column.dtype:
        case pl.Boolean():
            return {"validate": "list", "source": ["TRUE", "FALSE"]} | told
        case pl.Date():
            return {"validate": "date"} | _between(column) | told
        case pl.Int32():
            return {"validate": "integer"} | _between(column) | told
        case pl.Float64() if range_text(column):
            return {"validate": "decimal"} | _between(column) | told
        case _:
            return {}


def _between(column: Column) -> dict[str, object]:
    """Return the limits of a column as Excel's criteria; an open lower end is left to the check when there are two."""
    low = column.minimum if column.above is None else column.above
    if low is not None and column.maximum is not None:
        return {"criteria": "between", "minimum": low, "maximum": column.maximum}
    if low is not None:
        return {"criteria": ">=" if column.above is None else ">", "value": low}
    return {"criteria": "<=", "value": column.maximum}


def _write_lists(sheet: Any, contract: Contract) -> dict[str, str]:  # noqa: ANN401
    """Write the codes of each choice with their labels; return where the codes of each column stand."""
    places: dict[str, str] = {}
    for column in contract.columns:
        if not column.choices:
            continue
        at = 2 * len(places)
        sheet.set_column(at, at + 1, 24)
        sheet.write_row(0, at, [column.name, column.label.zh])
        for line, (code, label) in enumerate(column.choices.items(), start=1):
            sheet.write_row(line, at, [code, label])
        letter = xlsxwriter.utility.xl_col_to_name(at, col_abs=True)
        places[column.name] = f"='{_LISTS}'!{letter}$2:{letter}${len(column.choices) + 1}"
    return places


def _write_notes(workbook: Any, sheet: Any, contract: Contract) -> None:  # noqa: ANN401
    """Explain the table, each column with an example, and each rule, in both languages."""
    bold, wrap = (
        workbook.add_format({"bold": True}),
        workbook.add_format({"text_wrap": True, "valign": "top"}),
    )
    sheet.set_column(0, 0, 24)
    sheet.set_column(1, 9, 22, wrap)
    for line, (cells, heading) in enumerate(_note_lines(contract)):
        for position, cell in enumerate(cells):
            sheet.write_string(line, position, cell, bold if heading else wrap)


def _note_lines(contract: Contract) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield the lines of the notes and whether each is a heading."""
    yield (f"{contract.name} · {contract.label.zh} · {contract.label.en}",), True
    yield (contract.description.zh,), False
    yield (contract.description.en,), False
    yield (f"请在第一张工作表“{contract.name}”填写；不要改动第1行表头；带底色加粗的列必填。",), False
    yield (
        (f"Fill in the first sheet, '{contract.name}'; leave its header alone; bold columns are required.",),
        False,
    )
    yield (f"检查 check: zhiheng data check FILE --table {contract.name}",), False
    yield ("",), False
    heads = (
        "列 column",
        "名称",
        "label",
        "类型",
        "type",
        "单位 unit",
        "可空 empty",
        "取值",
        "values",
        "示例 example",
    )
    yield heads, True
    for column in contract.columns:
        limits, type_ = limits_text(column), type_text(column)
        unit = f"{column.unit.zh} {column.unit.en}" if column.unit else ""
        example = _shown(EXAMPLES[contract.name].get(column.name))
        empty = "是 yes" if column.nullable else "否 no"
        yield (column.name, *column.label, *type_, unit, empty, *limits, example), False
    yield ("",), False
    yield ("规则 rule", "要求", "requirement", "处理", "remedy"), True
    yield (
        (
            "key",
            f"{', '.join(contract.key)} 不得重复",
            "no two rows of one key",
            "改正编号",
            "correct the key",
        ),
        False,
    )
    for rule in contract.rules:
        yield (rule.name, *rule.text, *rule.remedy), False


def _shown(value: Cell) -> str:
    """Return a value as a user would write it."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case date():
            return value.isoformat()
        case float():
            return f"{value:,.10g}".replace(",", "")
        case _:
            return str(value)
