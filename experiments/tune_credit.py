"""Job: search better booster settings within a stated budget, and say whether they are worth taking."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sklearn.model_selection import StratifiedGroupKFold

from experiments.errors import MissingPanelError
from experiments.job import Say
from experiments.learn_panel import NETWORK_BOOSTER, learn_panel, signs
from experiments.metrics import METRICS, evaluate
from experiments.out_of_time import design_of, labels, out_of_time, parties
from experiments.settings_search import Found, Tried, confirm_pairs, held_out, later_pairs, search
from experiments.tracking import Run, nested_run, tracked_run
from experiments.tuned_settings import train_conf
from features.credit.build import OWN_FEATURES
from models.credit.booster import BoosterSettings
from models.credit.neighbours import with_neighbour_scores
from models.credit.network_gain import NetworkGain, network_gain

__all__ = ["NAME", "TuneCredit", "Tuned"]

NAME: Final = "credit tuning"


@dataclass(frozen=True)
class Tuned:
    """What the search found, how much it gained on parties kept from it, and what the test months said once."""

    found: Found
    winner: BoosterSettings
    gain: NetworkGain
    recommended: BoosterSettings
    test: dict[str, float]
    conf: Path

    @property
    def worth_taking(self) -> bool:
        """Return whether the winner is recommended: its gain on parties kept from the search is more than noise."""
        return self.gain.helps


class TuneCredit(BaseModel):
    """Settings of the search; it tunes the own booster, whose trees carry nearly all of a score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    panel: Path = Field(description="Parquet file that BuildFeatures wrote")
    links: Path = Field(description="Parquet file of the links between its parties, from BuildFeatures too")
    out: Path = Field(description="TOML file to write, for `zhiheng train credit --conf`")
    tracking_uri: str
    artifacts: Path
    test_months: int = Field(
        default=6, ge=1, description="last month-ends, kept for one judgement at the end"
    )
    horizon_months: int = Field(default=12, ge=1, description="the label looks this far ahead")
    label_lag_months: int = Field(default=3, ge=0, description="labels are complete this much later")
    trials: int | None = Field(default=None, ge=1, description="stop after so many trials or …")
    seconds: float | None = Field(default=None, gt=0, description="… after so long, whichever is first")
    folds: int = Field(default=3, ge=2, description="folds of parties in the search")
    spans: int = Field(default=3, ge=1, description="spans of later dates that judge in each fold")
    confirm_share: float = Field(default=0.25, ge=0.1, le=0.5, description="parties that confirm the winner")
    bags: int = Field(default=5, ge=1, description="members of the winner's bag")
    booster: BoosterSettings = Field(default=BoosterSettings(), description="default to beat, first trial")
    network: BoosterSettings = Field(default=NETWORK_BOOSTER, description="of the network booster, as it is")
    seed: int = 7
    num_threads: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _has_a_budget(self) -> Self:
        if self.trials is None and self.seconds is None:
            raise ValueError("请给出 trials 或 seconds 作为预算 / give a budget: trials, seconds or both")
        return self

    def run(self, say: Say) -> Tuned:
        """Search on the dates before the test months, confirm on parties kept from the search, test once.

        The winner is recommended when, with as many bags for both, its log-loss on the parties kept from the search,
        at later dates, lies below the default's by more than 1.645 standard errors over parties. The search, its
        rounds and the confirmation never see a row of the test months. Raises MissingPanelError when a file is not
        there, SplitError when the dates leave nothing to learn from or to judge by.
        """
        for file in (self.panel, self.links):
            if not file.is_file():
                raise MissingPanelError(str(file))
        panel = pl.read_parquet(self.panel).sort("as_of", "party_id")
        past, test = out_of_time(
            panel,
            test_months=self.test_months,
            horizon_months=self.horizon_months,
            label_lag_months=self.label_lag_months,
        )
        with tracked_run(
            NAME, tracking_uri=self.tracking_uri, artifacts=self.artifacts, name="tune credit"
        ) as run:
            found, gain = self._searched(past, say, run)
            winner = found.best.settings.model_copy(update={"bags": self.bags})
            recommended = winner if gain.helps else self.booster
            judged = self._tested(past, test, pl.read_parquet(self.links), winner)
            tuned = Tuned(found, winner, gain, recommended, judged, self.out)
            self._write(tuned)
            self._log(run, tuned)
        say(*_verdict(tuned))
        say(f"配置已写入 {self.out}", f"settings written to {self.out}")
        return tuned

    @property
    def _label_months(self) -> int:
        return self.horizon_months + self.label_lag_months

    def _searched(self, past: pl.DataFrame, say: Say, run: Run) -> tuple[Found, NetworkGain]:
        """Search on some parties of the past, and judge default and winner on the others."""
        design = design_of(past, OWN_FEATURES, monotone=signs())
        groups, days = parties(past), past["as_of"]
        splitter = StratifiedGroupKFold(
            max(2, round(1 / self.confirm_share)), shuffle=True, random_state=self.seed
        )
        kept = next(iter(splitter.split(design.y, design.y, groups)))
        search_rows = kept[0]
        pairs = later_pairs(
            days.gather(search_rows),
            design.y[search_rows],
            groups[search_rows],
            label_months=self._label_months,
            spans=self.spans,
            folds=self.folds,
            seed=self.seed,
        )
        found = search(
            design.rows(search_rows),
            pairs,
            start=self.booster,
            trials=self.trials,
            seconds=self.seconds,
            seed=self.seed,
            num_threads=self.num_threads,
            watch=_watcher(say, run),
        )
        confirming = confirm_pairs(days, design.y, kept, label_months=self._label_months, spans=self.spans)
        rows = np.concatenate([judged for _, judged in confirming])
        default, winner = (
            held_out(design, confirming, self._bagged(tried), seed=self.seed, num_threads=self.num_threads)
            for tried in (found.default, found.best)
        )
        return found, network_gain(design.y[rows], default, winner, groups[rows])

    def _bagged(self, tried: Tried) -> BoosterSettings:
        """Return the settings of a trial at the rounds it was best with, with the winner's number of bags."""
        return tried.settings.model_copy(update={"rounds": tried.rounds, "bags": self.bags})

    def _tested(
        self, past: pl.DataFrame, test: pl.DataFrame, links: pl.DataFrame, winner: BoosterSettings
    ) -> dict[str, float]:
        """Return AUC, KS, Brier and ECE of default and winner on the test months, learnt as training does."""
        found: dict[str, float] = {}
        for name, settings in (("default", self.booster), ("tuned", winner)):
            model = learn_panel(
                past,
                links,
                own=settings,
                network=self.network,
                label_months=self._label_months,
                seed=self.seed,
                num_threads=self.num_threads,
            ).model
            full = with_neighbour_scores(model, test, links, num_threads=self.num_threads)
            pd = model.score(full, num_threads=self.num_threads).pd
            measured = evaluate(labels(test), pd, groups=parties(test), seed=self.seed, resamples=0)
            found |= {f"test_{name}_{metric}": measured[metric].value for metric in METRICS}
        return found

    def _write(self, tuned: Tuned) -> None:
        general = {
            name: getattr(self, name)
            for name in ("seed", "test_months", "horizon_months", "label_lag_months")
        }
        rejected = None if tuned.worth_taking else tuned.winner
        text = train_conf(
            ("由 zhiheng tune credit 写出。Written by zhiheng tune credit.", *_verdict(tuned)),
            general,
            tuned.recommended,
            rejected,
        )
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(text, encoding="utf-8")

    def _log(self, run: Run, tuned: Tuned) -> None:
        places = {"panel", "links", "out", "tracking_uri", "artifacts", "booster", "network"}
        settings = self.model_dump(mode="json", exclude=places)
        winner = {f"booster_{name}": value for name, value in tuned.winner.model_dump().items()}
        run.parameters({**settings, **winner, "recommended": tuned.worth_taking})
        default, best = tuned.found.default.log_loss, tuned.found.best.log_loss
        losses = {"search_default_log_loss": default, "search_best_log_loss": best}
        gain = {"confirm_gain": tuned.gain.mean, "confirm_gain_standard_error": tuned.gain.standard_error}
        run.metrics({name: value for name, value in losses.items() if value is not None} | gain | tuned.test)
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "tuned.toml").write_text(self.out.read_text(encoding="utf-8"), encoding="utf-8")
            run.files(Path(folder))


def _watcher(say: Say, run: Run) -> Callable[[Tried], None]:
    """Return what writes each trial down as a run below the search's, and says when one is the best so far."""
    best = float("inf")

    def watch(tried: Tried) -> None:
        nonlocal best
        with nested_run(run, name=f"trial {tried.number}") as trial:
            trial.parameters(tried.settings.model_dump())
            trial.tags({"state": "pruned" if tried.log_loss is None else "complete"})
            trial.metrics({"rounds": float(tried.rounds), "judged_pairs": float(tried.judged)})
            if tried.log_loss is not None:
                trial.metrics({"log_loss": tried.log_loss})
        if tried.log_loss is not None and tried.log_loss < best:
            best = tried.log_loss
            say(
                f"第 {tried.number} 次：对数损失 {best:.5f}（目前最低）",
                f"trial {tried.number}: log-loss {best:.5f}, the lowest so far",
            )

    return watch


def _verdict(tuned: Tuned) -> tuple[str, str]:
    gain = f"{tuned.gain.mean:+.5f} ± {tuned.gain.standard_error:.5f}"
    auc = [tuned.test[f"test_{name}_auc"] for name in ("default", "tuned")]
    count = len(tuned.found.tried)
    zh = f"{count} 次试验；未参与搜索的主体上对数损失降低 {gain}；时间外 AUC：默认 {auc[0]:.4f}，调参后 {auc[1]:.4f}。"
    en = (
        f"{count} trials; on parties kept from the search log-loss falls by {gain}; "
        f"out-of-time AUC: default {auc[0]:.4f}, tuned {auc[1]:.4f}. "
    )
    if tuned.worth_taking:
        return f"{zh}降幅超过噪声，推荐采用。", f"{en}The fall is more than noise: take the tuned settings."
    return (
        f"{zh}降幅不超过噪声，请保留默认设置。",
        f"{en}The fall is not more than noise: keep the default settings.",
    )
