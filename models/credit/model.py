"""The credit model: a bag of boosters, its calibration and its master scale, as one value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle import Bundle, read_bundle
from models.credit.booster import Boosters
from models.credit.calibration import AffineCalibration
from models.credit.grade import MasterScale
from models.errors import AdditivityError, FeatureMismatchError

__all__ = ["FAMILY", "CreditModel", "Scores", "load_credit_model"]

FAMILY: Final = "credit"
_ADDITIVITY_TOLERANCE: Final = 1e-6
_CARD: Final = "credit.json"


@dataclass(frozen=True)
class Scores:
    """Answers for n rows: base + contributions = log-odds, exactly what the PD and the grade are views of."""

    features: tuple[str, ...]
    log_odds: NDArray[np.float64]
    pd: NDArray[np.float64]
    grades: NDArray[np.str_]
    base_log_odds: float
    contributions: NDArray[np.float64]

    def frame(self) -> pl.DataFrame:
        """Return one row a party: pd, log_odds, base_log_odds, grade and the contributions as a struct."""
        parts = pl.DataFrame(self.contributions, schema=list(self.features), orient="row")
        return pl.DataFrame({"pd": self.pd, "log_odds": self.log_odds}).with_columns(
            pl.lit(self.base_log_odds).alias("base_log_odds"),
            pl.Series("grade", self.grades.tolist(), dtype=pl.String),
            parts.to_struct("contributions"),
        )


@dataclass(frozen=True)
class CreditModel:
    """A trained credit model; refuses frames whose features are not its own."""

    features: tuple[str, ...]
    boosters: Boosters
    calibration: AffineCalibration
    scale: MasterScale
    version: str = "unsaved"
    metadata: Mapping[str, str] = field(default_factory=dict)

    def matrix(self, frame: pl.DataFrame) -> NDArray[np.float64]:
        """Return the frame's feature columns in the model's order, nulls as NaN, shape (n, k).

        Raises FeatureMismatchError when a feature is missing or not numeric; other columns are left aside.
        """
        wrong = [n for n in self.features if n not in frame.columns or not _numeric(frame.schema[n])]
        if wrong:
            raise FeatureMismatchError(self.version, missing=wrong)
        columns = [pl.col(name).cast(pl.Float64) for name in self.features]
        x = frame.select(columns).fill_null(float("nan")).to_numpy()
        return np.ascontiguousarray(x, dtype=np.float64)

    def score(self, frame: pl.DataFrame, *, num_threads: int = 1) -> Scores:
        """Score and explain every row of a frame that holds the model's features (more columns are ignored)."""
        return self.score_matrix(self.matrix(frame), num_threads=num_threads)

    def score_matrix(self, x: NDArray[np.float64], *, num_threads: int = 1) -> Scores:
        """Score and explain x (n, k) in the model's order of features; missing is NaN.

        Raises AdditivityError when the contributions do not sum to the score of the boosters.
        """
        parts = self.boosters.contributions(x, num_threads=num_threads)
        log_odds = self.calibration.log_odds(parts.sum(axis=1))
        scored = self.calibration.log_odds(self.boosters.raw(x, num_threads=num_threads))
        gap = float(np.max(np.abs(log_odds - scored), initial=0.0))
        if not gap <= _ADDITIVITY_TOLERANCE:
            raise AdditivityError(self.version, gap)
        base = (
            float(self.calibration.log_odds(parts[:1, -1])[0]) if len(parts) else self.calibration.intercept
        )
        contributions = self.calibration.slope * parts[:, :-1]
        pd = self.calibration.pd(parts.sum(axis=1))
        return Scores(self.features, log_odds, pd, self.scale.of(pd), base, contributions)

    def files(self) -> dict[str, bytes]:
        """Return the model as native files by name: LightGBM text and one JSON card."""
        card = {
            "calibration": {"slope": self.calibration.slope, "intercept": self.calibration.intercept},
            "master_scale": self.scale.model_dump(mode="json"),
            "boosters": len(self.boosters.members),
        }
        text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True)
        return {_CARD: text.encode(), **self.boosters.files("booster")}


def load_credit_model(folder: Path) -> CreditModel:
    """Read a credit model from its folder; every file is checked against the manifest.

    Raises BundleError when the folder is incomplete or changed, FeatureMismatchError when the boosters were
    trained on other features than the manifest says.
    """
    return from_bundle(read_bundle(folder, family=FAMILY))


def from_bundle(bundle: Bundle) -> CreditModel:
    """Build the model from a bundle that has been read and checked."""
    card = json.loads(bundle.read_text(_CARD))
    texts = [bundle.read_text(f"booster_{i}.txt") for i in range(card["boosters"])]
    boosters = Boosters.from_texts(texts, source=str(bundle.folder))
    features = bundle.manifest.features
    for member in boosters.members:
        if tuple(member.feature_name()) != features:
            raise FeatureMismatchError(
                bundle.manifest.version, missing=features, unexpected=member.feature_name()
            )
    return CreditModel(
        features=features,
        boosters=boosters,
        calibration=AffineCalibration(**card["calibration"]),
        scale=MasterScale.model_validate(card["master_scale"]),
        version=bundle.manifest.version,
        metadata=bundle.manifest.notes,
    )


def _numeric(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)
