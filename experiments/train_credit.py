"""Job: train the credit model on the panel, judge it out of time, track it and register it as champion."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import MissingPanelError, SplitError
from experiments.job import Say
from experiments.metrics import evaluate, flat
from experiments.plots import write_plots
from experiments.tracking import Run, tracked_run
from features.credit.build import CATALOGUE
from models.bundle import Bundle, content_version, write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import Learned, learn_credit_model
from models.credit.model import FAMILY, Scores
from models.registry import Registered, Registry

__all__ = ["NAME", "TrainCredit", "Trained"]

NAME: Final = "credit"


@dataclass(frozen=True)
class Trained:
    """What a training run left behind."""

    bundle: Bundle
    registered: Registered
    metrics: dict[str, float]


class TrainCredit(BaseModel):
    """Settings of the training; the panel holds party_id, as_of, label and the features of the catalogue."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    panel: Path = Field(description="Parquet file that BuildFeatures wrote")
    models: Path = Field(description="folder that gets the model's folder")
    tracking_uri: str
    artifacts: Path
    code_version: str
    test_months: int = Field(default=6, ge=1, description="last month-ends, kept for the out-of-time test")
    horizon_months: int = Field(default=12, ge=1, description="the label looks this far ahead")
    label_lag_months: int = Field(default=3, ge=0, description="labels are complete this much later")
    booster: BoosterSettings = BoosterSettings()
    seed: int = 7
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Say) -> Trained:
        """Judge the procedure out of time, then train on all mature labels the model that serves.

        The metrics written down are those of the procedure on dates its training labels did not reach; the
        served model is learnt by the same procedure and seed on more recent data, where no later label can
        judge it yet. Raises SplitError when the dates leave nothing to learn from or to judge by,
        MissingPanelError when there is no panel.
        """
        if not self.panel.is_file():
            raise MissingPanelError(str(self.panel))
        panel = pl.read_parquet(self.panel).sort("as_of", "party_id")
        past, test = self._out_of_time(panel)
        say(
            f"时间外评价：用 {_span(past)} 学习，用 {_span(test)} 测试",
            f"out of time: learn on {_span(past)}, test on {_span(test)}",
        )
        with tracked_run(
            NAME, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name="train credit"
        ) as run:
            judged = self._learn(past)
            scores = judged.model.score(test, num_threads=self.num_threads)
            metrics = self._metrics(test, scores)
            say(f"时间外：{_summary(metrics)}", f"out of time: {_summary(metrics)}")
            learned = self._learn(panel)
            bundle = self._write(learned, panel, metrics)
            version, rows, rounds = bundle.manifest.version, panel.height, learned.rounds
            say(
                f"模型 {version}：{rows:,} 个观察，{rounds} 轮",
                f"model {version}: {rows:,} observations, {rounds} rounds",
            )
            self._log(run, bundle, rounds=learned.rounds)
            with tempfile.TemporaryDirectory() as folder:
                write_plots(Path(folder), _labels(test), scores, judged.model.matrix(test))
                run.files(Path(folder), under="plots")
            registry = Registry(self.tracking_uri)
            registered = registry.register(NAME, folder=bundle.folder, run_id=run.run_id)
            registry.set_alias(registered)
        return Trained(bundle, registered, metrics)

    def _out_of_time(self, panel: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split so that every training label was known before the first test date."""
        months = panel["as_of"].unique().sort()
        first_test = months[max(0, len(months) - self.test_months)]
        known_after = f"{self.horizon_months + self.label_lag_months}mo"
        past = panel.filter(pl.col("as_of").dt.offset_by(known_after) <= first_test)
        test = panel.filter(pl.col("as_of") >= first_test)
        for zh, en, rows in (("训练", "training", past), ("测试", "test", test)):
            if rows["label"].n_unique() < 2:  # noqa: PLR2004 - a label has two values
                raise SplitError(
                    zh=f"按时间划分后，{zh}部分（{rows.height} 行）的标签不足两类。请提前起始月份或减少测试月数。",
                    en=f"Split by time, the {en} part ({rows.height} rows) lacks one of the two labels. "
                    "Start the panel earlier or test fewer months.",
                )
        return past, test

    def _learn(self, panel: pl.DataFrame) -> Learned:
        cards = CATALOGUE
        x = panel.select(pl.col(card.name).cast(pl.Float64) for card in cards).fill_null(float("nan"))
        design = Design(
            x=np.ascontiguousarray(x.to_numpy()),
            y=_labels(panel),
            features=tuple(card.name for card in cards),
            monotone={card.name: card.monotone for card in cards if card.monotone},
        )
        return learn_credit_model(
            design,
            groups=_parties(panel),
            settings=self.booster,
            scale=group_master_scale(),
            seed=self.seed,
            num_threads=self.num_threads,
        )

    def _metrics(self, test: pl.DataFrame, scores: Scores) -> dict[str, float]:
        found = flat(evaluate(_labels(test), scores.pd, groups=_parties(test), seed=self.seed))
        rates = {"observed_rate": float(_labels(test).mean()), "mean_pd": float(scores.pd.mean())}
        return {**found, **rates, "test_rows": float(test.height)}

    def _write(self, learned: Learned, panel: pl.DataFrame, metrics: dict[str, float]) -> Bundle:
        files = learned.model.files()
        window = (panel["as_of"].item(0), panel["as_of"].item(-1))
        return write_bundle(
            self.models / content_version(FAMILY, files),
            files,
            family=FAMILY,
            features=learned.model.features,
            seed=self.seed,
            data_hash=hashlib.sha256(self.panel.read_bytes()).hexdigest(),
            code_version=self.code_version,
            training_window=window,
            metrics=metrics,
            notes={"metrics": "out of time, of the same procedure and seed learnt on earlier dates"},
        )

    def _log(self, run: Run, bundle: Bundle, *, rounds: int) -> None:
        own = self.model_dump(
            mode="json", exclude={"panel", "models", "tracking_uri", "artifacts", "booster"}
        )
        booster = {f"booster_{name}": value for name, value in self.booster.model_dump().items()}
        run.parameters({**own, **booster, "chosen_rounds": rounds, "features": len(bundle.manifest.features)})
        run.metrics(bundle.manifest.metrics)
        manifest = bundle.manifest
        run.tags(
            {
                "data_hash": manifest.data_hash,
                "code_version": manifest.code_version,
                "bundle": manifest.version,
            }
        )


def _labels(panel: pl.DataFrame) -> NDArray[np.float64]:
    return panel["label"].cast(pl.Float64).to_numpy()


def _parties(panel: pl.DataFrame) -> NDArray[np.int64]:
    return panel["party_id"].rank("dense").cast(pl.Int64).to_numpy()


def _span(panel: pl.DataFrame) -> str:
    days = panel["as_of"]
    return f"{days.item(0)} – {days.item(-1)} ({panel.height:,})"


def _summary(metrics: dict[str, float]) -> str:
    return ", ".join(
        f"{name.upper()} {metrics[name]:.3f} [{metrics[f'{name}_low']:.3f}, {metrics[f'{name}_high']:.3f}]"
        for name in ("auc", "ks", "brier", "ece")
    )
