"""How much one party depends on another: each ratio of dependence that the records bear, none guessed."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.arcs import row_numbers
from graph.policy import Dependence
from graph.snapshot import Snapshot

__all__ = ["FIGURE_COLUMNS", "checked_figures", "dependence_ratios"]

FIGURE_COLUMNS: Final = ("net_assets", "debt")
"""Columns of the figures of parties, in CNY, null where unknown: net assets, and total interest-bearing debt."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def checked_figures(snapshot: Snapshot, figures: pl.DataFrame | None) -> dict[str, Floats]:
    """Return the figures of parties in the order of ids (n), NaN where unknown; `figures` is keyed by `id`.

    Raises MeasureArgumentError for a column that is not numeric, EdgeTableError for a party given twice.
    """
    unknown = np.full(snapshot.parties, np.nan)
    if figures is None:
        return dict.fromkeys(FIGURE_COLUMNS, unknown)
    present = [column for column in FIGURE_COLUMNS if column in figures.columns]
    for column in present:
        if not (figures[column].dtype.is_numeric() or figures[column].dtype == pl.Null):
            raise MeasureArgumentError(
                "figures", f"的列“{column}”应为数值", f"has a column '{column}' that is not numeric"
            )
    aligned = snapshot.aligned(figures.select("id", *present))
    return {
        column: aligned[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
        if column in present
        else unknown
        for column in FIGURE_COLUMNS
    }


def dependence_ratios(
    snapshot: Snapshot, rule: Dependence, figures: dict[str, Floats]
) -> tuple[Ints, Ints, Floats]:
    """Return (dependent, depended on, ratio) of each pair of a rule.

    NaN where a part of the ratio is unknown, infinite against net assets of zero or less.
    """
    match rule:
        case Dependence.SALES:
            return _entries(_measure(snapshot, "supplies", "seller_share"))
        case Dependence.PURCHASES:
            seller, buyer, ratio = _entries(_measure(snapshot, "supplies", "buyer_share"))
            return buyer, seller, ratio
        case Dependence.GUARANTEE:
            return _to_base(*_entries(_measure(snapshot, "guarantees", "weight")), figures["net_assets"])
        case Dependence.LENDING:
            return _to_base(*_entries(_measure(snapshot, "lends_to", "weight")), figures["net_assets"])
        case Dependence.FUNDING:
            lender, borrower, amount = _entries(_measure(snapshot, "lends_to", "weight"))
            debt = np.where(figures["debt"] > 0, figures["debt"], np.nan)
            return _to_base(borrower, lender, amount, debt)


def _measure(snapshot: Snapshot, kind: str, column: str) -> csr_array:
    """Return a column of a relation, or an empty matrix where the snapshot does not have it."""
    if kind in snapshot.kinds and column in snapshot.relation(kind).measures:
        return snapshot.relation(kind).measure(column)
    return csr_array((snapshot.parties, snapshot.parties))


def _entries(matrix: csr_array) -> tuple[Ints, Ints, Floats]:
    kept = matrix.data > 0
    return (
        row_numbers(matrix)[kept].astype(np.int64),
        matrix.indices[kept].astype(np.int64),
        matrix.data[kept],
    )


def _to_base(a: Ints, b: Ints, amount: Floats, base: Floats) -> tuple[Ints, Ints, Floats]:
    of = base[a]
    ratio = np.full(len(a), np.nan)
    ratio[of > 0] = amount[of > 0] / of[of > 0]
    ratio[of <= 0] = np.inf
    return a, b, ratio
