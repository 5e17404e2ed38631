"""Job: move a credit model to a stated default rate of the portfolio, as a new model folder that nobody serves yet."""

from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit

from experiments.errors import MissingLatestError
from experiments.job import Say
from experiments.kept_models import TRAINED_BY
from features.credit.standing import Standing
from models.bundle import Bundle, read_bundle, write_bundle
from models.credit.calibration.prior_shift import prior_shift, rate_shift
from models.credit.model import FAMILY, from_bundle
from models.credit.neighbours import with_neighbour_scores

__all__ = ["Recalibrate"]


class Recalibrate(BaseModel):
    """Which model, to which rate, and for which portfolio."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Path = Field(description="folder of the credit model")
    rate: float = Field(gt=0, lt=1, description="the stated default rate, 0.02 for 2 %")
    trained_rate: float | None = Field(
        default=None,
        description="rate of the population learnt from: shift by the two rates, without a portfolio",
    )
    latest: Path = Field(description="newest features: the parties at risk are the portfolio")
    links: Path = Field(description="their links")
    out: Path = Field(description="model folder to write")
    code_version: str
    trained_by: str = Field(default="", description="who runs this; this person may not approve the model")
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Say) -> Bundle:
        """Write the moved model and tell the mean PD of the portfolio before and after.

        Without `trained_rate` the mean is then the stated rate exactly. Raises MissingLatestError, BundleError,
        FeatureMismatchError and CalibrationError.
        """
        for file in (self.latest, self.links):
            if not file.is_file():
                raise MissingLatestError(str(file))
        given = read_bundle(self.model, family=FAMILY)
        model, latest = from_bundle(given), pl.read_parquet(self.latest)
        full = with_neighbour_scores(model, latest, pl.read_parquet(self.links), num_threads=self.num_threads)
        portfolio = model.matrix(full.filter(pl.col("standing") == Standing.AT_RISK.value))
        log_odds = model.log_odds_of(portfolio, num_threads=self.num_threads)
        delta = (
            rate_shift(log_odds, self.rate)
            if self.trained_rate is None
            else prior_shift(self.trained_rate, self.rate)
        )
        moved = model.shifted(delta)
        kept = given.manifest.model_dump(include={"seed", "data_hash", "trained_as_of", "training_window"})
        note = (
            f"log-odds of {given.manifest.version} moved by {delta:+.6f} to a default rate of {self.rate:g}"
        )
        bundle = write_bundle(
            self.out,
            moved.files(),
            family=FAMILY,
            features=moved.features,
            code_version=self.code_version,
            notes={"recalibrated": note, TRAINED_BY: self.trained_by},
            **kept,
        )
        before, after = float(expit(log_odds).mean()), float(expit(log_odds + delta).mean())
        say(
            f"对数几率一律加 {delta:+.4f}：{len(log_odds):,} 个存续主体的平均违约概率由 {before:.3%} 变为 {after:.3%}；"
            f"模型 {bundle.manifest.version} 已写入 {self.out}，尚未启用",
            f"{delta:+.4f} on all log-odds: mean PD of {len(log_odds):,} parties at risk goes from {before:.3%} to {after:.3%}; "
            f"model {bundle.manifest.version} written to {self.out}, not in use yet",
        )
        return bundle
