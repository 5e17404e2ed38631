"""How often the interval of a PD holds the true rate: simulated books whose true rate by score is known.

python -m bench.pd_interval_coverage [--books 20] prints, for each shape of the truth and each size of the book, the share
of scores whose nominal 90 % interval holds their true rate, the interval's mean width, and the default rate.
"""

import argparse
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.credit.calibration.choose import choose_calibration
from models.credit.calibration.intervals import fit_interval

Floats = NDArray[np.float64]

ROWS_OF_A_PARTY = 10
SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "straight": lambda s: 0.8 * s - 0.3,
    "bent": lambda s: -1.8 * np.logaddexp(0, -s - 1) + 0.5 * np.logaddexp(0, s + 1) - 1,
    "S-shaped": lambda s: -2.6 + 1.6 * np.tanh(1.2 * (s + 2.5)) + 0.25 * (s + 3),
    "jumps": lambda s: np.where(s < -3, -4.0, np.where(s < -1.5, -2.5, 0.5)) + 0.05 * s,
}


def book(
    rows: int, truth: Callable[[Floats], Floats], seed: int
) -> tuple[Floats, Floats, NDArray[np.int64], Floats]:
    """Return scores, labels, parties and true rates; half of a party's rows share their fate."""
    r = np.random.default_rng(seed)
    parties = rows // ROWS_OF_A_PARTY
    groups = np.repeat(np.arange(parties), ROWS_OF_A_PARTY)
    raw = r.normal(-3, 1.3, parties)[groups] + r.normal(0, 0.3, rows)
    rate = expit(truth(raw))
    fate = np.where(r.random(rows) < 0.5, r.random(parties)[groups], r.random(rows))
    return raw, (fate < rate).astype(np.float64), groups, rate


def measure(rows: int, truth: Callable[[Floats], Floats], seed: int) -> tuple[float, float, float]:
    """Return coverage, mean width and default rate of one book, on scores of another one of the same kind."""
    raw, y, groups, _ = book(rows, truth, seed)
    chosen = choose_calibration(raw, y, groups=groups, seed=seed).calibration
    interval = fit_interval(chosen, raw, y, groups=groups, seed=seed)
    later, _, _, rate = book(4000, truth, seed + 1000)
    low, high = interval.of(later)
    return float(np.mean((low <= rate) & (rate <= high))), float((high - low).mean()), float(y.mean())


def main() -> None:
    """Print one line a shape and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=20)
    books = parser.parse_args().books
    for rows in (3000, 12_000):
        for name, truth in SHAPES.items():
            found = np.mean([measure(rows, truth, seed) for seed in range(books)], axis=0)
            print(
                f"{rows:6} rows, {name:9}: covers {found[0]:.3f}, width {found[1]:.3f}, defaults {found[2]:.3f}"
            )


if __name__ == "__main__":
    main()
