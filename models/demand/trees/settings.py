"""Settings of the trees; the same for every panel."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["TreeSettings"]


class TreeSettings(BaseModel):
    """Settings of the boosted trees; the defaults were chosen on several panels and origins together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rounds: int = Field(default=120, ge=1)
    learning_rate: float = Field(default=0.09, gt=0, le=1)
    num_leaves: int = Field(default=31, ge=2)
    lambda_l2: float = Field(default=5.0, ge=0)
    feature_fraction: float = Field(default=0.3, gt=0, le=1)
    bagging_fraction: float = Field(default=0.7, gt=0, le=1)
    max_bin: int = Field(default=63, ge=2)
    most_rows: int = Field(default=100_000, ge=1, description="rows learnt from, over all steps")
    rows_of_large_panels: int = Field(default=300_000, ge=1, description="most rows of a panel of any size")
    objective: str = "regression_l1"
    spread_weight: float = Field(default=0.0, ge=0, description="power of a row's spread in its weight")
    bags: int = Field(default=2, ge=1)
    few_targets: int = Field(default=1_500, ge=1, description="with fewer targets, trees have fewer leaves")
    doubt: float = Field(
        default=1_000.0, ge=0, description="targets for which the reference counts beside the trees"
    )
    leaf_targets: int = Field(default=20, ge=1, description="least different targets in a leaf")

    def rows(self, targets: int) -> int:
        """Return how many rows to learn from: of very large panels a tenth of what was observed."""
        return max(self.most_rows, min(self.rows_of_large_panels, targets // 10))

    def parameters(
        self, *, rows: int, targets: int, seed: int, num_threads: int
    ) -> dict[str, float | int | str | bool]:
        """Return LightGBM's parameters for so many rows; deterministic."""
        return {
            "objective": self.objective,
            "learning_rate": self.learning_rate,
            "num_leaves": max(4, min(self.num_leaves, self.num_leaves * targets // self.few_targets)),
            "min_data_in_leaf": max(
                self.leaf_targets, min(200, rows // 500), self.leaf_targets * rows // targets
            ),
            "lambda_l2": self.lambda_l2,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "max_bin": self.max_bin,
            "seed": seed,
            "num_threads": num_threads,
            "deterministic": True,
            "force_row_wise": True,
            "feature_pre_filter": False,
            "verbosity": -1,
        }
