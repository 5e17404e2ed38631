"""The label of a card's main table: which rows have one, which mean default, which fit neither."""

from typing import Final

import polars as pl

from features.cards.card import MainTable, Scalar
from features.cards.errors import CardTableError
from features.cards.matching import is_one_of, listed
from features.cards.rows import first_rows, note

__all__ = ["LABEL", "labelled"]

LABEL: Final = "__label"
_NO_LABEL: Final = ("n/a", "na", "nan", "null", "none", "")
_SHOWN: Final = 8


def labelled(frame: pl.DataFrame, spec: MainTable) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows that have an outcome with `__label` (1.0 default), and a note that counts the others.

    Raises CardTableError when the values are not 0/1 and the card does not say what they mean, or when one of them is
    neither `positive` nor `negative`: a value that nobody explained is no good outcome.
    """
    column, table = str(spec.label), spec.path.name
    values = frame[column]
    missing = values.is_null()
    if values.dtype == pl.String:
        missing |= values.str.strip_chars().str.to_lowercase().is_in(_NO_LABEL).fill_null(value=False)
    if values.dtype.is_float():
        missing |= values.is_nan().fill_null(value=False)
    kept = frame.filter(~missing)
    label = (
        _zero_one(kept, column, table)
        if spec.positive is None
        else _named(kept, spec, listed(spec.positive), table)
    )
    result = kept.with_columns(label.alias(LABEL))
    if result[LABEL].n_unique() < 2:  # noqa: PLR2004 - two classes
        raise CardTableError(
            table,
            zh=f"标签列“{column}”只有一类（{_counts(kept[column])}），无法训练。请检查标签、positive 与 where。",
            en=f"label '{column}' has one class only ({_counts(kept[column])}). "
            "Check the label, `positive` and `where`.",
            columns=(column,),
        )
    if not missing.any():
        return result, []
    lost, rows = int(missing.sum()), first_rows(frame, missing)
    return result, [
        note(
            f"{lost} 行没有标签，未用（{_counts(values.filter(missing))}；第 {rows} 行）",
            f"{lost} rows have no label and are left out ({_counts(values.filter(missing))}; rows {rows})",
        )
    ]


def _zero_one(kept: pl.DataFrame, column: str, table: str) -> pl.Series:
    values = kept[column].str.strip_chars() if kept.schema[column] == pl.String else kept[column]
    found = values.cast(pl.Float64, strict=False)
    if found.null_count() or not set(found.unique().to_list()) <= {0.0, 1.0}:
        shown = _counts(values)
        raise CardTableError(
            table,
            zh=f"标签列“{column}”不是 0/1（有 {shown}）。请在 [main] 中写 positive = 表示违约的值。",
            en=f"label '{column}' is not 0/1 (it has {shown}). Set positive under [main] to the value of default.",
            columns=(column,),
        )
    return found


def _named(kept: pl.DataFrame, spec: MainTable, positive: list[Scalar], table: str) -> pl.Series:
    column, dtype = str(spec.label), kept.schema[str(spec.label)]
    bad = kept.select(is_one_of(dtype, column, positive))[column]
    good = ~bad
    if spec.negative is not None:
        good = kept.select(is_one_of(dtype, column, listed(spec.negative)))[column]
    both = bad & good
    if both.any():
        raise CardTableError(
            table,
            zh=f"标签值 {_counts(kept[column].filter(both))} 同时写在 positive 与 negative 中。请只保留一处。",
            en=f"label values {_counts(kept[column].filter(both))} stand in both positive and negative. Keep one.",
            columns=(column,),
        )
    unexplained = ~(bad | good)
    if spec.negative is None and _trimmed(kept[column].filter(good)).n_unique() > 1:
        unexplained = good
    if unexplained.any():
        shown = _counts(kept[column].filter(unexplained))
        where = first_rows(kept, unexplained)
        raise CardTableError(
            table,
            zh=f"标签列“{column}”除 positive 外还有 {shown}（第 {where} 行）。请在 [main] 中写 negative = [表示未违约的值]，"
            "其余的行用 where 排除。",
            en=f"label '{column}' has, beside positive, {shown} (rows {where}). Set negative = [values that mean "
            "no default] under [main], and leave other rows out with `where`.",
            columns=(column,),
        )
    return bad.cast(pl.Float64)


def _trimmed(values: pl.Series) -> pl.Series:
    return values.str.strip_chars() if values.dtype == pl.String else values


def _counts(values: pl.Series) -> str:
    """Return the values with how often each stands, the most frequent first."""
    counts = _trimmed(values).cast(pl.String).alias("v").to_frame().group_by("v").len()
    rows = counts.sort("len", "v", descending=[True, False]).rows()
    more = ", …" if len(rows) > _SHOWN else ""
    return ", ".join(f"{v if v is not None else 'null'}: {n}" for v, n in rows[:_SHOWN]) + more
