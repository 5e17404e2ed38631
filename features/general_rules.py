"""Rules that follow from the declaration of a table: readable, required, range, choice, reference, key."""

from collections.abc import Iterator
from datetime import date
from typing import Final

import polars as pl

from features.tables.contract import Column, Contract, Rule, Text

__all__ = [
    "CONFLICT_MARK",
    "REPEATED_MARK",
    "SURPLUS_MARK",
    "dangling_mark",
    "general_rules",
    "infinite_mark",
    "range_text",
    "structural_rules",
    "type_text",
    "unreadable_mark",
]

_TYPES: Final = {
    pl.String: Text("文本", "text"),
    pl.Float64: Text("数字", "number"),
    pl.Int32: Text("整数", "whole number"),
    pl.Boolean: Text("是／否（true／false）", "true or false"),
    pl.Date: Text("日期（年-月-日）", "day (YYYY-MM-DD)"),
    pl.Datetime: Text("时间（年-月-日 时:分:秒）", "moment (YYYY-MM-DD hh:mm:ss)"),
}
_AGAINST_DOCUMENT: Final = Text(
    "对照原始凭证改正，并核对单位", "correct it against the document, and check the unit"
)

CONFLICT_MARK: Final = "key.conflict"
REPEATED_MARK: Final = "key.repeated"
SURPLUS_MARK: Final = "row.surplus"


def unreadable_mark(column: str) -> str:
    """Name the column that marks cells of another which could not be read."""
    return f"{column}.unreadable"


def infinite_mark(column: str) -> str:
    """Name the column that marks infinite values of another."""
    return f"{column}.infinite"


def dangling_mark(column: str) -> str:
    """Name the column that marks references of another to nowhere."""
    return f"{column}.dangling"


def type_text(column: Column) -> Text:
    """Return what a column's type is called."""
    return _TYPES[column.dtype.base_type()]


def range_text(column: Column) -> Text | None:
    """Return the range of a column in words; None when it has none."""
    low = Text(f"不小于 {_shown(column.minimum)}", f"at least {_shown(column.minimum)}")
    if column.above is not None:
        low = Text(f"大于 {_shown(column.above)}", f"above {_shown(column.above)}")
    high = Text(f"不大于 {_shown(column.maximum)}", f"at most {_shown(column.maximum)}")
    has_low, has_high = column.minimum is not None or column.above is not None, column.maximum is not None
    if has_low and has_high:
        return Text(f"{low.zh}且{high.zh}", f"{low.en} and {high.en}")
    if has_low:
        return low
    return high if has_high else None


def general_rules(column: Column) -> Iterator[Rule]:
    """Yield the rules that the declaration of a column implies; they see values of the contract's type."""
    value, label = pl.col(column.name), column.label
    if not column.nullable:
        yield Rule(
            name="required",
            columns=(column.name,),
            broken=value.is_null(),
            text=Text(f"“{label.zh}”不能为空", f"'{label.en}' must not be empty"),
            remedy=Text("补填该值", "fill in the value"),
        )
    if column.dtype.is_float():
        yield Rule(
            name="finite",
            columns=(column.name,),
            broken=pl.col(infinite_mark(column.name)),
            text=Text(f"“{label.zh}”不能是无穷大或非数", f"'{label.en}' must not be infinite or NaN"),
            remedy=Text(
                "检查除以零的公式；没有数据时留空",
                "look for a division by zero; leave it empty when there is no value",
            ),
        )
    limits = range_text(column)
    if limits is not None:
        yield Rule(
            name="range",
            columns=(column.name,),
            broken=_outside(column),
            text=Text(f"“{label.zh}”应{limits.zh}", f"'{label.en}' must be {limits.en}"),
            remedy=_AGAINST_DOCUMENT,
        )
    if column.choices and not column.others_allowed:
        codes = ", ".join(column.choices)
        yield Rule(
            name="choice",
            columns=(column.name,),
            broken=~value.is_in(list(column.choices)),
            text=Text(f"“{label.zh}”应为：{codes}", f"'{label.en}' must be one of: {codes}"),
            remedy=Text(
                "改为其中一个代码（模板中有下拉列表）", "use one of the codes (the template has a list)"
            ),
        )


def structural_rules(contract: Contract) -> Iterator[Rule]:
    """Yield the rules about reading, references and the key; the check marks where they are broken."""
    for column in contract.columns:
        type_ = type_text(column)
        yield Rule(
            name="readable",
            columns=(column.name,),
            broken=pl.col(unreadable_mark(column.name)),
            text=Text(f"“{column.label.zh}”应为{type_.zh}", f"'{column.label.en}' must be a {type_.en}"),
            remedy=Text("按要求的格式改写该单元格", "rewrite the cell in the format asked for"),
        )
        if column.references:
            target = column.references
            yield Rule(
                name="reference",
                columns=(column.name,),
                broken=pl.col(dangling_mark(column.name)),
                text=Text(
                    f"“{column.label.zh}”应存在于表 {target.table} 的 {target.column}",
                    f"'{column.label.en}' must occur in table {target.table}, column {target.column}",
                ),
                remedy=Text(
                    f"改正编号，或先在表 {target.table} 中补录",
                    f"correct the id, or record it in {target.table} first",
                ),
            )
    key = ", ".join(contract.key)
    yield Rule(
        name="key_conflict",
        columns=contract.key,
        broken=pl.col(CONFLICT_MARK),
        text=Text(f"主键重复且内容不同：{key}", f"rows of one key differ: {key}"),
        remedy=Text(
            "确认哪一行正确，删除其余行，或改正编号",
            "find out which row is right; delete the others or correct their key",
        ),
    )
    yield Rule(
        name="row_repeated",
        columns=contract.key,
        broken=pl.col(REPEATED_MARK),
        text=Text("与前面某行完全相同", "the row repeats an earlier one"),
        remedy=Text("删除重复行；首行已采用", "delete the repetition; the first of them was taken"),
    )
    yield Rule(
        name="surplus_cells",
        columns=(),
        broken=pl.col(SURPLUS_MARK),
        text=Text("该行的单元格多于表头", "the line has more cells than the header"),
        remedy=Text("含逗号的内容要加英文双引号", "put double quotes around text that contains a comma"),
    )


def _outside(column: Column) -> pl.Expr:
    """Return where a value lies outside the range."""
    value = pl.col(column.name)
    outside = pl.lit(value=False)
    if column.minimum is not None:
        outside |= value < column.minimum
    if column.above is not None:
        outside |= value <= column.above
    if column.maximum is not None:
        outside |= value > column.maximum
    return outside


def _shown(limit: float | date | None) -> str:
    """Return a limit as it is printed."""
    return f"{limit:g}" if isinstance(limit, int | float) else str(limit)
