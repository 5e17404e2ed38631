"""Tests of grades: binomial and Jeffreys against their definitions, repeated parties, order, learnt scales."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from models.credit.grade import Grade, MasterScale, group_master_scale
from models.credit.grade_learning import fit_master_scale
from models.credit.grade_tests import examine_grades, jeffreys_interval, yearly_snapshots
from models.errors import GradeTestError

SCALE = group_master_scale()
Book = tuple[np.ndarray, np.ndarray]


def book(rows: int = 30_000, *, seed: int = 1, shift: float = 0.0) -> Book:
    r = np.random.default_rng(seed)
    log_odds = r.normal(-3.3, 1.6, rows)
    y = (r.random(rows) < 1 / (1 + np.exp(-log_odds - shift))).astype(float)
    return 1 / (1 + np.exp(-log_odds)), y


@given(st.floats(0, 1))
def test_rank_in_a_grade_lies_between_its_ends(pd: float) -> None:
    rank = float(SCALE.rank_within(np.array([pd]))[0])
    assert 0 <= rank <= 1


@given(st.lists(st.floats(1e-9, 1 - 1e-9), min_size=2, max_size=40))
def test_grade_and_rank_together_order_parties_as_the_pd_does(values: list[float]) -> None:
    pd = np.sort(np.array(values))
    place = SCALE.number(pd) + SCALE.rank_within(pd)
    assert np.all(np.diff(place) >= -1e-9)


def test_rank_is_zero_at_the_better_bound_and_a_half_in_the_middle_of_the_log_odds() -> None:
    low, high = SCALE.grades[4].pd_below, SCALE.grades[5].pd_below
    middle = stats.logistic.cdf((stats.logistic.ppf(low) + stats.logistic.ppf(high)) / 2)
    rank = SCALE.rank_within(np.array([low, middle, high - 1e-12]))
    np.testing.assert_allclose(rank, [0, 0.5, 1], atol=1e-6)


def test_open_grades_are_as_wide_as_their_neighbours() -> None:
    width = stats.logistic.ppf(0.0018) - stats.logistic.ppf(0.0010)
    half = stats.logistic.cdf(stats.logistic.ppf(0.0010) - width / 2)
    np.testing.assert_allclose(SCALE.rank_within(np.array([half, 0.0, 1.0])), [0.5, 0, 1], atol=1e-9)


def test_a_scale_of_one_grade_ranks_too() -> None:
    one = MasterScale(name="t", grades=(Grade(name="all"),))
    ranks = one.rank_within(np.array([0.01, 0.5, 0.99]))
    assert ranks.tolist() == [0, 0.5, 1]


def test_binomial_tails_are_those_of_the_distribution() -> None:
    pd, y = book(2000)
    for test in examine_grades(pd, y, SCALE).grades:
        exact = stats.binom(test.n, test.mean_pd)
        assert test.p_too_low == pytest.approx(exact.sf(test.defaults - 1), abs=1e-9)
        assert test.p_too_high == pytest.approx(exact.cdf(test.defaults), abs=1e-9)
        one = stats.binomtest(test.defaults, test.n, test.mean_pd, alternative="greater")
        assert test.p_too_low == pytest.approx(one.pvalue, abs=1e-9)
        assert test.p_two_sided == pytest.approx(min(1, 2 * min(test.p_too_low, test.p_too_high)))


def test_jeffreys_is_the_posterior_by_its_definition() -> None:
    """By integration of the likelihood times the prior p^(-1/2) (1-p)^(-1/2), on p = sin², where the prior is flat."""
    n, d, pd = 40, 3, 0.05
    angle = (np.arange(200_000) + 0.5) / 200_000 * np.pi / 2
    rate = np.sin(angle) ** 2
    weight = rate**d * (1 - rate) ** (n - d)
    below = weight[rate <= pd].sum() / weight.sum()
    scale = MasterScale(name="t", grades=(Grade(name="all"),))
    y = np.array([1.0] * d + [0.0] * (n - d))
    (test,) = examine_grades(np.full(n, pd), y, scale).grades
    assert test.p_jeffreys == pytest.approx(below, abs=1e-4)
    inside = weight[(rate >= test.low) & (rate <= test.high)].sum() / weight.sum()
    assert inside == pytest.approx(0.95, abs=1e-4)


def test_jeffreys_interval_reaches_the_end_without_defaults_or_without_others() -> None:
    low, high = jeffreys_interval(np.array([0.0, 5.0]), np.array([20.0, 5.0]))
    assert low[0] == 0
    assert high[1] == 1
    assert 0.05 < high[0] < 0.2


def test_jeffreys_interval_covers_about_as_often_as_it_says() -> None:
    rate, n = 0.04, 500
    d = np.random.default_rng(3).binomial(n, rate, 4000).astype(float)
    low, high = jeffreys_interval(d, np.full(4000, float(n)))
    assert 0.93 < np.mean((low <= rate) & (rate <= high)) < 0.975


def test_calibrated_book_passes_and_shifted_book_fails() -> None:
    good = examine_grades(*book(), SCALE)
    assert len(good.outside) <= 2
    assert good.calibration.z_p > 0.01
    assert good.calibration.chi2_p > 0.01
    bad = examine_grades(*book(shift=0.6), SCALE)
    assert len(bad.outside) >= 8
    assert bad.calibration.z_p < 1e-6
    assert bad.calibration.chi2_p < 1e-6
    assert all(test.p_jeffreys < 0.025 for test in bad.grades if not test.inside)


def test_all_grades_together_are_refused_as_rarely_as_said() -> None:
    """Right PDs: some grade is outside its own interval in many books, some grade is refused in few."""
    reports = [examine_grades(*book(4000, seed=s), SCALE, simulations=1) for s in range(200)]
    assert np.mean([bool(r.outside) for r in reports]) > 0.25
    assert np.mean([bool(r.refused) for r in reports]) < 0.1
    assert all(set(r.refused) <= set(r.outside) for r in reports)
    shifted = examine_grades(*book(shift=0.6), SCALE)
    assert len(shifted.refused) >= 5
    p = {test.grade: min(test.p_jeffreys, 1 - test.p_jeffreys) for test in shifted.grades}
    assert [p[grade] for grade in shifted.refused] == sorted(p[grade] for grade in shifted.refused)


def test_a_tiny_pd_without_defaults_is_not_refused() -> None:
    report = examine_grades(np.full(30, 1e-7), np.zeros(30), SCALE)
    assert (report.outside, report.refused) == ((), ())


def test_p_values_of_true_pds_are_uniform() -> None:
    reports = [examine_grades(*book(3000, seed=s), SCALE, simulations=19) for s in range(150)]
    for p in ("z_p", "chi2_p"):
        assert 0.01 <= np.mean([getattr(r.calibration, p) < 0.05 for r in reports]) <= 0.11


def test_repeated_rows_of_a_party_count_once() -> None:
    pd, y = book(3000)
    times = 12
    parties = np.repeat(np.arange(3000), times)
    once = examine_grades(pd, y, SCALE)
    twelve = examine_grades(np.repeat(pd, times), np.repeat(y, times), SCALE, parties=parties)
    assert twelve.correlation == pytest.approx(1)
    for one, many in zip(once.grades, twelve.grades, strict=True):
        assert many.n == times * one.n
        assert many.effective_n == pytest.approx(one.n)
        assert (many.low, many.high) == pytest.approx((one.low, one.high))
        assert many.p_two_sided == pytest.approx(one.p_two_sided)
    assert twelve.calibration.z_p == pytest.approx(
        examine_grades(pd, y, SCALE, parties=np.arange(3000)).calibration.z_p
    )


def test_parties_that_do_not_repeat_change_no_grade() -> None:
    pd, y = book(3000)
    assert examine_grades(pd, y, SCALE, parties=np.arange(3000)).grades == examine_grades(pd, y, SCALE).grades


def test_without_parties_repeated_rows_would_be_refused_too_often() -> None:
    """What the design effect is for: 300 parties seen 12 times, PDs true, intervals hold only with it."""
    naive, aware = [], []
    for seed in range(40):
        pd, y = book(300, seed=seed)
        rows = (np.repeat(pd, 12), np.repeat(y, 12))
        naive.append(len(examine_grades(*rows, SCALE, simulations=1).outside))
        report = examine_grades(*rows, SCALE, parties=np.repeat(np.arange(300), 12), simulations=1)
        aware.append(len(report.outside))
    assert np.mean(aware) < 1
    assert np.mean(naive) > 2 * np.mean(aware) + 1


def rates_book(rates: list[float], n: int = 400) -> Book:
    """Rows whose grades A, B, C .. have these observed rates; PDs rise."""
    pd = np.repeat(np.linspace(0.05, 0.95, len(rates)), n)
    y = np.concatenate([(np.arange(n) < round(rate * n)).astype(float) for rate in rates])
    return pd, y


def letters(count: int) -> MasterScale:
    bounds = np.linspace(0.05, 0.95, count)
    middles = [*((bounds[1:] + bounds[:-1]) / 2).tolist(), 1.0]
    names = [chr(65 + i) for i in range(count)]
    return MasterScale(
        name="t", grades=tuple(Grade(name=n, pd_below=b) for n, b in zip(names, middles, strict=True))
    )


def test_rates_that_rise_need_no_merging() -> None:
    order = examine_grades(*rates_book([0.0, 0.0, 0.1, 0.3]), letters(4)).order
    assert (order.inversions, order.statistic, order.p, order.merge) == (0, 0.0, 1.0, ())


def test_rates_out_of_order_are_found_and_the_grades_to_merge_named() -> None:
    order = examine_grades(*rates_book([0.02, 0.3, 0.1, 0.12, 0.5]), letters(5)).order
    assert order.inversions == 1
    assert order.p < 0.01
    assert order.merge == (("B", "C", "D"),)


def test_order_missed_by_chance_is_not_called_significant() -> None:
    order = examine_grades(*rates_book([0.02, 0.105, 0.1, 0.5]), letters(4)).order
    assert order.merge == (("B", "C"),)
    assert order.p > 0.2


def test_same_seed_same_report() -> None:
    one, other, third = (
        examine_grades(*rates_book([0.1, 0.08, 0.2]), letters(3), seed=s).order.p for s in (1, 1, 2)
    )
    assert one == other
    assert one == pytest.approx(third, abs=0.1)


def test_grades_without_rows_are_left_out_and_the_frame_has_the_rest() -> None:
    report = examine_grades(np.array([0.005, 0.5]), np.array([0.0, 1.0]), SCALE)
    assert report.frame()["grade"].to_list() == ["B1", "D3"]
    assert report.frame()["inside"].to_list() == [test.inside for test in report.grades]


@pytest.mark.parametrize(
    ("pd", "y", "parties", "match"),
    [
        ([], [], None, "number of rows"),
        ([0.1], [0.0, 1.0], None, "number of rows"),
        ([0.1], [0.0], [1, 2], "number of rows"),
        ([0.1, np.nan], [0, 0], None, "Row 2"),
        ([0.1, 1.0], [0, 1], None, "Row 2"),
        ([0.1], [0.5], None, "Row 1"),
    ],
)
def test_rows_that_cannot_be_tested_are_named(
    pd: list[float], y: list[float], parties: list[int] | None, match: str
) -> None:
    groups = None if parties is None else np.array(parties)
    with pytest.raises(GradeTestError, match=match):
        examine_grades(np.array(pd, dtype=float), np.array(y, dtype=float), SCALE, parties=groups)


def test_yearly_snapshots_take_one_month_end_a_year() -> None:
    days = pl.date_range(date(2020, 1, 1), date(2022, 9, 1), interval="1mo", eager=True).dt.month_end()
    panel = pl.DataFrame({"party_id": ["a"] * len(days), "as_of": days})
    assert yearly_snapshots(panel)["as_of"].to_list() == [date(y, 9, 30) for y in (2020, 2021, 2022)]
    assert yearly_snapshots(panel, month=12)["as_of"].to_list() == [date(2020, 12, 31), date(2021, 12, 31)]
    with pytest.raises(GradeTestError, match="empty"):
        yearly_snapshots(panel.head(0))


def test_learnt_scale_has_rising_rates_where_it_was_learnt() -> None:
    pd, y = book(8000, seed=5)
    scale = fit_master_scale(pd, y, name="learnt")
    report = examine_grades(pd, y, scale)
    rates = [test.observed_rate for test in report.grades]
    assert len(rates) == 12
    assert rates == sorted(set(rates))
    assert min(test.n for test in report.grades) >= 80
    assert min(test.defaults for test in report.grades) >= 1
    assert [grade.name for grade in scale.grades] == [grade.name for grade in SCALE.grades]


@given(st.integers(0, 10_000), st.integers(2, 5))
def test_learnt_scale_rises_on_any_rows_or_says_why_not(seed: int, grades: int) -> None:
    r = np.random.default_rng(seed)
    pd = np.round(r.uniform(0.02, 0.5, 120), 2)
    y = (r.random(120) < pd).astype(float)
    try:
        scale = fit_master_scale(pd, y, name="t", grades=grades)
    except GradeTestError as error:
        assert f"fewer than {grades}" in error.message("en")  # noqa: PT017 - either answer is right
        return
    rates = [test.observed_rate for test in examine_grades(pd, y, scale, simulations=1).grades]
    assert len(rates) == grades
    assert rates == sorted(set(rates))


def test_scale_is_not_learnt_from_rows_that_say_nothing() -> None:
    with pytest.raises(GradeTestError, match="tell 1 grades"):
        fit_master_scale(np.linspace(0.1, 0.2, 50), np.zeros(50), name="t", least_defaults=0)
    with pytest.raises(GradeTestError, match="as many of each"):
        fit_master_scale(np.array([0.1, 2.0]), np.zeros(2), name="t")
