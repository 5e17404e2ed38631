"""Learning: signs hold, noise stays out, bad data are refused by name, the same seed gives the same card."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from models.credit.scorecard.card import Scorecard, Term
from models.credit.scorecard.learn import fit_scorecard, learn_best_scorecard
from models.credit.scorecard.regression import fit_nonnegative
from models.credit.scorecard.settings import ScorecardSettings
from models.errors import FeatureMismatchError, NotTrainableError
from tests.models.credit.scorecard.conftest import AWKWARD, applicants, learn


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return learn(*applicants())


def ordered(term: Term) -> list[float]:
    """Return the observed default rates of the bins that have an order."""
    return [one.events / one.count for one in term.bins if not (one.missing or one.rest)]


def test_event_rates_run_in_the_terms_direction_and_coefficients_are_positive(card: Scorecard) -> None:
    assert len(card.terms) >= 5
    for term in card.terms:
        assert term.coefficient > 0
        woe = [one.woe for one in term.bins if not (one.missing or one.rest)]
        for values in (ordered(term), woe) if term.direction else ():
            assert all((b - a) * term.direction >= 0 for a, b in pairwise(values)), term.name


def test_a_declared_sign_is_kept_and_an_impossible_one_leaves_the_feature_out(card: Scorecard) -> None:
    assert next(term for term in card.terms if term.name == "overdue").direction == 1
    frame, y = applicants()
    wrong = fit_scorecard(
        frame, y, features=["overdue", "age; drop table", "trade"], signs={"overdue": -1}, categorical=["trade"],
        groups=None, settings=ScorecardSettings(two_sided=True), seed=7,
    ).scorecard  # fmt: skip
    for term in wrong.terms:
        if term.source.column == "overdue":  # only the gap may speak, never a fall
            assert all(b <= a + 1e-12 for a, b in pairwise(ordered(term)))
    assert "overdue" not in wrong.features


def test_more_of_a_feature_with_a_sign_never_lowers_the_pd(card: Scorecard) -> None:
    frame, _ = applicants(200, seed=5)
    pds = [card.pd(frame.with_columns(pl.lit(float(n)).alias("overdue"))) for n in range(8)]
    assert all((later >= earlier).all() for earlier, later in pairwise(pds))
    assert (pds[-1] > pds[0]).any()


def test_columns_that_say_nothing_stay_out(card: Scorecard) -> None:
    assert not {"empty", "constant"} & set(card.features)


def test_a_valley_becomes_two_monotone_terms() -> None:
    found = learn(*applicants(4000))
    parts = {term.part: term for term in found.terms if term.source.column == "age; drop table"}
    assert set(parts) == {"low", "high"}
    assert (parts["low"].direction, parts["high"].direction) == (-1, 1)
    assert all(sum(one.rest for one in part.bins) == 1 for part in parts.values())


def test_bins_count_every_training_row_once(card: Scorecard) -> None:
    frame, y = applicants()
    for term in card.terms:
        assert sum(one.count for one in term.bins) == frame.height
        assert sum(one.events for one in term.bins) == int(y.sum())
        places = np.bincount(term.place(frame), minlength=len(term.bins))
        assert places.tolist() == [one.count for one in term.bins]


def test_it_ranks_and_its_level_is_right_on_rows_it_never_saw(card: Scorecard) -> None:
    frame, y = applicants(4000, seed=11)
    pd = card.pd(frame)
    assert roc_auc_score(y, pd) > 0.72
    assert abs(pd.mean() - y.mean()) < 0.03


def test_out_of_fold_scores_do_not_flatter_noise() -> None:
    rng = np.random.default_rng(4)
    frame = pl.DataFrame({f"noise{i}": rng.normal(size=600) for i in range(30)}).with_columns(
        signal=pl.Series(rng.normal(size=600))
    )
    y = (rng.random(600) < 1 / (1 + np.exp(1.5 - 1.5 * frame["signal"].to_numpy()))).astype(float)
    learned = fit_scorecard(
        frame, y, features=frame.columns, signs={}, categorical=[], groups=None, settings=ScorecardSettings(), seed=1
    )  # fmt: skip
    best = max(learned.scorecard.terms, key=lambda term: term.coefficient * term.iv)
    assert best.name == "signal"
    assert roc_auc_score(y, learned.out_of_fold_log_odds) < roc_auc_score(
        y, learned.scorecard.log_odds(frame)
    )


def test_a_difference_is_found_where_it_says_more_than_its_columns() -> None:
    frame, y = applicants(3000)
    found = learn(frame, y, contrasts=3)
    assert ("assets", "debts") in [(t.source.column, t.source.minus) for t in found.terms]
    assert not any("overdue" in (t.source.column, t.source.minus) for t in found.terms if t.source.minus)


def test_the_best_settings_are_chosen_out_of_fold() -> None:
    frame, y = applicants(3000)
    candidates = (ScorecardSettings(), ScorecardSettings(contrasts=3))
    learned, settings = learn_best_scorecard(
        frame, y, candidates, features=["assets", "debts"], signs={}, categorical=[], groups=None, seed=7
    )
    assert settings is candidates[1]
    assert any(term.source.minus for term in learned.scorecard.terms)


def test_the_number_of_terms_is_limited() -> None:
    assert len(learn(*applicants(), max_terms=3).terms) <= 3


def test_near_copies_share_one_place() -> None:
    frame, y = applicants()
    copied = frame.with_columns((pl.col("overdue") * 2 + 1).alias("overdue again"))
    found = learn(copied, y)
    assert len({"overdue", "overdue again"} & set(found.features)) == 1


def test_same_seed_same_card() -> None:
    assert learn(*applicants()) == learn(*applicants())


def test_parties_stay_in_one_fold_so_copies_of_rows_teach_nothing_new() -> None:
    frame, y = applicants(300, seed=2)
    groups = np.tile(np.arange(300), 4)
    fourfold = pl.concat([frame] * 4)
    learned = fit_scorecard(
        fourfold, np.tile(y, 4), features=["noise", "overdue"], signs={}, categorical=[], groups=groups,
        settings=ScorecardSettings(), seed=1,
    )  # fmt: skip
    for row in range(0, 300, 37):
        assert np.ptp(learned.out_of_fold_log_odds[row::300]) == 0.0


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (np.zeros(1200), "rarer class"),
        (np.ones(1200), "rarer class"),
        (np.full(1200, np.nan), "none missing"),
        (np.zeros(7), "one label"),
    ],
)
def test_labels_that_teach_nothing_are_refused(y: np.ndarray, says: str) -> None:
    with pytest.raises(NotTrainableError) as refused:
        learn(applicants()[0], y)
    assert says in refused.value.message("en")


def test_features_without_information_are_refused() -> None:
    frame, y = applicants()
    with pytest.raises(NotTrainableError, match=r"min_iv|No feature|没有任何特征"):
        learn(frame.select("empty", "constant"), y)


def test_too_few_parties_are_refused() -> None:
    frame, y = applicants()
    with pytest.raises(NotTrainableError) as refused:
        fit_scorecard(
            frame, y, features=["overdue"], signs={}, categorical=[], groups=np.arange(1200) % 3,
            settings=ScorecardSettings(), seed=1,
        )  # fmt: skip
    assert "3 parties" in refused.value.message("en")


def test_a_text_column_must_be_declared_categorical() -> None:
    frame, y = applicants()
    with pytest.raises(FeatureMismatchError) as refused:
        fit_scorecard(
            frame, y, features=["trade", "absent"], signs={}, categorical=[], groups=None,
            settings=ScorecardSettings(), seed=1,
        )  # fmt: skip
    assert refused.value.missing == ("trade", "absent")


def test_coefficients_cannot_be_negative_and_solve_the_convex_problem() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    y = (rng.random(400) < 1 / (1 + np.exp(-(x[:, 0] - x[:, 1])))).astype(float)
    found = fit_nonnegative(x, y, 1.0)
    assert found.coefficients[0] > 0.5
    assert found.coefficients[1] == 0.0
    residual = 1 / (1 + np.exp(-found.log_odds(x))) - y
    slope = x.T @ residual + found.coefficients  # the conditions of Karush, Kuhn and Tucker
    assert abs(residual.sum()) < 1e-2
    assert np.abs(slope[found.coefficients > 0]).max() < 1e-2
    assert (slope[found.coefficients == 0] > -1e-2).all()


def test_awkward_columns_are_in_the_card(card: Scorecard) -> None:
    assert AWKWARD in card.features
    assert "trade" in card.features
