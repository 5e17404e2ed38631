"""Read the tables of a card: filtered, ids as text, dates as dates, every column named by the card there."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from features.cards.card import Card, EdgeTable, EventTable, GroupTable, MainTable, Where
from features.cards.date_columns import DateReader
from features.cards.errors import CardTableError
from features.cards.matching import is_one_of, listed
from features.cards.outcomes import LABEL, labelled
from features.cards.rows import LINE, first_rows, named_cells, note, numbered
from features.cards.typed import PERCENT, typed_columns
from features.sources import is_sheet, read_table

__all__ = ["LABEL", "PARTITION", "PARTY", "ROW", "TIME", "CardTables", "read_card_tables"]

ROW: Final = "__row"
PARTY: Final = "__party"
PARTITION: Final = "__partition"
TIME: Final = "__time"
UNTIL: Final = "__until"


@dataclass(frozen=True)
class CardTables:
    """The tables as read: main with technical columns (row, party, partition, time, label), and the others by name.

    Every other table has `__party` (edges: `src`, `dst`) as text, `__partition` and `__time`. `formats` are those that
    text was read in, by role ("main.<column>", "<title>.__time", "<title>.__until"): of dates, and PERCENT.
    """

    main: pl.DataFrame
    events: dict[str, pl.DataFrame]
    edges: dict[str, pl.DataFrame]
    groups: dict[str, pl.DataFrame]
    id_column: str | None
    notes: tuple[str, ...] = ()
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Say whether the main table has a label."""
        return LABEL in self.main.columns


def read_card_tables(card: Card, *, label: bool, formats: Mapping[str, str] | None = None) -> CardTables:
    """Read what the card names. With `label`, rows without an outcome are left out, and that is noted.

    `formats` are the date formats of the training (`RelationalState.date_formats`); without them they are found in the
    data. Raises CardTableError naming the table, the column or the row, and what to do.
    """
    reader = _Reader(card, DateReader(formats))
    main = reader.main(label=label)
    return CardTables(
        main=main,
        events={t.title: reader.events(t) for t in card.events},
        edges={t.title: reader.edges(t) for t in card.edges},
        groups={t.title: reader.groups(t) for t in card.groups},
        id_column=card.main.id,
        notes=tuple(reader.dates.notes),
        formats=dict(reader.dates.formats),
    )


@dataclass(frozen=True)
class _Reader:
    card: Card
    dates: DateReader

    def main(self, *, label: bool) -> pl.DataFrame:
        spec = self.card.main
        table = spec.path.name
        frame = self._file(spec.path.name, spec, [*_given(spec.id, spec.time)])
        _require(frame, table, _main_columns(self.card, label=label))
        frame = _where(frame, spec.where, table)
        if frame.is_empty():
            raise CardTableError(
                table,
                zh=f"没有行（筛选条件 {spec.where or '无'}）。请检查文件与 where。",
                en=f"no rows (filter {spec.where or 'none'}). Check the file and `where`.",
            )
        frame = frame.with_row_index(ROW).with_columns(_partition(spec.partition).alias(PARTITION))
        party = party_text(frame, spec.id, table) if spec.id else pl.col(ROW).cast(pl.String)
        frame = frame.with_columns(party.alias(PARTY))
        if spec.time is not None:
            time = self.dates.read(frame, spec.time, table=table, role=f"main.{TIME}", form=spec.time_format)
            _require_dates(frame, time, table, spec.time)
            frame = frame.with_columns(time.alias(TIME))
        if label and spec.label is not None:
            frame, found = labelled(frame, spec)
            self.dates.notes.extend(found)
        _check_key(frame, spec, table)
        reserved = self.card.reserved() | {LINE, ROW, PARTITION, PARTY, TIME, LABEL}
        own = [c for c in frame.columns if c not in reserved]
        prefer = spec.time_format or self.dates.formats.get(f"main.{TIME}")
        return self.dates.read_own(frame, own, table=table, prefer=prefer, timed=spec.time is not None)

    def events(self, spec: EventTable) -> pl.DataFrame:
        table = spec.path.name
        crosses = [c for pair in spec.crosses for c in pair]
        named = [spec.id, *(spec.categories or ()), *(spec.numeric or ()), *crosses]
        frame = self._side(spec, [*named, *_given(spec.time)], [spec.id, *_given(spec.time)])
        time = self._known(frame, spec)
        return frame.with_columns(party_text(frame, spec.id, table).alias(PARTY), time).drop(LINE)

    def edges(self, spec: EdgeTable) -> pl.DataFrame:
        table = spec.path.name
        named = [spec.source, spec.target, *_given(spec.kind, spec.weight, spec.time, spec.until)]
        ids = [spec.source, spec.target, *_given(spec.time, spec.until)]
        frame = self._side(spec, named, ids)
        if spec.kind is not None and spec.drop_kinds:
            dropped = is_one_of(frame.schema[spec.kind], spec.kind, list(spec.drop_kinds))
            frame = frame.filter(~dropped.fill_null(value=False))
        kind = pl.col(spec.kind).cast(pl.String).fill_null("missing") if spec.kind else pl.lit("edge")
        weight = _weight(frame, spec.weight, table) if spec.weight else pl.lit(None, pl.Float64)
        until = pl.Series([None] * frame.height, dtype=pl.Date)
        if spec.until is not None:
            role = f"{spec.title}.{UNTIL}"
            until = self.dates.read(frame, spec.until, table=table, role=role, form=spec.time_format)
        return frame.select(
            PARTITION,
            party_text(frame, spec.source, table).alias("src"),
            party_text(frame, spec.target, table).alias("dst"),
            kind.alias("kind"),
            weight.alias("weight"),
            self._known(frame, spec),
            until.alias(UNTIL),
        )

    def groups(self, spec: GroupTable) -> pl.DataFrame:
        table = spec.path.name
        frame = self._side(spec, [spec.id, spec.group, *_given(spec.kind)], [spec.id, spec.group])
        kind = pl.col(spec.kind).cast(pl.String).fill_null("missing") if spec.kind else pl.lit("group")
        absent = frame[spec.group].is_null()
        if absent.any():
            rows = first_rows(frame, absent)
            self.dates.notes.append(
                note(
                    f"表“{table}”有 {absent.sum()} 行的“{spec.group}”为空，未用（第 {rows} 行）",
                    f"table '{table}': {absent.sum()} rows without '{spec.group}' are left out (rows {rows})",
                )
            )
        return frame.select(
            PARTITION,
            party_text(frame, spec.id, table).alias(PARTY),
            kind.alias("kind"),
            pl.col(spec.group).cast(pl.String).alias("group"),
        ).filter(~absent)

    def _known(self, frame: pl.DataFrame, spec: EventTable | EdgeTable) -> pl.Series:
        """Return when each row became known; rows without a date are counted where the date decides what is read."""
        if spec.time is None:
            return pl.Series(TIME, [None] * frame.height, dtype=pl.Date)
        table = spec.path.name
        role = f"{spec.title}.{TIME}"
        dates = self.dates.read(frame, spec.time, table=table, role=role, form=spec.time_format)
        if self.card.main.time is not None:
            self.dates.lost(frame, dates, spec.time, table)
        return dates.alias(TIME)

    def _side(
        self, spec: EventTable | EdgeTable | GroupTable, named: Sequence[str], text: Sequence[str]
    ) -> pl.DataFrame:
        """Read a table beside the main one; empty is allowed after the filter, as a book may have no events."""
        table = spec.path.name
        frame = self._file(table, spec, text)
        _require(frame, table, [*named, *_given(spec.partition)])
        partition = spec.partition if spec.partition and self.card.main.partition else None
        return _where(frame, spec.where, table).with_columns(_partition(partition).alias(PARTITION))

    def _file(
        self, table: str, spec: MainTable | EventTable | EdgeTable | GroupTable, text: Collection[str]
    ) -> pl.DataFrame:
        """Read a file with its rows numbered; columns in `text` keep the cells of a sheet as they are."""
        path = self.card.at(spec.path)
        if not path.exists():
            raise CardTableError(
                table,
                zh=f"文件不存在（{path}）。路径相对于卡片所在目录，请检查。",
                en=f"there is no such file ({path}). Paths are relative to the card; check it.",
            )
        frame = read_table(path)
        if not frame.width or frame.is_empty():
            raise CardTableError(
                table,
                zh="文件为空。请检查导出是否完整。",
                en="the file is empty. Check that the export is complete.",
            )
        if is_sheet(path):
            typed = typed_columns(frame, text=text)
            frame = typed.frame
            self.dates.notes.extend(_number_notes(table, typed.grouped, typed.percent))
            if spec is self.card.main:
                self.dates.formats.update({f"main.{c}": PERCENT for c in typed.percent})
        return numbered(frame, sheet=is_sheet(path))


def _number_notes(table: str, grouped: Sequence[str], percent: Sequence[str]) -> list[str]:
    out = []
    if grouped:
        names = ", ".join(grouped)
        out.append(
            note(
                f"表“{table}”列 {names} 的数字含千分位逗号，1,200 读作 1200",
                f"table '{table}', columns {names}: digits are grouped, 1,200 is read as 1200",
            )
        )
    if percent:
        names = ", ".join(percent)
        out.append(
            note(
                f"表“{table}”列 {names} 是百分数，12% 读作 0.12",
                f"table '{table}', columns {names}: percentages, 12% is read as 0.12",
            )
        )
    return out


def _main_columns(card: Card, *, label: bool) -> list[str]:
    table, spec = card.main.path.name, card.main
    named = [c for c in (spec.id, spec.time, spec.partition, *spec.key, *spec.categorical) if c]
    if not label:
        return named
    if spec.label is None:
        raise CardTableError(
            table,
            zh="训练需要标签列。请在卡片 [main] 中写 label。",
            en="training needs a label. Set label under [main] of the card.",
        )
    split = card.validation.split if card.validation is not None else None
    return [*named, spec.label, *_given(split, card.label_known)]


def _require_dates(frame: pl.DataFrame, dates: pl.Series, table: str, column: str) -> None:
    if dates.null_count():
        zh, en = named_cells(frame, column, dates.is_null())
        raise CardTableError(
            table,
            zh=f"日期列“{column}”为空或无法识别：{zh}。请补全。",
            en=f"date column '{column}' is empty or unreadable: {en}. Fill it in.",
            columns=(column,),
        )


def _check_key(frame: pl.DataFrame, spec: MainTable, table: str) -> None:
    if spec.id is None and not spec.key:
        return
    key = list(spec.key) or [PARTITION, PARTY, *([TIME] if spec.time else [])]
    again = frame.filter(pl.struct(key).is_duplicated())
    if again.is_empty():
        return
    first = again.row(0, named=True)
    rows = first_rows(again, again.select(pl.struct(key) == pl.struct(key).first()).to_series())
    shown = ", ".join(
        str(first[c]) for c in (spec.key or (str(spec.id), *([spec.time] if spec.time else [])))
    )
    names = ", ".join(spec.key or (str(spec.id), *([spec.time] if spec.time else [])))
    raise CardTableError(
        table,
        zh=f"键（{names}）不唯一：{shown} 出现多次（共 {again.height} 行，如第 {rows} 行）。请去重，或在 [main] 中写 key = [...]。",
        en=f"key ({names}) is not unique: {shown} stands more than once ({again.height} rows in all, such as rows {rows}). "
        "Remove duplicates or set key = [...] under [main].",
        columns=(names,),
    )


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
        frame = frame.filter(is_one_of(frame.schema[column], column, listed(wanted)))
    return frame


def _given(*names: str | None) -> list[str]:
    return [n for n in names if n]


def _partition(column: str | None) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("missing") if column else pl.lit("all")


def party_text(frame: pl.DataFrame, column: str, table: str) -> pl.Expr:
    """Return ids as text, so that 188 in one file and "188" in another are one party; whole floats count as integers."""
    dtype = frame.schema[column]
    text = pl.col(column).cast(pl.String).str.strip_chars()
    if dtype.is_float():
        values = frame[column]
        broken = values.is_not_null() & ~((values == values.round()) & values.is_finite())
        if broken.any():
            raise _wrong_type(frame, column, table, broken)
        text = pl.col(column).cast(pl.Int64).cast(pl.String)
    elif not (
        dtype.is_integer() or dtype in (pl.String, pl.Categorical, pl.Null) or isinstance(dtype, pl.Enum)
    ):
        raise _wrong_type(frame, column, table, frame[column].is_not_null())
    absent = frame.select((text.is_null() | (text == "")).alias(column))[column]
    if absent.any():
        rows = first_rows(frame, absent)
        raise CardTableError(
            table,
            zh=f"编号列“{column}”第 {rows} 行为空（共 {absent.sum()} 行）。请补全。",
            en=f"id column '{column}' is empty in row {rows} ({absent.sum()} rows). Fill it in.",
            columns=(column,),
        )
    return text


def _weight(frame: pl.DataFrame, column: str, table: str) -> pl.Expr:
    dtype = frame.schema[column]
    if not (dtype.is_numeric() or dtype == pl.Null):
        values = frame[column]
        broken = values.is_not_null() & values.cast(pl.String).cast(pl.Float64, strict=False).is_null()
        raise _wrong_type(frame, column, table, broken if broken.any() else values.is_not_null())
    return pl.col(column).cast(pl.Float64)


def _wrong_type(frame: pl.DataFrame, column: str, table: str, broken: pl.Series) -> CardTableError:
    dtype = frame.schema[column]
    cell_zh, cell_en = named_cells(frame, column, broken) if broken.any() else ("整列为空", "it is empty")
    return CardTableError(
        table,
        zh=f"列“{column}”（{dtype}）不合用：{cell_zh}。编号应为文本或整数，权重应为数值。请改正。",
        en=f"column '{column}' ({dtype}): {cell_en}. Ids must be text or integers, weights numbers. Correct it.",
        columns=(column,),
    )
