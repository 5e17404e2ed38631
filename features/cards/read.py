"""Read the tables of a card: filtered, ids as text, dates as dates, every column named by the card there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeGuard

import polars as pl

from features.cards.card import Card, EdgeTable, EventTable, GroupTable, MainTable, Scalar, Where
from features.cards.dates import as_dates
from features.cards.errors import CardTableError
from features.cards.typed import typed_columns
from features.sources import is_sheet, read_table

__all__ = ["LABEL", "PARTITION", "PARTY", "ROW", "TIME", "CardTables", "read_card_tables"]

ROW: Final = "__row"
PARTY: Final = "__party"
PARTITION: Final = "__partition"
TIME: Final = "__time"
LABEL: Final = "__label"
_NO_LABEL: Final = ("n/a", "na", "nan", "null", "none", "")


@dataclass(frozen=True)
class CardTables:
    """The tables as read: main with technical columns (row, party, partition, time, label), and the others by name.

    Every other table has `__party` (edges: `__source`, `__target`) as text, `__partition` and `__time`.
    """

    main: pl.DataFrame
    events: dict[str, pl.DataFrame]
    edges: dict[str, pl.DataFrame]
    groups: dict[str, pl.DataFrame]
    id_column: str | None
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> bool:
        """Say whether the main table has a label."""
        return LABEL in self.main.columns


def read_card_tables(card: Card, *, label: bool) -> CardTables:
    """Read what the card names. With `label`, rows without an outcome are left out, and that is noted.

    Raises CardTableError naming the table, the column or the row, and what to do.
    """
    main, notes = _read_main(card, label=label)
    return CardTables(
        main=main,
        events={t.title: _read_events(card, t) for t in card.events},
        edges={t.title: _read_edges(card, t) for t in card.edges},
        groups={t.title: _read_groups(card, t) for t in card.groups},
        id_column=card.main.id,
        notes=tuple(notes),
    )


def _read_main(card: Card, *, label: bool) -> tuple[pl.DataFrame, list[str]]:
    table, spec = card.main.path.name, card.main
    frame = _read(card.at(spec.path), table)
    named = [c for c in (spec.id, spec.time, spec.partition, *spec.key, *spec.categorical) if c]
    if label:
        if spec.label is None:
            raise CardTableError(
                table,
                zh="训练需要标签列。请在卡片 [main] 中写 label。",
                en="training needs a label. Set label under [main] of the card.",
            )
        named.append(spec.label)
    if label and card.validation is not None and card.validation.split:
        named.append(card.validation.split)
    if label and card.label_known:
        named.append(card.label_known)
    _require(frame, table, named)
    frame = _where(frame, spec.where, table)
    if frame.is_empty():
        raise CardTableError(
            table,
            zh=f"没有行（筛选条件 {spec.where or '无'}）。请检查文件与 where。",
            en=f"no rows (filter {spec.where or 'none'}). Check the file and `where`.",
        )
    notes: list[str] = []
    frame = frame.with_row_index(ROW).with_columns(_partition(spec.partition).alias(PARTITION))
    party = party_text(frame, spec.id, table) if spec.id else pl.col(ROW).cast(pl.String)
    frame = frame.with_columns(party.alias(PARTY))
    if spec.time is not None:
        frame = frame.with_columns(_dates(frame, table, spec.time, spec.time_format))
        _require_dates(frame, table, spec.time)
    if label and spec.label is not None:
        frame, note = _labelled(frame, spec)
        notes += note
    _check_key(frame, spec, table)
    return frame, notes


def _require_dates(frame: pl.DataFrame, table: str, column: str) -> None:
    if frame[TIME].null_count():
        row = int(frame[TIME].is_null().arg_true()[0]) + 1
        raise CardTableError(
            table,
            zh=f"日期列“{column}”第 {row} 行为空或无法识别（共 {frame[TIME].null_count()} 行）。请补全。",
            en=f"date column '{column}' is empty or unreadable in row {row} ({frame[TIME].null_count()} rows). Fill it in.",
            columns=(column,),
        )


def _labelled(frame: pl.DataFrame, spec: MainTable) -> tuple[pl.DataFrame, list[str]]:
    column, table = str(spec.label), spec.path.name
    values = frame[column]
    known = values.is_not_null()
    if values.dtype == pl.String:
        known &= ~values.str.strip_chars().str.to_lowercase().is_in(_NO_LABEL).fill_null(value=False)
    kept = frame.filter(known)
    positive = spec.positive
    if positive is None:
        found = kept[column].cast(pl.Float64, strict=False).drop_nans()
        if found.null_count() or not set(found.unique().to_list()) <= {0.0, 1.0}:
            shown = ", ".join(map(str, kept[column].unique().sort().to_list()[:5]))
            raise CardTableError(
                table,
                zh=f"标签列“{column}”不是 0/1（有 {shown}）。请在 [main] 中写 positive = 表示违约的值。",
                en=f"label '{column}' is not 0/1 (it has {shown}). Set positive under [main] to the value of default.",
                columns=(column,),
            )
        label = pl.col(column).cast(pl.Float64)
    else:
        label = _is_one_of(frame.schema[column], column, [positive]).cast(pl.Float64)
    result = kept.with_columns(label.alias(LABEL))
    if result[LABEL].n_unique() < 2:  # noqa: PLR2004 - two classes
        raise CardTableError(
            table,
            zh=f"标签列“{column}”只有一类，无法训练。请检查标签、positive 与 where。",
            en=f"label '{column}' has one class only. Check the label, `positive` and `where`.",
            columns=(column,),
        )
    lost = frame.height - kept.height
    return result, [f"{lost} 行没有标签，未用 / {lost} rows have no label and are left out"] if lost else []


def _check_key(frame: pl.DataFrame, spec: MainTable, table: str) -> None:
    if spec.id is None and not spec.key:
        return
    key = list(spec.key) or [PARTITION, PARTY, *([TIME] if spec.time else [])]
    again = frame.filter(pl.struct(key).is_duplicated())
    if again.is_empty():
        return
    first = again.row(0, named=True)
    shown = ", ".join(
        str(first[c]) for c in (spec.key or (str(spec.id), *([spec.time] if spec.time else [])))
    )
    names = ", ".join(spec.key or (str(spec.id), *([spec.time] if spec.time else [])))
    raise CardTableError(
        table,
        zh=f"键（{names}）不唯一：{shown} 出现多次（共 {again.height} 行）。请去重，或在 [main] 中写 key = [...]。",
        en=f"key ({names}) is not unique: {shown} stands more than once ({again.height} rows in all). "
        "Remove duplicates or set key = [...] under [main].",
        columns=(names,),
    )


def _read_events(card: Card, spec: EventTable) -> pl.DataFrame:
    table = spec.path.name
    crosses = [c for pair in spec.crosses for c in pair]
    named = [spec.id, *(spec.categories or ()), *(spec.numeric or ()), *crosses]
    frame = _side(card, spec, [*named, *_given(spec.time)])
    dates = _dates(frame, table, spec.time, spec.time_format) if spec.time else _no_date()
    return frame.with_columns(party_text(frame, spec.id, table).alias(PARTY), dates)


def _read_edges(card: Card, spec: EdgeTable) -> pl.DataFrame:
    table = spec.path.name
    named = [spec.source, spec.target, *_given(spec.kind, spec.weight, spec.time, spec.until)]
    frame = _side(card, spec, named)
    if spec.kind is not None:
        dropped = [str(k) for k in spec.drop_kinds]
        frame = frame.filter(~pl.col(spec.kind).cast(pl.String).is_in(dropped))
    kind = pl.col(spec.kind).cast(pl.String).fill_null("missing") if spec.kind else pl.lit("edge")
    if spec.weight is not None and not frame.schema[spec.weight].is_numeric():
        raise _wrong_type(table, spec.weight, frame.schema[spec.weight])
    weight = pl.col(spec.weight).cast(pl.Float64) if spec.weight else pl.lit(None, pl.Float64)
    known = _dates(frame, table, spec.time, spec.time_format) if spec.time else _no_date()
    until = _dates(frame, table, spec.until, spec.time_format) if spec.until else _no_date()
    return frame.select(
        PARTITION,
        party_text(frame, spec.source, table).alias("src"),
        party_text(frame, spec.target, table).alias("dst"),
        kind.alias("kind"),
        weight.alias("weight"),
        known,
        until.alias("__until"),
    )


def _read_groups(card: Card, spec: GroupTable) -> pl.DataFrame:
    table = spec.path.name
    frame = _side(card, spec, [spec.id, spec.group, *_given(spec.kind)])
    kind = pl.col(spec.kind).cast(pl.String).fill_null("missing") if spec.kind else pl.lit("group")
    return frame.select(
        PARTITION,
        party_text(frame, spec.id, table).alias(PARTY),
        kind.alias("kind"),
        pl.col(spec.group).cast(pl.String).alias("group"),
    ).drop_nulls()


def _side(card: Card, spec: EventTable | EdgeTable | GroupTable, named: Sequence[str]) -> pl.DataFrame:
    """Read a table beside the main one; empty is allowed after the filter, as a book may have no events."""
    table = spec.path.name
    frame = _read(card.at(spec.path), table)
    _require(frame, table, [*named, *_given(spec.partition)])
    partition = spec.partition if spec.partition and card.main.partition else None
    return _where(frame, spec.where, table).with_columns(_partition(partition).alias(PARTITION))


def _read(path: Path, table: str) -> pl.DataFrame:
    if not path.exists():
        raise CardTableError(
            table,
            zh=f"文件不存在（{path}）。路径相对于卡片所在目录，请检查。",
            en=f"there is no such file ({path}). Paths are relative to the card; check it.",
        )
    frame = read_table(path)
    frame = typed_columns(frame) if is_sheet(path) else frame
    if not frame.width or frame.is_empty():
        raise CardTableError(
            table,
            zh="文件为空。请检查导出是否完整。",
            en="the file is empty. Check that the export is complete.",
        )
    return frame


def _require(frame: pl.DataFrame, table: str, named: Iterable[str]) -> None:
    missing = sorted({c for c in named if c not in frame.columns})
    if missing:
        has = ", ".join(frame.columns[:30])
        raise CardTableError(
            table,
            zh=f"缺少列 {', '.join(missing)}；现有列：{has}。请修改卡片或补充该列。",
            en=f"has no column {', '.join(missing)}; it has: {has}. Correct the card or add the column.",
            columns=missing,
        )


def _where(frame: pl.DataFrame, where: Where, table: str) -> pl.DataFrame:
    _require(frame, table, where)
    for column, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        frame = frame.filter(_is_one_of(frame.schema[column], column, values))
    return frame


def _is_one_of(dtype: pl.DataType, column: str, wanted: Sequence[Scalar]) -> pl.Expr:
    """Compare numbers as numbers and all else as text, so that "1" in a card meets 1 in a table and the reverse."""
    if dtype.is_numeric():
        numbers = [float(v) for v in wanted if _reads_as_number(v)]
        return pl.col(column).cast(pl.Float64).is_in(numbers)
    text = [str(v).lower() if isinstance(v, bool) else str(v) for v in wanted]
    return pl.col(column).cast(pl.String).is_in(text)


def _reads_as_number(value: Scalar) -> TypeGuard[int | float | str]:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def _given(*names: str | None) -> list[str]:
    return [n for n in names if n]


def _partition(column: str | None) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("missing") if column else pl.lit("all")


def _no_date() -> pl.Expr:
    return pl.lit(None, pl.Date).alias(TIME)


def party_text(frame: pl.DataFrame, column: str, table: str) -> pl.Expr:
    """Return ids as text, so that 188 in one file and "188" in another are one party; whole floats count as integers."""
    dtype = frame.schema[column]
    values = frame[column]
    if values.null_count():
        row = int(values.is_null().arg_true()[0]) + 1
        raise CardTableError(
            table,
            zh=f"编号列“{column}”第 {row} 行为空（共 {values.null_count()} 行）。请补全。",
            en=f"id column '{column}' is empty in row {row} ({values.null_count()} rows). Fill it in.",
            columns=(column,),
        )
    if dtype.is_float():
        if not ((values == values.round()) & values.is_finite()).all():
            raise _wrong_type(table, column, dtype)
        return pl.col(column).cast(pl.Int64).cast(pl.String)
    if not (dtype.is_integer() or dtype in (pl.String, pl.Categorical) or isinstance(dtype, pl.Enum)):
        raise _wrong_type(table, column, dtype)
    return pl.col(column).cast(pl.String)


def _wrong_type(table: str, column: str, dtype: pl.DataType) -> CardTableError:
    return CardTableError(
        table,
        zh=f"列“{column}”的类型 {dtype} 不合用。编号应为文本或整数，权重应为数值。",
        en=f"column '{column}' has type {dtype}. Ids must be text or integers, weights numbers.",
        columns=(column,),
    )


def _dates(frame: pl.DataFrame, table: str, column: str, form: str | None) -> pl.Series:
    dates = as_dates(frame[column], form)
    if dates is None:
        raise CardTableError(
            table,
            zh=f'列“{column}”不是日期（如 {frame[column][0]}）。请在卡片中写 time_format，例如 "%m/%d/%Y"。',
            en=f"column '{column}' holds no dates (such as {frame[column][0]}). Set time_format, such as \"%m/%d/%Y\".",
            columns=(column,),
        )
    return dates.alias(TIME)
