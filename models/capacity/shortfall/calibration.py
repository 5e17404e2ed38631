"""Whether probabilities of a shortfall come true: Brier score, skill, reliability, calibration error."""

from typing import Final

import numpy as np
import polars as pl

from models.demand.series import FloatArray
from models.errors import ShortfallError

__all__ = [
    "brier",
    "brier_skill",
    "calibration_error",
    "climatology",
    "reliability",
]

BINS: Final = 10
_PRIOR_WEEKS: Final = 8.0  # weeks of a product's own that count as much as the base rate of all products

# All functions take probabilities (k,) from 0 to 1 and outcomes (k,) of 0 and 1 in the same order.


def brier(probability: FloatArray, outcome: FloatArray) -> float:
    """Return the mean squared difference of probability and outcome (Brier 1950), 0 at best."""
    told, came = _checked(probability, outcome)
    return float(((told - came) ** 2).mean())


def brier_skill(probability: FloatArray, outcome: FloatArray, reference: FloatArray) -> float:
    """Return one minus the Brier score over that of the reference probabilities (k,): above 0 is better than these.

    NaN where the reference is never wrong: there is nothing to gain.
    """
    ours, theirs = brier(probability, outcome), brier(reference, outcome)
    return 1 - ours / theirs if theirs > 0 else float("nan")


def climatology(history: pl.DataFrame, products: pl.Series) -> FloatArray:
    """Return each product's base rate as known before the cutoff, (k,) in the order of `products`.

    history: rows [product_id, outcome] of weeks before the cutoff, nothing later. A product's rate is drawn to that of
    all products, which counts as much as 8 weeks; with no history at all it is one half.
    """
    outcomes = history["outcome"].cast(pl.Float64)
    overall = float(outcomes.sort().sum()) / outcomes.len() if outcomes.len() else 0.5
    known = history.group_by("product_id").agg(
        pl.col("outcome").cast(pl.Int64).sum().alias("came"), pl.len().alias("weeks")
    )
    joined = pl.DataFrame({"product_id": products}).join(
        known, on="product_id", how="left", maintain_order="left"
    )
    came, weeks = (joined[one].fill_null(0).cast(pl.Float64).to_numpy() for one in ("came", "weeks"))
    rates: FloatArray = (came + _PRIOR_WEEKS * overall) / (weeks + _PRIOR_WEEKS)
    return rates


def reliability(probability: FloatArray, outcome: FloatArray, *, bins: int = BINS) -> pl.DataFrame:
    """Return what came true by stated probability: [bin, low, high, count, probability, frequency, low_90, high_90].

    Bins are of equal width; those without a pair are left out. low_90, high_90: Wilson's interval for the frequency
    (Wilson 1927), for pairs that are independent, which weeks of one product are not.
    """
    told, came = _checked(probability, outcome)
    place = _bins(told, bins)
    count = np.bincount(place, minlength=bins)
    used = np.flatnonzero(count)
    mean, share = (np.bincount(place, one, minlength=bins)[used] / count[used] for one in (told, came))
    low, high = _wilson(share, count[used].astype(np.float64))
    return pl.DataFrame(
        {
            "bin": used,
            "low": used / bins,
            "high": (used + 1) / bins,
            "count": count[used],
            "probability": mean,
            "frequency": share,
            "low_90": low,
            "high_90": high,
        }
    )


def calibration_error(probability: FloatArray, outcome: FloatArray, *, bins: int = BINS) -> float:
    """Return the mean of |mean probability - frequency| over bins of equal width, weighted by their pairs.

    The expected calibration error of Naeini, Cooper and Hauskrecht (2015).
    """
    table = reliability(probability, outcome, bins=bins)
    count, gap = table["count"].to_numpy(), (table["probability"] - table["frequency"]).abs().to_numpy()
    return float(count @ gap / count.sum())


def _bins(told: FloatArray, bins: int) -> np.ndarray:
    return np.minimum((told * bins).astype(np.int64), bins - 1)


def _wilson(share: FloatArray, count: FloatArray) -> tuple[FloatArray, FloatArray]:
    z = 1.6448536269514722  # 95 % of a normal
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return centre - reach, centre + reach


def _checked(probability: FloatArray, outcome: FloatArray) -> tuple[FloatArray, FloatArray]:
    told, came = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if told.shape != came.shape or told.ndim != 1 or not len(told):
        raise ShortfallError(
            zh=f"概率（{told.shape}）与结果（{came.shape}）数量不一致或为空。请逐对给出。",
            en=f"Probabilities {told.shape} and outcomes {came.shape} differ in number or are none. Give them in pairs.",
        )
    if not ((told >= 0) & (told <= 1)).all() or not np.isin(came, (0.0, 1.0)).all():
        raise ShortfallError(
            zh="概率须在 0 至 1 之间，结果须为 0 或 1。请更正。",
            en="Probabilities must lie from 0 to 1 and outcomes be 0 or 1. Correct them.",
        )
    return told, came
