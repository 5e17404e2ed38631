"""Turn a panel into the arrays that members learn from, and remember what its texts were coded as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from features.demand import Panel
from models.demand.series import FloatArray, IntArray, Series

__all__ = ["Codes", "codes_of", "series_of"]

_FLAG_VALUES: Final = 2

Codes = Mapping[str, Sequence[str]]
"""Texts of each categorical column; a text's place is its code."""


@dataclass(frozen=True)
class _Grid:
    """Where a long frame's rows lie in right-aligned arrays of `width` columns and `ahead` more."""

    ids: tuple[str, ...]
    last: IntArray
    width: int
    ahead: int

    def place(self, frame: pl.DataFrame, column: str, codes: Codes, into: FloatArray) -> None:
        """Write a column's values where their series and periods say."""
        rows = frame["unique_id"].replace_strict(self.ids, np.arange(len(self.ids)), default=None)
        columns = frame["period"].to_numpy() - self.last[rows.fill_null(0).to_numpy()] + self.width - 1
        values = _numbers(frame[column], codes.get(column))
        inside = rows.is_not_null().to_numpy() & (columns >= 0) & (columns < into.shape[1])
        into[rows.fill_null(0).to_numpy()[inside], columns[inside]] = values[inside]

    def empty(self, ahead: int) -> FloatArray:
        """Return an array of NaN that reaches `ahead` periods past each series' end."""
        return np.full((len(self.ids), self.width + ahead), np.nan)


def codes_of(panel: Panel) -> dict[str, list[str]]:
    """List the texts of every driver and static column that is not a number, sorted: what they are coded by."""
    frames = [panel.frame.select(panel.known + panel.past), panel.future.select(panel.known)]
    if panel.static is not None:
        frames.append(panel.static.drop("unique_id"))
    texts: dict[str, set[str]] = {}
    for frame in frames:
        for column in frame.iter_columns():
            if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
                texts.setdefault(column.name, set()).update(column.cast(pl.String).drop_nulls().unique())
    return {name: sorted(values) for name, values in sorted(texts.items())}


def series_of(panel: Panel, horizon: int, codes: Codes) -> Series:
    """Return the panel as right-aligned arrays; known drivers reach `horizon` periods ahead.

    Where a driver is not given for a coming period, its last value is carried on (a price stays what it is); of flags and
    texts the most common value is taken (no promotion is planned). A member that saw a driver in every period of the past
    would otherwise take its absence for news.
    """
    ends = panel.frame.group_by("unique_id").agg(pl.col("period").max(), pl.len()).sort("unique_id")
    grid = _Grid(
        tuple(ends["unique_id"].to_list()),
        ends["period"].to_numpy().astype(np.int64),
        int(np.asarray(ends["len"].max() or 0)),
        horizon,
    )
    y, observed = grid.empty(0), grid.empty(0)
    grid.place(panel.frame, "y", codes, y)
    grid.place(panel.frame, "observed", codes, observed)
    known = {name: grid.empty(horizon) for name in panel.known}
    for name, values in tuple(known.items()):
        grid.place(panel.frame, name, codes, values)
        grid.place(panel.future, name, codes, values)
        known[name] = _carried_on(values, grid.width, usual=_is_flag(panel.frame[name]))
    past = {name: grid.empty(0) for name in panel.past}
    for name, values in past.items():
        grid.place(panel.frame, name, codes, values)
    return Series(
        ids=grid.ids,
        y=y,
        observed=np.nan_to_num(observed) > 0,
        last=grid.last,
        timeline=panel.timeline,
        season=panel.season,
        known=known,
        past=past,
        static=_static(panel, grid.ids, codes),
        categorical=frozenset(codes),
        ahead=horizon,
    )


def _static(panel: Panel, ids: tuple[str, ...], codes: Codes) -> dict[str, FloatArray]:
    if panel.static is None:
        return {}
    ordered = pl.DataFrame({"unique_id": ids}).join(
        panel.static, on="unique_id", how="left", maintain_order="left"
    )
    return {
        column.name: _numbers(column, codes.get(column.name))
        for column in ordered.iter_columns()
        if column.name != "unique_id"
    }


def _numbers(column: pl.Series, texts: Sequence[str] | None) -> FloatArray:
    """Return a column as floats; a text that has no code, like a missing value, is NaN."""
    if texts is not None:
        coded = column.cast(pl.String).replace_strict(
            list(texts), list(range(len(texts))), default=None, return_dtype=pl.Float64
        )
        return coded.fill_null(float("nan")).to_numpy()
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _is_flag(column: pl.Series) -> bool:
    """Tell whether a driver is a text, a boolean or a number with two values at most."""
    return not column.dtype.is_numeric() or column.drop_nulls().n_unique() <= _FLAG_VALUES


def _carried_on(values: FloatArray, width: int, *, usual: bool) -> FloatArray:
    """Fill the coming periods, the columns from `width` on, where nothing is given."""
    ahead = values[:, width:]
    if np.isfinite(ahead).all():
        return values
    filled = values.copy()
    for row in np.flatnonzero(~np.isfinite(ahead).all(axis=1)):
        seen = values[row, :width][np.isfinite(values[row, :width])]
        if seen.size:
            known, counts = np.unique(seen, return_counts=True)
            value = known[counts.argmax()] if usual else seen[-1]
            filled[row, width:] = np.where(np.isfinite(ahead[row]), ahead[row], value)
    return filled
