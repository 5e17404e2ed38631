"""Features from the main table's own columns: numbers, categories as codes, dates as days before the decision."""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from features.cards.card import Card
from features.cards.dates import as_dates
from features.cards.errors import CardTableError
from features.cards.read import LABEL, PARTITION, PARTY, ROW, TIME
from features.cards.rows import LINE, named_cells
from features.cards.state import Notice, OwnColumn, OwnKind, Values
from features.cards.typed import PERCENT

__all__ = ["candidate_columns", "fit_own", "own_features", "unit_notices"]

_TECHNICAL: Final = frozenset({LINE, ROW, PARTY, PARTITION, TIME, LABEL})
_MIN_CATEGORY_ROWS: Final = 20
_MAX_CATEGORIES: Final = 100
_MAX_RARE: Final = 2000  # kept so that a value seen before but rarely is not called new
_IDENTIFIER_SHARE: Final = (
    0.3  # text with this many distinct values per row names the row, it does not describe it
)


def candidate_columns(card: Card, main: pl.DataFrame) -> tuple[str, ...]:
    """Return the columns of the main table that may become features by the card."""
    out = card.reserved() | _TECHNICAL
    return tuple(c for c in main.columns if c not in out)


def fit_own(
    card: Card, train: pl.DataFrame, excluded: Sequence[str], formats: Mapping[str, str]
) -> tuple[list[OwnColumn], list[Notice]]:
    """Decide from the training rows what each own column becomes; say which are left out and why.

    `formats` are those that text was read in (`CardTables.formats`); each column keeps its own.
    """
    columns: list[OwnColumn] = []
    notices: list[Notice] = []
    for name in candidate_columns(card, train):
        if name in excluded:
            continue
        column, notice = _fit_column(card, train[name], name, formats.get(f"main.{name}"))
        columns += [column] if column else []
        notices += [notice] if notice else []
    return columns, notices


def _fit_column(
    card: Card, values: pl.Series, name: str, form: str | None
) -> tuple[OwnColumn | None, Notice | None]:
    table = card.main.path.name
    filled = values.drop_nulls()
    if values.dtype.is_float():
        filled = filled.filter(filled.is_finite())
    if filled.is_empty():
        return None, Notice(table, name, "整列缺失，未用", "all values are missing; left out")
    if filled.n_unique() == 1 and not values.null_count():
        return None, Notice(table, name, "取值恒定，未用", "constant; left out")
    dates = as_dates(values)
    if dates is not None:
        return _fit_date(card, name, form)
    if name in card.main.categorical or not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        return _fit_category(card, values, name)
    return OwnColumn(name=name, kind=OwnKind.NUMBER, percent=form == PERCENT), None


def _fit_date(card: Card, name: str, time_format: str | None) -> tuple[OwnColumn | None, Notice | None]:
    if card.main.time is not None:
        return OwnColumn(name=name, kind=OwnKind.DATE, time_format=time_format), None
    zh = "是日期；未写 main.time，无法换算为距决策日的天数，未用"
    en = "a date; without main.time it cannot be read as days before the decision; left out"
    return None, Notice(card.main.path.name, name, zh, en)


def _fit_category(card: Card, values: pl.Series, name: str) -> tuple[OwnColumn | None, Notice | None]:
    if not (
        values.dtype.is_numeric()
        or values.dtype in (pl.String, pl.Boolean, pl.Categorical)
        or isinstance(values.dtype, pl.Enum)
    ):
        return None, Notice(
            card.main.path.name,
            name,
            f"类型 {values.dtype} 不支持，未用",
            f"type {values.dtype} is not supported; left out",
        )
    text = category_text(values).drop_nulls()
    if text.n_unique() > _IDENTIFIER_SHARE * len(text) and name not in card.main.categorical:
        return None, Notice(
            card.main.path.name,
            name,
            "取值几乎每行不同（名称或编号），未用",
            "nearly every row has its own value (a name or a number); left out",
        )
    frequent = frequent_values(text)
    if len(frequent) < 1:
        return None, Notice(
            card.main.path.name,
            name,
            f"没有出现 {_MIN_CATEGORY_ROWS} 次以上的取值，未用",
            f"no value occurs {_MIN_CATEGORY_ROWS} times or more; left out",
        )
    rare = tuple(sorted(set(text.unique()) - set(frequent)))[:_MAX_RARE]
    return OwnColumn(name=name, kind=OwnKind.CATEGORY, categories=frequent, rare=rare), None


def frequent_values(
    text: pl.Series, least: int = _MIN_CATEGORY_ROWS, most: int = _MAX_CATEGORIES
) -> tuple[str, ...]:
    """Return the values that occur often enough, most frequent first, ties by name."""
    counts = text.alias("v").to_frame().group_by("v").len().filter(pl.col("len") >= least)
    return tuple(counts.sort("len", "v", descending=[True, False])["v"].head(most))


def category_text(values: pl.Series) -> pl.Series:
    """Return the values as trimmed text; whole floats as integers, as a missing value turns a column of codes to floats."""
    if values.dtype.is_float():
        whole = values.drop_nulls().drop_nans()
        values = values.fill_nan(None)
        if (whole == whole.round()).all():
            values = values.cast(pl.Int64, strict=False)
    return values.cast(pl.String).str.strip_chars()


def own_features(main: pl.DataFrame, columns: Sequence[OwnColumn], table: str, *, prefix: str = "") -> Values:
    """Return one Float64 column for each own column; codes of categories are their places in the vocabulary.

    A value outside the vocabulary becomes the code after the last (“other”); one never seen in training is named in
    a notice. Raises CardTableError when a column is missing or has become text.
    """
    missing = [c.name for c in columns if c.name not in main.columns]
    if missing:
        raise CardTableError(
            table,
            zh=f"缺少模型训练时用的列 {', '.join(missing)}。请补充这些列，或用现有列重新训练。",
            en=f"lacks columns the model was trained on: {', '.join(missing)}. Add them or train again without.",
            columns=missing,
        )
    out: list[pl.Series] = [main[ROW]]
    notices: list[Notice] = []
    for column in columns:
        values, found = _own_feature(main, column, table)
        out.append(values.alias(prefix + column.name))
        notices += found
    categorical = tuple(prefix + c.name for c in columns if c.kind is OwnKind.CATEGORY)
    return Values(pl.DataFrame(out), tuple(notices), categorical)


def unit_notices(columns: Sequence[OwnColumn], formats: Mapping[str, str], table: str) -> list[Notice]:
    """Name numbers that were percentages in training and are plain now, or the reverse: 12 is then not 12 %."""
    out: list[Notice] = []
    for column in columns:
        now = formats.get(f"main.{column.name}") == PERCENT
        if column.kind is not OwnKind.NUMBER or now == column.percent:
            continue
        words = (
            ("普通数值", "plain numbers"),
            ("百分数（12% 读作 0.12）", "percentages (12% is read as 0.12)"),
        )
        (then_zh, then_en), (now_zh, now_en) = words[column.percent], words[now]
        zh = f"训练时为{then_zh}，现为{now_zh}；请确认单位一致"
        en = f"held {then_en} in training and holds {now_en} now; make sure that the unit is the same"
        out.append(Notice(table, column.name, zh, en))
    return out


def _own_feature(main: pl.DataFrame, column: OwnColumn, table: str) -> tuple[pl.Series, list[Notice]]:
    values = main[column.name]
    if column.kind is OwnKind.CATEGORY:
        return _codes(values, column, table)
    if column.kind is OwnKind.DATE:
        dates = as_dates(values, column.time_format)
        if dates is None:
            if values.null_count() < len(values):
                raise _no_date(main, column.name, table)
            dates = pl.Series([None] * len(values), dtype=pl.Date)
        return (main[TIME] - dates).dt.total_days().cast(pl.Float64), _all_missing(dates, table, column.name)
    if not (values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null)):
        raise _no_number(main, column.name, table)
    return _number(values, table, column.name)


def _no_number(main: pl.DataFrame, column: str, table: str) -> CardTableError:
    values = main[column]
    broken = values.is_not_null()
    if values.dtype == pl.String:
        unread = broken & values.str.strip_chars().cast(pl.Float64, strict=False).is_null()
        broken = unread if unread.any() else broken
    zh, en = named_cells(main, column, broken) if broken.any() else ("整列为空", "it is empty")
    return CardTableError(
        table,
        zh=f"列“{column}”应为数值，现为 {values.dtype}：{zh}。请修正。",
        en=f"column '{column}' must be numeric, is {values.dtype}: {en}. Correct it.",
        columns=(column,),
    )


def _no_date(main: pl.DataFrame, column: str, table: str) -> CardTableError:
    zh, en = named_cells(main, column, main[column].is_not_null())
    return CardTableError(
        table,
        zh=f"列“{column}”在训练时是日期，现不是：{zh}。请改为日期。",
        en=f"column '{column}' held dates in training and holds none now: {en}. Write dates.",
        columns=(column,),
    )


def _number(values: pl.Series, table: str, name: str) -> tuple[pl.Series, list[Notice]]:
    numbers = values.cast(pl.Float64)
    infinite = int(numbers.is_infinite().sum())
    cleaned = numbers.to_frame("v").select(pl.when(pl.col("v").is_finite()).then("v"))["v"]
    notices = _all_missing(cleaned, table, name)
    if infinite:
        row = int(numbers.is_infinite().arg_true()[0]) + 1
        notices.append(
            Notice(
                table,
                name,
                f"有 {infinite} 个无穷大的值（首见第 {row} 行），按缺失处理；请检查除数为零",
                f"{infinite} infinite values (first in row {row}) count as missing; look for a division by zero",
            )
        )
    return cleaned, notices


def _all_missing(values: pl.Series, table: str, name: str) -> list[Notice]:
    if len(values) and values.null_count() == len(values):
        return [
            Notice(
                table,
                name,
                "整列缺失，按缺失计分；结果可靠性下降",
                "all values are missing; scored as missing, less reliable",
            )
        ]
    return []


def _codes(values: pl.Series, column: OwnColumn, table: str) -> tuple[pl.Series, list[Notice]]:
    """Return each value's place in the vocabulary, the place after the last for others, null for missing."""
    text = category_text(values)
    coded = place_codes(text, column.categories)
    known = {*column.categories, *column.rare}
    notices = _all_missing(text, table, column.name)
    if len(column.rare) < _MAX_RARE:
        notices += unseen_notice(text, known, table, column.name)
    return coded, notices


def place_codes(text: pl.Series, categories: Sequence[str]) -> pl.Series:
    """Return each text's place in the vocabulary, the place after the last for others, null for missing."""
    place = {v: float(i) for i, v in enumerate(categories)}
    coded = text.replace_strict(place, default=float(len(place)), return_dtype=pl.Float64)
    return pl.DataFrame({"t": text, "c": coded}).select(pl.when(pl.col("t").is_not_null()).then("c"))["c"]


def unseen_notice(text: pl.Series, known: set[str], table: str, name: str) -> list[Notice]:
    """Name the values that are not among the known ones."""
    new = text.filter(text.is_not_null() & ~text.is_in(sorted(known)))
    if new.is_empty():
        return []
    shown = ", ".join(sorted(set(new.to_list()))[:5])
    return [
        Notice(
            table,
            name,
            f"有训练时未学到的取值（{shown}；共 {len(new)} 行），计入“其他”",
            f"values that training did not learn ({shown}; {len(new)} rows) count as other",
        )
    ]
