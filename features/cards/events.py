"""Features from event tables: counts and shares by category, crossings, and figures of numeric columns."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from features.cards.card import EventTable
from features.cards.dates import as_dates
from features.cards.errors import CardTableError
from features.cards.own import category_text, frequent_values
from features.cards.read import PARTITION, PARTY, ROW, TIME
from features.cards.state import EventState
from features.cards.sums import known_sums

__all__ = ["audited_columns", "checked_events", "event_features", "fit_events"]

_MAX_VOCABULARY: Final = 30
_MAX_CODES: Final = 15  # an integer column with so few values is taken for a code
_MIN_ROWS: Final = 20
_RECENT_DAYS: Final = (90, 365)
_TECHNICAL: Final = frozenset({PARTITION, PARTY, TIME})
_OTHER: Final = "other"


def audited_columns(spec: EventTable, events: pl.DataFrame) -> tuple[str, ...]:
    """Return the columns of an event table that the card's author might use, whether named in the card or not."""
    out = {spec.id, spec.time, spec.partition, *spec.drop, *spec.where} | _TECHNICAL
    return tuple(c for c in events.columns if c not in out)


def fit_events(spec: EventTable, events: pl.DataFrame, excluded: Sequence[str]) -> EventState:
    """Decide from the training events which columns are categories, which are numbers, and what is crossed."""
    columns = [c for c in audited_columns(spec, events) if c not in excluded]
    named = spec.categories is not None or spec.numeric is not None
    categories = list(spec.categories or ()) if named else [c for c in columns if _is_code(events[c])]
    numeric = (
        list(spec.numeric or ())
        if named
        else [c for c in columns if c not in categories and _is_number(events[c])]
    )
    kept = [c for c in categories if c not in excluded]
    vocabularies = {
        c: frequent_values(category_text(events[c]).drop_nulls(), _MIN_ROWS, _MAX_VOCABULARY) for c in kept
    }
    vocabularies = {c: v for c, v in vocabularies.items() if v}
    return EventState(
        categories=vocabularies,
        numeric=tuple(c for c in numeric if c not in excluded),
        crosses=tuple(p for p in spec.crosses if p[0] in vocabularies and p[1] in vocabularies),
    )


def _is_code(values: pl.Series) -> bool:
    if as_dates(values) is not None:
        return False
    if values.dtype in (pl.String, pl.Boolean, pl.Categorical) or isinstance(values.dtype, pl.Enum):
        return True
    return values.dtype.is_integer() and values.n_unique() <= _MAX_CODES


def _is_number(values: pl.Series) -> bool:
    return values.dtype.is_numeric()


def checked_events(spec: EventTable, events: pl.DataFrame, state: EventState) -> pl.DataFrame:
    """Return the events with their figures as Float64.

    Raises CardTableError naming the table, the column, the row and the cell that is no number, or a missing column.
    """
    missing = [c for c in (*state.categories, *state.numeric) if c not in events.columns]
    if missing:
        raise CardTableError(
            spec.path.name,
            zh=f"缺少模型训练时用的列 {', '.join(missing)}。请补充这些列，或用现有列重新训练。",
            en=f"lacks columns the model was trained on: {', '.join(missing)}. Add them or train again without.",
            columns=missing,
        )
    return events.with_columns(_figures(spec, events[c]) for c in state.numeric)


def _figures(spec: EventTable, values: pl.Series) -> pl.Series:
    """Return a column as numbers; text counts where every cell reads as one."""
    if values.dtype.is_numeric() or values.dtype in (pl.Boolean, pl.Null):
        return values.cast(pl.Float64)
    numbers = (
        values.str.strip_chars().cast(pl.Float64, strict=False)
        if values.dtype == pl.String
        else pl.Series(values.name, [None] * len(values), dtype=pl.Float64)
    )
    wrong = (numbers.is_null() & values.is_not_null()).arg_true()
    if wrong.is_empty():
        return numbers
    row, cell, table = int(wrong[0]) + 1, values[int(wrong[0])], spec.path.name
    kept_zh, kept_en = ("（按 where 筛选后）", " (of those that `where` keeps)") if spec.where else ("", "")
    raise CardTableError(
        table,
        zh=f"数值列“{values.name}”第 {row} 行{kept_zh}的“{cell}”不是数值（类型 {values.dtype}，共 {len(wrong)} 行）。"
        "请修正，或从卡片的 numeric 中去掉该列。",
        en=f"numeric column '{values.name}' has '{cell}' in row {row}{kept_en}, which is no number (type {values.dtype}, "
        f"{len(wrong)} rows). Correct it, or take the column out of `numeric`.",
        columns=(values.name,),
    )


def event_features(
    name: str, rows: pl.DataFrame, events: pl.DataFrame, state: EventState, *, dated: bool
) -> pl.DataFrame:
    """Return one row per row of `rows` (`__row`, `__partition`, `__party`, `__time`) with this table's features.

    With `dated`, only events known before the row's date count. No event: counts are 0, shares and figures are null.
    """
    joined = rows.select(ROW, PARTITION, PARTY, TIME).join(
        events, on=[PARTITION, PARTY], how="inner", suffix="_event"
    )
    if dated:
        joined = joined.filter(pl.col(f"{TIME}_event") < pl.col(TIME))
    joined = joined.with_columns(
        _in_vocabulary(category_text(joined[column]), vocabulary).alias(f"__cat_{column}")
        for column, vocabulary in state.categories.items()
    )
    totals = joined.group_by(ROW, maintain_order=True).agg(_totals(name, state, dated=dated))
    frame = rows.select(ROW).join(totals, on=ROW, how="left", maintain_order="left")
    frame = frame.with_columns(_sums_and_means(name, rows[ROW], joined, state.numeric))
    return _shares(frame.with_columns(pl.col(_counts(name, state, dated=dated)).fill_null(0.0)), name, state)


def _in_vocabulary(text: pl.Series, vocabulary: Sequence[str]) -> pl.Series:
    table = {v: v for v in vocabulary}
    return text.fill_null("missing").replace_strict(table, default=_OTHER, return_dtype=pl.String)


def _totals(name: str, state: EventState, *, dated: bool) -> list[pl.Expr]:
    out = [pl.len().cast(pl.Float64).alias(f"{name}.n")]
    for column, vocabulary in state.categories.items():
        mark = pl.col(f"__cat_{column}")
        out += [
            (mark == v).sum().cast(pl.Float64).alias(f"{name}.{column}={v}") for v in (*vocabulary, _OTHER)
        ]
        out.append(mark.n_unique().cast(pl.Float64).alias(f"{name}.{column}.kinds"))
    for a, b in state.crosses:
        for va in state.categories[a]:
            for vb in state.categories[b]:
                both = (pl.col(f"__cat_{a}") == va) & (pl.col(f"__cat_{b}") == vb)
                out.append(both.sum().cast(pl.Float64).alias(f"{name}.{a}={va}&{b}={vb}"))
    for column in state.numeric:
        value = pl.col(column).cast(pl.Float64)
        value = pl.when(value.is_finite()).then(value)
        out += [value.max().alias(f"{name}.{column}.max"), value.min().alias(f"{name}.{column}.min")]
    if dated:
        ago = (pl.col(TIME) - pl.col(f"{TIME}_event")).dt.total_days()
        out += [(ago <= d).sum().cast(pl.Float64).alias(f"{name}.n_{d}d") for d in _RECENT_DAYS]
        out.append(ago.min().cast(pl.Float64).alias(f"{name}.days_since"))
    return out


def _sums_and_means(
    name: str, rows: pl.Series, joined: pl.DataFrame, numeric: Sequence[str]
) -> list[pl.Series]:
    out: list[pl.Series] = []
    size = int(rows.max() or 0) + 1  # type: ignore[arg-type]
    asked = rows.to_numpy()
    for column in numeric:
        # Sorted, so that the order of the file moves no bit either.
        ordered = joined.select(ROW, pl.col(column).cast(pl.Float64)).sort(ROW, column)
        sums, counts = (part[asked] for part in known_sums(ordered[ROW], ordered[column], size))
        some = counts > 0
        mean = np.where(some, sums / np.where(some, counts, 1.0), np.nan)
        out.append(pl.Series(f"{name}.{column}.mean", mean, nan_to_null=True))
        out.append(pl.Series(f"{name}.{column}.sum", np.where(some, sums, np.nan), nan_to_null=True))
    return out


def _counts(name: str, state: EventState, *, dated: bool) -> list[str]:
    out = [f"{name}.n", *(f"{name}.n_{d}d" for d in _RECENT_DAYS if dated)]
    for column, vocabulary in state.categories.items():
        out += [f"{name}.{column}={v}" for v in (*vocabulary, _OTHER)] + [f"{name}.{column}.kinds"]
    for a, b in state.crosses:
        out += [f"{name}.{a}={va}&{b}={vb}" for va in state.categories[a] for vb in state.categories[b]]
    return out


def _shares(frame: pl.DataFrame, name: str, state: EventState) -> pl.DataFrame:
    n = pl.col(f"{name}.n")
    return frame.with_columns(
        pl.when(n > 0).then(pl.col(f"{name}.{c}={v}") / n).alias(f"{name}.{c}={v}.share")
        for c, vocabulary in state.categories.items()
        for v in vocabulary
    )
