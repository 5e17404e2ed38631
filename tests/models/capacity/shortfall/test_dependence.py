"""Dependence is read back as written, and is found again in bands and in errors that have it."""

import numpy as np
import polars as pl
import pytest

from models.capacity.shortfall.dependence import (
    DEFAULT_PERSISTENCE,
    MOST_SHARED,
    Dependence,
    dependence_of_json,
    dependence_of_shares,
)
from models.capacity.shortfall.drawing import draw
from models.capacity.shortfall.learning import dependence_of_errors, dependence_of_widths
from models.capacity.shortfall.marginals import Marginals
from models.demand.series import FloatArray
from models.errors import ShortfallError
from tests.models.capacity.shortfall.shortfall_world import LEVELS, SCORES, weeks_from

IDS = [f"p{one:02d}" for one in range(24)]
GROUPS = pl.DataFrame(
    {
        "unique_id": IDS,
        "family": [f"f{one % 4}" for one in range(24)],
        "org_id": [f"o{one % 3}" for one in range(24)],
    }
)
SHARES = {"total": 0.15, "family": 0.35, "org_id": 0.1}


def _true(persistence: float = 0.7) -> Dependence:
    return dependence_of_shares(GROUPS, SHARES, persistence=persistence, source="truth")


def _errors(cutoffs: int, weeks: int = 8, seed: int = 1) -> FloatArray:
    """Return errors (cutoffs, n, weeks) of series of unlike sizes that share what `_true` says."""
    values = np.repeat(np.repeat(SCORES[None, None, :], 24, axis=0), weeks, axis=1)
    marginals = Marginals(tuple(IDS), weeks_from(weeks), LEVELS, values, non_negative=False)
    size = np.geomspace(1, 100, 24)[None, :, None] * np.sqrt(np.arange(1, weeks + 1))
    return np.asarray(draw(marginals, _true(), count=cutoffs, seed=seed) * size, dtype=np.float64)


def _of_pairs(dependence: Dependence) -> tuple[float, float, float]:
    """Return the correlations of a pair in one family, in one company, and in neither."""
    found = dependence.correlation
    return float(found[0, 4]), float(found[0, 3]), float(found[0, 1])


def test_many_errors_tell_what_is_shared() -> None:
    learnt = dependence_of_errors(_errors(400), GROUPS, levels=["family", "org_id"])
    assert _of_pairs(learnt) == pytest.approx(_of_pairs(_true()), abs=0.06)
    assert learnt.persistence == pytest.approx(0.7, abs=0.06)


def test_one_cutoff_moves_the_defaults_only_a_little_and_none_not_at_all() -> None:
    none = dependence_of_errors(np.full((3, 24, 5), np.nan), GROUPS, levels=["family"])
    assert none.persistence == DEFAULT_PERSISTENCE
    assert none.source.startswith("default")
    one = dependence_of_errors(_errors(2)[:1], GROUPS, levels=["family"])
    assert abs(one.persistence - DEFAULT_PERSISTENCE) < 0.11


def test_errors_of_other_units_or_order_teach_the_same() -> None:
    errors = _errors(12)
    learnt = dependence_of_errors(errors, GROUPS, levels=["family", "org_id"])
    other = dependence_of_errors(
        errors * np.linspace(1, 9, 24)[None, :, None], GROUPS, levels=["org_id", "family"]
    )
    assert other.correlation == pytest.approx(learnt.correlation, abs=1e-9)
    turned = dependence_of_errors(errors[:, ::-1], GROUPS[::-1], levels=["family", "org_id"])
    assert turned.take(IDS).correlation == pytest.approx(learnt.correlation, abs=1e-9)


def test_gaps_in_errors_are_left_out() -> None:
    errors = _errors(200)
    errors[:, 5] = np.nan
    errors[::2, 7, 3:] = np.nan
    learnt = dependence_of_errors(errors, GROUPS, levels=["family", "org_id"])
    assert _of_pairs(learnt) == pytest.approx(_of_pairs(_true()), abs=0.1)


def _bands(deviation: FloatArray, ids: list[str]) -> Marginals:
    values = 1000 + deviation[:, None, None] * SCORES[None, None, :]
    return Marginals(tuple(ids), weeks_from(2), LEVELS, np.repeat(values, 2, axis=1))


def test_the_widths_of_sums_tell_what_their_parts_share() -> None:
    deviation, truth = np.linspace(5, 20, 24), _true()
    covariance = truth.correlation * np.outer(deviation, deviation)
    rows = {"total": np.ones(24, dtype=np.bool_)}
    for level in ("family", "org_id"):
        for value in GROUPS[level].unique().sort():
            rows[f"{level}={value}"] = (GROUPS[level] == value).to_numpy()
    sums = np.array([np.sqrt(covariance[np.ix_(inside, inside)].sum()) for inside in rows.values()])
    learnt = dependence_of_widths(
        _bands(deviation, IDS), _bands(sums, list(rows)), GROUPS, levels=["family", "org_id"]
    )
    # 8 nodes against a prior of 2: four fifths of the way from the default (0.1 for all) to the truth.
    expected = [0.8 * one + 0.2 * 0.1 for one in _of_pairs(truth)]
    assert _of_pairs(learnt) == pytest.approx(expected, abs=0.03)


def test_sums_as_wide_as_independent_parts_share_next_to_nothing() -> None:
    deviation = np.linspace(5, 20, 24)
    total = np.array([np.sqrt((deviation**2).sum())])
    learnt = dependence_of_widths(_bands(deviation, IDS), _bands(total, ["total"]), GROUPS, levels=[])
    assert 0 <= _of_pairs(learnt)[2] < 0.1


def test_what_was_written_is_read_back() -> None:
    again = dependence_of_json(_true().to_json())
    assert np.array_equal(again.loadings, _true().loadings)
    assert (again.ids, again.nodes, again.persistence) == (_true().ids, _true().nodes, 0.7)
    with pytest.raises(ShortfallError, match="Publish the capacity forecast again"):
        dependence_of_json('{"ids": []}')


def test_shares_never_exceed_the_whole() -> None:
    much = dependence_of_shares(GROUPS, {"total": 0.9, "family": 0.9}, persistence=0.1, source="test")
    assert (much.loadings**2).sum(axis=1) == pytest.approx(MOST_SHARED)
    assert np.linalg.eigvalsh(much.correlation).min() > 0


def test_groups_without_the_column_or_with_a_series_twice_are_refused() -> None:
    with pytest.raises(ShortfallError, match="region"):
        dependence_of_shares(GROUPS, {"region": 0.1}, persistence=0.1, source="test")
    with pytest.raises(ShortfallError):
        dependence_of_shares(pl.concat([GROUPS, GROUPS]), SHARES, persistence=0.1, source="test")
    with pytest.raises(ShortfallError, match="persistence 1"):
        dependence_of_shares(GROUPS, SHARES, persistence=1.0, source="test")
