"""Job: train the scorecard, the challenger, on the group's panel; judge it out of time; write it as a bundle."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import MissingPanelError
from experiments.job import Say
from experiments.kept_models import TRAINED_BY
from experiments.learn_panel import signs
from experiments.metrics import evaluate, flat
from experiments.model_folder import check_out
from experiments.out_of_time import labels, out_of_time, parties
from experiments.training_gates import GATE, credit_gate
from features.catalogue import Unit, catalogue
from features.credit.build import NETWORK_FEATURES, OWN_FEATURES
from models.bundle import Bundle, write_bundle
from models.credit.points import load_point_scales
from models.credit.scorecard.card import Scorecard
from models.credit.scorecard.folder import SCORECARD_FAMILY, scorecard_files
from models.credit.scorecard.learn import learn_scorecard
from models.credit.scorecard.settings import ScorecardSettings

__all__ = ["TrainScorecard", "TrainedScorecard", "learn_panel_scorecard"]


@dataclass(frozen=True)
class TrainedScorecard:
    """A card learnt on the whole panel, and how its procedure did out of time."""

    scorecard: Scorecard
    bundle: Bundle
    metrics: dict[str, float]


class TrainScorecard(BaseModel):
    """Settings of the training; the panel holds party_id, as_of, label and the features of the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    panel: Path = Field(description="Parquet file that BuildFeatures wrote")
    out: Path = Field(description="model folder to write")
    code_version: str
    trained_by: str = Field(
        default="", description="who runs the training; this person may not approve the model"
    )
    as_of: date = Field(description="the scale of points in force on this day is used")
    test_months: int = Field(default=6, ge=1, description="last month-ends, kept for the out-of-time test")
    horizon_months: int = Field(default=12, ge=1, description="the label looks this far ahead")
    label_lag_months: int = Field(default=3, ge=0, description="labels are complete this much later")
    settings: ScorecardSettings = ScorecardSettings()
    seed: int = 7
    force: bool = Field(
        default=False, description="replace a folder that is no model or holds other files too"
    )

    def run(self, say: Say) -> TrainedScorecard:
        """Judge the procedure on dates its training labels did not reach, then learn from all mature labels.

        Raises MissingPanelError when there is no panel, SplitError when the dates leave nothing to judge by, and what
        learning a scorecard raises.
        """
        if not self.panel.is_file():
            raise MissingPanelError(str(self.panel))
        check_out(self.out, force=self.force)
        panel = pl.read_parquet(self.panel).sort("as_of", "party_id")
        past, test = out_of_time(
            panel,
            test_months=self.test_months,
            horizon_months=self.horizon_months,
            label_lag_months=self.label_lag_months,
        )
        pd = learn_panel_scorecard(past, settings=self.settings, seed=self.seed).pd(test)
        metrics = flat(evaluate(labels(test), pd, groups=parties(test), seed=self.seed))
        metrics |= {"observed_rate": float(labels(test).mean()), "mean_pd": float(pd.mean())}
        shown = ", ".join(f"{name.upper()} {metrics[name]:.3f}" for name in ("auc", "ks", "brier", "ece"))
        say(
            f"评分卡，时间外 {test.height:,} 行：{shown}",
            f"scorecard out of time, {test.height:,} rows: {shown}",
        )
        card = learn_panel_scorecard(panel, settings=self.settings, seed=self.seed)
        bundle = write_bundle(
            self.out,
            scorecard_files(
                card,
                load_point_scales().on(self.as_of),
                table="credit_features",
                keys=["party_id", "as_of"],
            ),
            family=SCORECARD_FAMILY,
            features=card.features,
            seed=self.seed,
            data_hash=hashlib.sha256(self.panel.read_bytes()).hexdigest(),
            code_version=self.code_version,
            training_window=(panel["as_of"].item(0), panel["as_of"].item(-1)),
            metrics=metrics,
            notes={
                "metrics": "out of time, of the same procedure and seed learnt on earlier dates",
                TRAINED_BY: self.trained_by,
                GATE: credit_gate(metrics),
            },
        )
        say(
            f"评分卡 {bundle.manifest.version}：{len(card.terms)} 项，写入 {self.out}",
            f"scorecard {bundle.manifest.version}: {len(card.terms)} terms, written to {self.out}",
        )
        return TrainedScorecard(card, bundle, metrics)


def learn_panel_scorecard(panel: pl.DataFrame, *, settings: ScorecardSettings, seed: int) -> Scorecard:
    """Learn a card from a panel [party_id, as_of, label, features]: what the party is, and of the graph what has a sign."""
    known = signs()
    return learn_scorecard(
        panel,
        labels(panel),
        features=(*OWN_FEATURES, *(name for name in NETWORK_FEATURES if name in known)),
        signs=known,
        categorical=[item.name for item in catalogue("credit") if item.unit is Unit.CODE],
        groups=parties(panel),
        settings=settings,
        seed=seed,
    )
