"""What issue 5 asks of the models of each data set: the least that must be reached, and the stretch."""

from dataclasses import dataclass
from typing import Final

__all__ = ["GOALS", "MODEL", "SCORECARD", "RealGoal"]


@dataclass(frozen=True)
class RealGoal:
    """A figure of a row of the report, what it must be and what it should be."""

    row: str
    figure: str
    must: float
    stretch: float

    @property
    def higher(self) -> bool:
        """Say whether more is better."""
        return self.figure in ("auc", "ks", "mean_cut_auc")

    def met(self, value: float, limit: float) -> bool:
        """Tell whether the value reaches the limit; NaN does not."""
        return value >= limit if self.higher else value <= limit

    def line(self, value: float) -> str:
        """Write the figure beside must and stretch, with the verdicts."""
        sign = ">=" if self.higher else "<="
        verdicts = [
            f"{word} {sign} {limit:g} {'met' if self.met(value, limit) else 'MISSED'}"
            for word, limit in (("must", self.must), ("stretch", self.stretch))
        ]
        return f"goal {self.row}, {self.figure}: {value:.4f}; {'; '.join(verdicts)}"


MODEL: Final = "Zhiheng"
SCORECARD: Final = "Zhiheng scorecard"
# SMEsD's goals are for the later split, which is scored elsewhere: here the split beside it stands in for it.
GOALS: Final = {
    "smesd": (
        RealGoal(MODEL, "auc", 0.870, 0.880),
        RealGoal(MODEL, "ks", 0.56, 0.59),
        RealGoal(MODEL, "brier", 0.142, 0.135),
        RealGoal(MODEL, "ece", 0.045, 0.03),
        RealGoal(SCORECARD, "auc", 0.835, 0.85),
    ),
    "polish": (
        RealGoal(MODEL, "mean_cut_auc", 0.967, 0.972),
        RealGoal(MODEL, "ece", 0.006, 0.004),
        RealGoal(SCORECARD, "mean_cut_auc", 0.940, 0.95),
    ),
    "ratings": (RealGoal(MODEL, "auc", 0.868, 0.88), RealGoal(MODEL, "ece", 0.03, 0.03)),
    "sba": (RealGoal(MODEL, "auc", 0.69, 0.71), RealGoal(MODEL, "ece", 0.05, 0.03)),
}
