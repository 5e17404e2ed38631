"""What the report holds a model to: thresholds a bank's validators would recognise, each a setting of the job."""

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Criteria"]


class Criteria(BaseModel):
    """Thresholds of the findings; they are printed beside each finding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    auc_low: float = Field(
        default=0.60, ge=0.5, le=1, description="the lower end of the out-of-time AUC's interval reaches it"
    )
    ece: float = Field(default=0.03, gt=0, le=1, description="the calibration error stays below it")
    significance: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="of a test; divided by the number of tests where there are several",
    )
    psi_watch: float = Field(default=0.10, gt=0, description="convention: from here on look at it")
    psi_shift: float = Field(
        default=0.25, gt=0, description="convention: from here on it is another population"
    )
    least_defaulted: int = Field(
        default=10, ge=2, description="parties of either outcome that a figure of a segment needs"
    )
    near_zero: float = Field(
        default=0.10,
        gt=0,
        description="log-odds: the network says nothing of parties it has nothing to say of",
    )
    date_rank: float = Field(
        default=0.90,
        gt=0,
        le=1,
        description="rank correlation with the days to default that gives a feature away",
    )
