"""Which pairs of columns are kept: those that tell, where they help parties that were not learnt from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from features.cards.card import load_card
from features.cards.derive import derive, fit_relations
from features.cards.read import read_card_tables
from features.cards.state import Family, PairKind, RelationalState
from models.credit.pair_choice import choose_pairs
from tests.features.cards.conftest import CARD, firms


def _ratios(rows: int, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Return a table in which only how debt stands to income tells the label, beside noise and a flag."""
    rng = np.random.default_rng(seed)
    income, debt = rng.lognormal(2, 1, rows), rng.lognormal(2, 1, rows)
    frame = pl.DataFrame(
        {
            "debt": debt, "noise": rng.normal(size=rows), "income": income, "flag": rng.integers(0, 2, rows),
            "branch": rng.integers(0, 30, rows),
        }
    )  # fmt: skip
    return frame, (rng.random(rows) < 1 / (1 + np.exp(-4 * np.log(debt / income)))).astype(np.float64)


def _each_its_own(frame: pl.DataFrame) -> np.ndarray:
    return np.arange(frame.height)


def test_the_pair_that_tells_the_label_comes_first() -> None:
    frame, y = _ratios(1500)
    pairs = choose_pairs(
        frame, y, dict.fromkeys(frame.columns, Family.OWN), party=_each_its_own(frame), alone=["branch"]
    )
    for pair in pairs[:2]:
        assert {pair.first, pair.second} == {"debt", "income"}
    assert {pair.kind for pair in pairs[:2]} == set(PairKind)
    assert not {"flag", "branch"} & {side for pair in pairs for side in (pair.first, pair.second)}
    assert len(pairs) <= 60
    assert pairs == choose_pairs(
        frame, y, dict.fromkeys(frame.columns, Family.OWN), party=_each_its_own(frame), alone=["branch"]
    )


def test_few_rows_or_few_defaults_get_no_pairs() -> None:
    frame, y = _ratios(399)
    families = dict.fromkeys(frame.columns, Family.OWN)
    assert choose_pairs(frame, y, families, party=_each_its_own(frame)) == ()
    frame, y = _ratios(1500)
    rare = np.where(np.cumsum(y) <= 39, y, 0.0)
    assert choose_pairs(frame, rare, families, party=_each_its_own(frame)) == ()
    assert choose_pairs(frame.select("debt", "flag"), y, families, party=_each_its_own(frame)) == ()


def test_pairs_that_tell_nothing_are_left_out() -> None:
    """One column alone tells the label; whatever pairs a booster picks by chance must not stay."""
    frame, _ = _ratios(1500)
    y = (np.random.default_rng(1).random(1500) < 1 / (1 + np.exp(2 - frame["income"].to_numpy() / 5))).astype(
        float
    )
    assert choose_pairs(frame, y, dict.fromkeys(frame.columns, Family.OWN), party=_each_its_own(frame)) == ()


def test_pairs_travel_with_the_state_and_lead_to_the_same_figures(write: Callable[..., Path]) -> None:
    tables_on_disk = firms(1, 1200)
    figures, failed = _ratios(1200)
    tables_on_disk["firms"] = tables_on_disk["firms"].with_columns(
        figures["debt"], figures["income"], pl.Series("failed", failed.astype(int))
    )
    card = load_card(write(CARD, **tables_on_disk))
    tables = read_card_tables(card, label=True)
    state, derived = fit_relations(card, tables, tables.main["part"] == "train", choose_pairs=choose_pairs)
    assert state.pairs
    assert {pair.name for pair in state.pairs} <= set(state.features)
    again = RelationalState.model_validate_json(state.model_dump_json())
    assert derive(card, tables, again).frame.equals(derived.frame)
    pair = state.pairs[0]
    a, b = derived.frame[pair.first].to_numpy(), derived.frame[pair.second].to_numpy()
    with np.errstate(all="ignore"):
        expected = a - b if pair.kind is PairKind.DIFFERENCE else a / b
    finite = np.isfinite(expected)
    np.testing.assert_allclose(derived.frame[pair.name].to_numpy()[finite], expected[finite])
