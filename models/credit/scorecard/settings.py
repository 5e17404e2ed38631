"""Settings of learning a scorecard; the defaults are meant to be left alone."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CANDIDATES", "ScorecardSettings"]


class ScorecardSettings(BaseModel):
    """How columns are cut into bins, which become part of the card, and how their coefficients are learnt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: int = Field(
        default=40, ge=2, le=1000, description="most fine cells of equal frequency before bins are merged"
    )
    max_bins: int = Field(default=8, ge=2, description="most bins of a column, the missing one not counted")
    min_bin_share: float = Field(
        default=0.02, ge=0, lt=0.5, description="least share of the rows that a bin holds"
    )
    smoothing: float = Field(
        default=20.0, gt=0, description="rows at the average rate that are added to each bin"
    )
    min_merge_gain: float = Field(
        default=4.0, ge=0, description="neighbouring bins merge when that costs less deviance than this"
    )
    two_sided: bool = Field(
        default=False,
        description="let a column without a known sign fall and then rise (or the reverse), as two monotone terms",
    )
    two_sided_gain: float = Field(
        default=10.0, ge=0, description="least gain in deviance of two monotone terms over one"
    )
    min_iv: float = Field(default=0.02, ge=0, description="least information value of a term")
    max_correlation: float = Field(
        default=0.8, gt=0, le=1, description="most correlation of the WoE of two terms"
    )
    max_vif: float = Field(
        default=10.0, ge=1, description="most variance inflation of a term by the others of the card"
    )
    max_terms: int = Field(default=30, ge=1, description="most terms of the card")
    contrasts: int = Field(
        default=0, ge=0, description="most differences of two columns to try as further terms"
    )
    ridge: tuple[float, ...] = Field(
        default=(1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
        min_length=1,
        description="strengths of the ridge penalty to choose from out of fold",
    )
    folds: int = Field(
        default=5, ge=2, description="folds of whole groups that learn bins and coefficients apart"
    )


_FINE: Final = ScorecardSettings(
    max_bins=12,
    min_bin_share=0.01,
    min_merge_gain=2.0,
    two_sided=True,
    max_correlation=0.95,
    max_vif=20.0,
    max_terms=40,
)
CANDIDATES: Final = (ScorecardSettings(), _FINE, _FINE.model_copy(update={"contrasts": 30}))
"""What competes out of fold on a table nobody has looked at: coarse and monotone, fine with turns, and with differences."""
