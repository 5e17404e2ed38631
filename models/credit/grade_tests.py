"""Test grades against what happened: rate by grade, order of the grades, calibration as a whole."""

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import betainc, xlogy
from scipy.stats import beta, chi2, norm
from sklearn.isotonic import isotonic_regression

from models.credit.grade import MasterScale
from models.errors import GradeTestError

__all__ = [
    "CalibrationTest",
    "GradeReport",
    "GradeTest",
    "OrderTest",
    "examine_grades",
    "jeffreys_interval",
    "yearly_snapshots",
]

_EQUAL: Final = 1e-12
_LEAST_EXPECTED: Final = 5.0


@dataclass(frozen=True)
class GradeTest:
    """What happened in one grade, and how far chance alone goes towards it.

    `effective_n` and `effective_defaults` are n and defaults divided by the design effect of repeated observations; every
    test of the grade is made with them. `p_*` are probabilities of what was seen, or worse, if `mean_pd` is right:
    of as many defaults or more (`p_too_low`: the PD is too low), of as few or fewer (`p_too_high`), of either.
    `p_jeffreys` is the posterior probability that the true rate lies below `mean_pd`; small: the PD is too low.
    """

    grade: str
    n: int
    defaults: int
    mean_pd: float
    observed_rate: float
    effective_n: float
    effective_defaults: float
    p_too_low: float
    p_too_high: float
    p_two_sided: float
    p_jeffreys: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether the mean PD lies in the Jeffreys interval of the observed rate."""
        return self.low <= self.mean_pd <= self.high


@dataclass(frozen=True)
class OrderTest:
    """Whether the rates of the grades rise: `statistic` is the likelihood ratio against rates that do.

    `p` is the share of simulated books with rising rates that miss the order at least as much. `merge` are runs of
    grades that would have to be merged for the observed rates to rise (pool adjacent violators).
    """

    inversions: int
    statistic: float
    p: float
    merge: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class CalibrationTest:
    """Calibration of all rows: Spiegelhalter's z and the Hosmer-Lemeshow χ² over grades, with their two-sided p."""

    z: float
    z_p: float
    chi2: float
    chi2_p: float
    degrees_of_freedom: int
    mean_pd: float
    observed_rate: float


@dataclass(frozen=True)
class GradeReport:
    """Tests of every grade that has rows, of their order and of the calibration as a whole."""

    grades: tuple[GradeTest, ...]
    order: OrderTest
    calibration: CalibrationTest
    level: float
    correlation: float

    @property
    def outside(self) -> tuple[str, ...]:
        """Return the grades whose mean PD lies outside the interval of their observed rate."""
        return tuple(test.grade for test in self.grades if not test.inside)

    @property
    def refused(self) -> tuple[str, ...]:
        """Return the grades whose PD is refused at 1 − level over all grades together, by Jeffreys, worst first.

        Of twelve right grades one is `outside` its 95 % interval in nearly half of all books; this holds for the
        claim about all of them. Source: Holm (1979), A simple sequentially rejective multiple test procedure.
        """
        both = [
            (1.0 if test.inside else 2 * min(test.p_jeffreys, 1 - test.p_jeffreys), test.grade)
            for test in self.grades
        ]
        ranked = sorted(both, key=lambda pair: pair[0])
        found: list[str] = []
        for place, (p, grade) in enumerate(ranked):
            if p > (1 - self.level) / (len(ranked) - place):
                break
            found.append(grade)
        return tuple(found)

    def frame(self) -> pl.DataFrame:
        """Return one row a grade: the fields of GradeTest and `inside`."""
        return pl.DataFrame([{**asdict(test), "inside": test.inside} for test in self.grades])


def jeffreys_interval(
    defaults: NDArray[np.float64], n: NDArray[np.float64], *, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the equal-tailed Jeffreys interval of a rate, low and high, same shape as defaults and n.

    Quantiles of Beta(d + ½, n − d + ½); the low end is 0 without defaults and the high end 1 without anything else.
    Source: Brown, Cai, DasGupta (2001), Interval estimation for a binomial proportion, section 3.1.
    """
    tail = (1 - level) / 2
    a, b = defaults + 0.5, n - defaults + 0.5
    low = np.where(defaults > 0, beta.ppf(tail, a, b), 0.0)
    high = np.where(defaults < n, beta.ppf(1 - tail, a, b), 1.0)
    return low, high


def yearly_snapshots(panel: pl.DataFrame, *, month: int | None = None) -> pl.DataFrame:
    """Return the rows of one month-end a year, so that 12-month windows of a party do not overlap.

    panel holds `as_of`; month is 1 to 12, unless told that of the latest date. This is how the ECB's reports count:
    customers at the beginning of a year and their defaults within it.
    """
    if panel.is_empty():
        raise GradeTestError(
            zh="面板为空，没有可检验的观察。请检查日期范围。",
            en="The panel is empty, there is nothing to test. Check the dates.",
        )
    latest = pl.col("as_of").max().dt.month() if month is None else pl.lit(month)
    last = pl.col("as_of") == pl.col("as_of").max().over(pl.col("as_of").dt.year())
    return panel.filter(pl.col("as_of").dt.month() == latest).filter(last)


def examine_grades(
    pd: NDArray[np.float64],
    y: NDArray[np.float64],
    scale: MasterScale,
    *,
    parties: NDArray[np.int64] | None = None,
    level: float = 0.95,
    seed: int = 7,
    simulations: int = 999,
) -> GradeReport:
    """Test the grades of rows with calibrated PDs pd (n,) and outcomes y (n,) in {0, 1}, which no model was fitted on.

    Where rows repeat parties (a party seen at several month-ends), give `parties` (n,): n and defaults are then
    divided by the design effect 1 + (m − 1)·ρ of the grade (Kish, 1965, Survey Sampling, section 5.4; m is the mean
    number of rows of the same party as a row in the grade), with one correlation ρ of residuals of the same party
    estimated over all grades. Defaults of different parties are taken as independent given the PD; in a bad year they are
    not, so in one year the tests refuse too often, as the sources say.

    Sources: binomial test: BCBS working paper 14 (2005), Studies on the validation of internal rating systems;
    Jeffreys test: ECB (2019), Instructions for reporting the validation results of internal models, section 2.5.3.
    Raises GradeTestError for no rows, values that are no PD or no outcome, or lengths that differ.
    """
    _check(pd, y, parties)
    number = scale.number(pd)
    n = np.bincount(number, minlength=len(scale.grades)).astype(np.float64)
    used = np.flatnonzero(n)
    d = np.bincount(number, weights=y, minlength=len(n))[used].astype(np.float64)
    mean_pd = np.bincount(number, weights=pd, minlength=len(n))[used] / n[used]
    n = n[used]
    correlation, effect = _design_effect(y - pd, number, parties)
    names = [scale.grades[i].name for i in used.tolist()]
    n_eff, d_eff = n / effect[used], d / effect[used]
    tests = _tests(names, (n, d, mean_pd), (n_eff, d_eff), level=level)
    order = _order(names, d / n, n_eff, seed=seed, simulations=simulations)
    calibration = _calibration(pd, y, (d_eff, n_eff, mean_pd), parties)
    return GradeReport(tests, order, calibration, level, correlation)


def _check(pd: NDArray[np.float64], y: NDArray[np.float64], parties: NDArray[np.int64] | None) -> None:
    lengths = {len(pd), len(y), len(pd if parties is None else parties)}
    if len(lengths) > 1 or len(pd) == 0:
        raise GradeTestError(
            zh=f"违约概率、结果与主体的行数应相同且不为零（现为 {sorted(lengths)}）。请检查输入。",
            en=f"PDs, outcomes and parties must have the same number of rows, and some (they have {sorted(lengths)}). "
            "Check the input.",
        )
    wrong = ~((pd > 0) & (pd < 1) & ((y == 0) | (y == 1)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise GradeTestError(
            zh=f"第 {row + 1} 行：违约概率 {pd[row]:g} 须在 0 与 1 之间，结果 {y[row]:g} 须为 0 或 1。请改正或去掉该行。",
            en=f"Row {row + 1}: the PD {pd[row]:g} must lie between 0 and 1, the outcome {y[row]:g} must be 0 or 1. "
            "Correct the row or leave it out.",
        )


def _design_effect(
    residual: NDArray[np.float64], number: NDArray[np.int64], parties: NDArray[np.int64] | None
) -> tuple[float, NDArray[np.float64]]:
    """Return the correlation of residuals of a party within a grade, and the design effect of each grade."""
    size = int(number.max()) + 1
    if parties is None:
        return 0.0, np.ones(size)
    _, party = np.unique(parties, return_inverse=True)
    clusters, cluster, m = np.unique(
        party.astype(np.int64) * size + number, return_inverse=True, return_counts=True
    )
    sums = np.bincount(cluster, weights=residual)
    squares = np.bincount(cluster, weights=residual**2)
    possible = float(np.sum((m - 1) * squares))
    correlation = 0.0 if possible == 0 else float(np.clip(np.sum(sums**2 - squares) / possible, 0.0, 1.0))
    rows = np.bincount(clusters % size, weights=m, minlength=size)
    repeats = np.bincount(clusters % size, weights=m.astype(np.float64) ** 2, minlength=size)
    mean_rows = np.divide(repeats, rows, out=np.ones(size), where=rows > 0)
    return correlation, 1.0 + (mean_rows - 1.0) * correlation


def _tests(
    names: list[str],
    seen: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    effective: tuple[NDArray[np.float64], NDArray[np.float64]],
    *,
    level: float,
) -> tuple[GradeTest, ...]:
    (n, d, mean_pd), (n_eff, d_eff) = seen, effective
    too_low, too_high = _tails(d_eff, n_eff, mean_pd)
    jeffreys = beta.cdf(mean_pd, d_eff + 0.5, n_eff - d_eff + 0.5)
    low, high = jeffreys_interval(d_eff, n_eff, level=level)
    return tuple(
        GradeTest(
            grade=name,
            n=int(n[i]),
            defaults=int(d[i]),
            mean_pd=float(mean_pd[i]),
            observed_rate=float(d[i] / n[i]),
            effective_n=float(n_eff[i]),
            effective_defaults=float(d_eff[i]),
            p_too_low=float(too_low[i]),
            p_too_high=float(too_high[i]),
            p_two_sided=float(min(1.0, 2 * min(too_low[i], too_high[i]))),
            p_jeffreys=float(jeffreys[i]),
            low=float(low[i]),
            high=float(high[i]),
        )
        for i, name in enumerate(names)
    )


def _tails(
    d: NDArray[np.float64], n: NDArray[np.float64], p: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return P(D ≥ d) and P(D ≤ d) of Binomial(n, p), through the incomplete beta function, which takes fractions."""
    above = np.where(d > 0, betainc(np.maximum(d, _EQUAL), n - d + 1, p), 1.0)
    below = np.where(d < n, betainc(np.maximum(n - d, _EQUAL), d + 1, 1 - p), 1.0)
    return above, below


def _order(
    names: list[str], rates: NDArray[np.float64], n: NDArray[np.float64], *, seed: int, simulations: int
) -> OrderTest:
    """Test rising rates: Robertson, Wright, Dykstra (1988), Order Restricted Statistical Inference, chapter 4.

    The distribution of the statistic depends on the rates, so it is simulated at the closest ones that rise.
    """
    rising = _rising(rates, n)
    statistic = _deviance(rates, rising, n)
    whole = np.maximum(np.rint(n), 1).astype(np.int64)
    draws = np.random.default_rng(seed).binomial(whole, rising, size=(simulations, len(n))) / whole
    weights = whole.astype(np.float64)
    simulated = [_deviance(draw, _rising(draw, weights), weights) for draw in draws]
    reached = sum(value >= statistic - _EQUAL for value in simulated)
    inversions = int(np.sum(np.diff(rates) < -_EQUAL))
    return OrderTest(
        inversions, statistic, (1 + reached) / (1 + simulations), _to_merge(names, rates, rising)
    )


def _rising(rates: NDArray[np.float64], n: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(isotonic_regression(rates, sample_weight=n, y_min=0.0, y_max=1.0), dtype=np.float64)


def _deviance(rates: NDArray[np.float64], fitted: NDArray[np.float64], n: NDArray[np.float64]) -> float:
    free = xlogy(rates, rates) + xlogy(1 - rates, 1 - rates)
    bound = xlogy(rates, fitted) + xlogy(1 - rates, 1 - fitted)
    return max(0.0, float(2 * np.sum(n * (free - bound))))


def _to_merge(
    names: list[str], rates: NDArray[np.float64], rising: NDArray[np.float64]
) -> tuple[tuple[str, ...], ...]:
    starts = np.flatnonzero(np.diff(rising, prepend=-np.inf) > _EQUAL).tolist()
    found = []
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        if np.any(np.abs(rising[start:end] - rates[start:end]) > _EQUAL):
            found.append(tuple(names[start:end]))
    return tuple(found)


def _calibration(
    pd: NDArray[np.float64],
    y: NDArray[np.float64],
    grades: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    parties: NDArray[np.int64] | None,
) -> CalibrationTest:
    """Test the whole: Spiegelhalter (1986), Probabilistic prediction in patient management; Hosmer, Lemeshow (1980).

    Repeated parties: the variance of z is that of sums over parties, the χ² is taken over effective numbers.
    No parameter was fitted on these rows, so the χ² has one degree of freedom a pool of grades.
    """
    excess = (y - pd) * (1 - 2 * pd)
    if parties is None:
        variance = float(np.sum((1 - 2 * pd) ** 2 * pd * (1 - pd)))
    else:
        _, party = np.unique(parties, return_inverse=True)
        variance = float(np.sum(np.bincount(party, weights=excess) ** 2))
    z = 0.0 if variance == 0 else float(np.sum(excess)) / variance**0.5
    d, n, expected = _pooled(*grades)
    statistic = float(np.sum((d - expected) ** 2 / (expected * (1 - expected / n))))
    return CalibrationTest(
        z=z,
        z_p=float(2 * norm.sf(abs(z))),
        chi2=statistic,
        chi2_p=float(chi2.sf(statistic, len(n))),
        degrees_of_freedom=len(n),
        mean_pd=float(pd.mean()),
        observed_rate=float(y.mean()),
    )


def _pooled(
    d: NDArray[np.float64], n: NDArray[np.float64], mean_pd: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return defaults, rows and expected defaults of neighbouring grades pooled until five defaults are expected.

    With fewer the statistic is far from χ²: one default in the best grade would condemn the whole scale.
    """
    expected = n * mean_pd
    pool, collected = np.zeros(len(n), dtype=np.int64), 0.0
    for i in range(len(n) - 1):
        collected += expected[i]
        closes = collected >= _LEAST_EXPECTED and expected[i + 1 :].sum() >= _LEAST_EXPECTED
        pool[i + 1] = pool[i] + closes
        collected = 0.0 if closes else collected
    sums = [np.bincount(pool, weights=values) for values in (d, n, expected)]
    return sums[0].astype(np.float64), sums[1].astype(np.float64), sums[2].astype(np.float64)
