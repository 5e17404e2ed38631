"""Settings of the trees that tell a line's factors; the same for every panel."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["LineSettings"]


class LineSettings(BaseModel):
    """Settings of the boosted trees and of how rows are drawn; the defaults were chosen on several panels and cut-offs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rounds: int = Field(default=90, ge=1)
    learning_rate: float = Field(default=0.07, gt=0, le=1)
    num_leaves: int = Field(default=15, ge=2)
    lambda_l2: float = Field(default=5.0, ge=0)
    feature_fraction: float = Field(default=0.6, gt=0, le=1)
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    max_bin: int = Field(default=63, ge=2)
    most_rows: int = Field(default=60_000, ge=1, description="rows learnt from, over all steps")
    most_lags: int = Field(default=3, ge=1, description="origins drawn for each day learnt from")
    half_life: float = Field(default=730.0, gt=0, description="days after which a row counts half")
    leaf_targets: int = Field(default=15, ge=1, description="least different line-days in a leaf")
    refits: int = Field(default=3, ge=1, description="models learnt anew for the backtests")
    cutoffs: int = Field(default=12, ge=1, description="backtests, each asked of the last model before it")

    small: int = Field(default=6_000, ge=0, description="line-days up to which a table is small")
    median_copies: int = Field(default=2, ge=1, description="boosters of a median for a small table, by seed")
    median_rounds: float = Field(
        default=1.5, gt=0, description="rounds of a median's booster over `rounds`, small table"
    )

    def copies(self, targets: int) -> int:
        """Return how many boosters tell a median of so many line-days."""
        return self.median_copies if targets <= self.small else 1

    def rounds_of(self, targets: int, *, median: bool) -> int:
        """Return the rounds of a booster that learns from so many line-days."""
        more = self.median_rounds if median and targets <= self.small else 1.0
        return max(1, round(self.rounds * more))

    def parameters(
        self, objective: str, *, rows: int, targets: int, seed: int, threads: int
    ) -> dict[str, float | int | str | bool]:
        """Return LightGBM's parameters for so many rows of so many line-days; deterministic."""
        lags = max(1, rows // max(targets, 1))
        return {
            "objective": objective,
            "learning_rate": self.learning_rate,
            "num_leaves": max(4, min(self.num_leaves, targets // (2 * self.leaf_targets))),
            "min_data_in_leaf": self.leaf_targets * lags + rows // 1000,
            "lambda_l2": self.lambda_l2,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "max_bin": self.max_bin,
            "cat_smooth": 20.0,
            "cat_l2": 20.0,
            "seed": seed,
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
