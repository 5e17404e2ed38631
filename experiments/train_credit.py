"""Job: train the credit model on the panel, judge it out of time, track it and register it as champion."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import MissingPanelError
from experiments.job import Say
from experiments.kept_models import TRAINED_BY
from experiments.learn_panel import NETWORK_BOOSTER, learn_panel
from experiments.metrics import evaluate, flat
from experiments.out_of_time import labels, out_of_time, parties
from experiments.plots import write_plots
from experiments.tracking import Run, tracked_run
from experiments.training_gates import GATE, credit_gate
from models.bundle import Bundle, content_version, write_bundle
from models.credit.booster import BoosterSettings
from models.credit.learn import Learned
from models.credit.model import FAMILY, Scores
from models.credit.neighbours import with_neighbour_scores
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
    links: Path = Field(description="Parquet file of the links between its parties, from BuildFeatures too")
    models: Path = Field(description="folder that gets the model's folder")
    tracking_uri: str
    artifacts: Path
    code_version: str
    trained_by: str = Field(
        default="", description="who runs the training; this person may not approve the model"
    )
    test_months: int = Field(default=6, ge=1, description="last month-ends, kept for the out-of-time test")
    horizon_months: int = Field(default=12, ge=1, description="the label looks this far ahead")
    label_lag_months: int = Field(default=3, ge=0, description="labels are complete this much later")
    booster: BoosterSettings = Field(default=BoosterSettings(), description="of the own booster")
    network: BoosterSettings = Field(default=NETWORK_BOOSTER, description="of the network booster")
    seed: int = 7
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Say) -> Trained:
        """Judge the procedure out of time, then train on all mature labels the model that serves.

        The metrics written down are those of the procedure on dates its training labels did not reach; the
        served model is learnt by the same procedure and seed on more recent data, where no later label can
        judge it yet. Raises SplitError when the dates leave nothing to learn from or to judge by,
        MissingPanelError when there is no panel.
        """
        for file in (self.panel, self.links):
            if not file.is_file():
                raise MissingPanelError(str(file))
        panel = pl.read_parquet(self.panel).sort("as_of", "party_id")
        links = pl.read_parquet(self.links)
        past, test = out_of_time(
            panel,
            test_months=self.test_months,
            horizon_months=self.horizon_months,
            label_lag_months=self.label_lag_months,
        )
        say(
            f"时间外评价：用 {_span(past)} 学习，用 {_span(test)} 测试",
            f"out of time: learn on {_span(past)}, test on {_span(test)}",
        )
        with tracked_run(
            NAME, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name="train credit"
        ) as run:
            judged = self._learn(past, links)
            full = with_neighbour_scores(judged.model, test, links, num_threads=self.num_threads)
            scores = judged.model.score(full, num_threads=self.num_threads)
            metrics = self._metrics(test, scores)
            say(f"时间外：{_summary(metrics)}", f"out of time: {_summary(metrics)}")
            learned = self._learn(panel, links)
            say(*_of_the_network(learned))
            say(learned.calibration.zh, learned.calibration.en)
            bundle = self._write(learned, panel, metrics)
            version, rows, rounds = bundle.manifest.version, panel.height, learned.rounds
            say(
                f"模型 {version}：{rows:,} 个观察，{rounds} 轮",
                f"model {version}: {rows:,} observations, {rounds} rounds",
            )
            self._log(run, bundle, learned)
            with tempfile.TemporaryDirectory() as folder:
                write_plots(Path(folder), labels(test), scores, judged.model.matrix(full))
                run.files(Path(folder), under="plots")
            registry = Registry(self.tracking_uri)
            registered = registry.register(NAME, folder=bundle.folder, run_id=run.run_id)
            registry.set_alias(registered)
        return Trained(bundle, registered, metrics)

    def _learn(self, panel: pl.DataFrame, links: pl.DataFrame) -> Learned:
        return learn_panel(
            panel,
            links,
            own=self.booster,
            network=self.network,
            label_months=self.horizon_months + self.label_lag_months,
            seed=self.seed,
            num_threads=self.num_threads,
        )

    def _metrics(self, test: pl.DataFrame, scores: Scores) -> dict[str, float]:
        y, groups = labels(test), parties(test)
        found = flat(evaluate(y, scores.pd, groups=groups, seed=self.seed))
        own = {
            f"own_{name}": value.value
            for name, value in evaluate(y, scores.own_pd, groups=groups, seed=self.seed, resamples=0).items()
        }
        rates = {"observed_rate": float(y.mean()), "mean_pd": float(scores.pd.mean())}
        return {**found, **own, **rates, "test_rows": float(test.height)}

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
            notes={
                "metrics": "out of time, of the same procedure and seed learnt on earlier dates",
                TRAINED_BY: self.trained_by,
                GATE: credit_gate(metrics),
            },
        )

    def _log(self, run: Run, bundle: Bundle, learned: Learned) -> None:
        places = {"panel", "links", "models", "tracking_uri", "artifacts", "trained_by"}
        settings = self.model_dump(mode="json", exclude=places | {"booster", "network"})
        for part in ("booster", "network"):
            settings |= {f"{part}_{name}": value for name, value in getattr(self, part).model_dump().items()}
        chosen = {
            "chosen_rounds": learned.rounds,
            "network_rounds": learned.network_rounds,
            "calibration": learned.calibration.kind.value,
            "features": len(bundle.manifest.features),
        }
        run.parameters({**settings, **chosen})
        run.metrics({**bundle.manifest.metrics, **_gains(learned)})
        manifest = bundle.manifest
        run.tags(
            {
                "data_hash": manifest.data_hash,
                "code_version": manifest.code_version,
                "bundle": manifest.version,
            }
        )


def _gains(learned: Learned) -> dict[str, float]:
    found = {"network_gain": learned.gain, "network_later_gain": learned.later_gain}
    return {name: gain.mean for name, gain in found.items() if gain is not None} | {
        f"{name}_standard_error": gain.standard_error for name, gain in found.items() if gain is not None
    }


def _of_the_network(learned: Learned) -> tuple[str, str]:
    """Say whether the network part stays and what it was judged by."""
    figures = [
        "-" if gain is None else f"{gain.mean:+.5f} ± {gain.standard_error:.5f}"
        for gain in (learned.gain, learned.later_gain)
    ]
    zh = f"关系部分降低的对数损失：其他主体 {figures[0]}，较晚日期的其他主体 {figures[1]}；"
    en = f"log-loss taken off by the network: other parties {figures[0]}, other parties on later dates {figures[1]}; "
    if learned.network_rounds:
        return f"{zh}保留，{learned.network_rounds} 轮", f"{en}it stays, {learned.network_rounds} rounds"
    return f"{zh}不足以采用，只用自身风险", f"{en}not enough to use it, own risk answers alone"


def _span(panel: pl.DataFrame) -> str:
    days = panel["as_of"]
    return f"{days.item(0)} – {days.item(-1)} ({panel.height:,})"


def _summary(metrics: dict[str, float]) -> str:
    return ", ".join(
        f"{name.upper()} {metrics[name]:.3f} [{metrics[f'{name}_low']:.3f}, {metrics[f'{name}_high']:.3f}]"
        for name in ("auc", "ks", "brier", "ece")
    )
