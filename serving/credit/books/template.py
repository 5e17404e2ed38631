"""The xlsx that officers fill in: the model's features with texts, units and ranges, or a list of parties."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import xlsxwriter

from models.credit.coverage import LendingStage, Line
from serving.credit.terms import FeatureText

__all__ = ["write_book_template"]

_LINES: Final = 10_000  # that carry lists and ranges; more may be filled in
_LARGEST: Final = 1e15  # a range wider than this tells a person nothing
_WORDS: Final = (
    ("key", "自编号（可空）", "your own id (may be empty)"),
    ("line", "业务条线（可空）", "business line (may be empty)"),
    ("stage", "阶段（与条线同填）", "stage (with the line)"),
)
_PARTY: Final = ("party_id", "主体编号", "id of the party")
_NOTES: Final = (
    ("在第一张表填写，一行一个主体；不要改动第1行表头，不要合并单元格。",
     "Fill in the first sheet, one party a line; leave its header alone and merge no cells."),
    ("空格表示缺失；比率填小数（0.35 而不是 35%）。", "An empty cell means missing; ratios are decimals (0.35, not 35 %)."),
    ("公式按其结果读取；以 = + - @ 开头的文字写回时前加撇号。",
     "Formulas are read as their values; text that begins with = + - @ is written back behind an apostrophe."),
    ("保存后上传到 POST /v1/credit/scores；结果的行号即此表的行号。",
     "Save it and send it to POST /v1/credit/scores; rows of the answer are numbered as lines here."),
)  # fmt: skip


def write_book_template(
    path: Path,
    features: Sequence[str],
    texts: Mapping[str, FeatureText],
    *,
    by: Literal["features", "party_id"],
    version: str,
) -> None:
    """Write a template of the model's features, or of party ids, with notes on a second sheet.

    The first line of a header cell is the column's name; what stands below it is for people.
    """
    words = (_PARTY, *_WORDS[1:]) if by == "party_id" else _WORDS
    shown = () if by == "party_id" else tuple(features)
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet, notes = book.add_worksheet("book"), book.add_worksheet("说明 Notes")
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#FDE9D9"})
        plain = book.add_format({"text_wrap": True, "valign": "top", "bg_color": "#DAEEF3"})
        text = book.add_format({"num_format": "@"})  # or Excel would cut leading zeros of ids
        sheet.freeze_panes(1, 1)
        sheet.set_row(0, 80)
        for place, (name, zh, en) in enumerate(words):
            sheet.set_column(place, place, 18, text)
            sheet.write_string(0, place, f"{name}\n{zh}\n{en}", bold)
            _restrict_word(sheet, place, name)
        for place, name in enumerate(shown, start=len(words)):
            said = texts.get(name, FeatureText(name, name))
            sheet.set_column(place, place, 22)
            sheet.write_string(0, place, _header(name, said), plain)
            _restrict(sheet, place, said)
        _write_notes(notes, shown, texts, version)
        sheet.activate()


def _header(name: str, said: FeatureText) -> str:
    limits = _range(said)
    unit = f" ({said.unit})" if said.unit else ""
    return f"{name}\n{said.text_zh}\n{said.text_en}{unit}" + (f"\n{limits}" if limits else "")


def _range(said: FeatureText) -> str:
    """Return the range as people write it, empty where it is open or tells nothing."""
    low = f"{said.lowest:g}" if abs(said.lowest) < _LARGEST else ""
    high = f"{said.highest:g}" if abs(said.highest) < _LARGEST else ""
    return f"{low} … {high}".strip() if low or high else ""


def _restrict(sheet: Any, place: int, said: FeatureText) -> None:  # noqa: ANN401 - xlsxwriter has no types
    """Let Excel refuse what the service would."""
    low, high = max(said.lowest, -_LARGEST), min(said.highest, _LARGEST)
    told = {"ignore_blank": True, "error_message": f"{_range(said)} {said.unit}".strip()[:255]}
    sheet.data_validation(
        1,
        place,
        _LINES,
        place,
        {"validate": "decimal", "criteria": "between", "minimum": low, "maximum": high} | told,
    )


def _restrict_word(sheet: Any, place: int, name: str) -> None:  # noqa: ANN401 - see above
    choices: dict[str, list[str]] = {
        "line": [one.value for one in Line],
        "stage": [one.value for one in LendingStage],
    }
    if name in choices:
        sheet.data_validation(1, place, _LINES, place, {"validate": "list", "source": choices[name]})


def _write_notes(
    sheet: Any,  # noqa: ANN401 - see above
    features: Sequence[str],
    texts: Mapping[str, FeatureText],
    version: str,
) -> None:
    sheet.set_column(0, 4, 36)
    sheet.write_row(0, 0, ["模型 model", version])
    for line, (zh, en) in enumerate(_NOTES, start=1):
        sheet.write_row(line, 0, [zh, en])
    heads = ["特征 feature", "含义", "meaning", "单位 unit", "取值 range"]
    start = len(_NOTES) + 2
    sheet.write_row(start, 0, heads)
    for line, name in enumerate(features, start=start + 1):
        said = texts.get(name, FeatureText(name, name))
        for place, cell in enumerate((name, said.text_zh, said.text_en, said.unit, _range(said))):
            sheet.write_string(line, place, cell)
