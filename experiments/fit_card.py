"""Job: fit a credit model on any table described by a card, judge it by the card's protocol, write it as a bundle."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import logit

from experiments.card_judging import Judged, judge, measured_levels, network_part
from experiments.card_learning import CardLearner, candidate_settings, with_own_scores
from experiments.card_report import CardReport, report_markdown
from experiments.kept_models import TRAINED_BY
from experiments.model_folder import check_out, data_hash
from experiments.tracking import tracked_run
from experiments.validation import Split, Splits, cut_rows
from features.cards.card import Card, Protocol, load_card
from features.cards.derive import Derived, fit_relations
from features.cards.read import LABEL, CardTables, read_card_tables
from features.cards.state import Family, RelationalState
from features.leaks import LeakReport, look_for_leaks
from models.bundle import Bundle, write_bundle
from models.credit.calibration.fit import fit_affine
from models.credit.calibration.maps import AffineCalibration, Calibration, Chained
from models.credit.learn import Learned
from models.credit.model import FAMILY
from models.credit.pair_choice import choose_pairs

__all__ = ["CARD_FILE", "LABELS_FILE", "RELATIONS_FILE", "FitCard", "Fitted", "track_fit"]

CARD_FILE: Final = "card.json"
RELATIONS_FILE: Final = "relations.json"
LABELS_FILE: Final = "labels.parquet"
_LEAST_TO_RECALIBRATE: Final = 50  # of each class; fewer say less about the level than the training does
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """What fitting a card left behind."""

    bundle: Bundle
    report: CardReport


class FitCard(BaseModel):
    """Settings of fitting a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Path = Field(description="the card (TOML)")
    out: Path = Field(description="model folder to write")
    code_version: str
    trained_by: str = Field(
        default="", description="who runs the training; this person may not approve the model"
    )
    seed: int = 7
    num_threads: int = Field(default=1, ge=1)
    force: bool = Field(
        default=False, description="replace a folder that is no model or holds other files too"
    )
    resamples: int = Field(default=500, ge=20, description="bootstrap draws of the intervals")

    def run(self, say: Callable[[str, str], None]) -> Fitted:
        """Read, look for leaks, derive features, judge by the card's protocol, train, write the bundle.

        `say` gets each message in Chinese and English. The judged figures come from models that never saw the judged
        rows; the model written is trained on the training side (split, time) or on all rows (folds).
        """
        check_out(self.out, force=self.force)
        card = load_card(self.card)
        tables = read_card_tables(card, label=True)
        splits = cut_rows(card, tables)
        for note in (*tables.notes, *splits.notes):
            zh, _, en = note.partition(" / ")
            say(zh, en or zh)
        leaks = _leaks(card, tables, splits)
        for finding in leaks.findings:
            say(f"泄漏检查 {finding.text('zh')}", f"leak guard: {finding.text('en')}")
        by_time = splits.protocol is Protocol.TIME
        learner = CardLearner(tables, candidate_settings(card), self.seed, self.num_threads, by_time)
        state, derived = fit_relations(
            card, tables, pl.Series(splits.final), excluded=leaks.excluded(), choose_pairs=choose_pairs
        )
        for notice in derived.notices:
            say(
                f"{notice.table}.{notice.column}：{notice.zh}", f"{notice.table}.{notice.column}: {notice.en}"
            )
        cuts = [
            # Of a split or cut by date, the training side is what the model is fitted on.
            (state, derived)
            if np.array_equal(cut.train, splits.final)
            else _fit_cut(card, tables, cut, leaks)
            for cut in splits
        ]
        judged = judge(learner, splits, cuts)
        levels = measured_levels(learner, splits, judged, resamples=self.resamples)
        for level in levels:
            say(level.line("zh"), level.line("en"))
        network = network_part(learner, splits, judged, resamples=self.resamples)
        if network:
            say(network.text("zh"), network.text("en"))
        learned, notes = _final(card, learner, splits, judged, fitted=(state, derived))
        notes = (*tables.notes, *splits.notes, *notes)
        report = CardReport(
            protocol=splits.protocol, rows=int(splits.final.sum()), features=len(state.features),
            rounds=learned.rounds, seed=self.seed, levels=levels, leaks=leaks,
            notices=derived.notices, notes=notes, top=_top(learned, derived, splits.final),
            calibration=(learned.calibration.kind, learned.calibration.zh, learned.calibration.en), network=network,
        )  # fmt: skip
        return Fitted(self._write(card, learned, state, derived, report), report)

    def _write(
        self, card: Card, learned: Learned, state: RelationalState, derived: Derived, report: CardReport
    ) -> Bundle:
        files = learned.model.files() | {
            CARD_FILE: card.model_dump_json(indent=2).encode(),
            RELATIONS_FILE: state.model_dump_json(indent=1).encode(),
            "report.json": json.dumps(report.plain(), ensure_ascii=False, indent=2).encode(),
            "report.md": report_markdown(report).encode(),
        }
        if derived.labels is not None:
            files[LABELS_FILE] = derived.labels.to_parquet()
        return write_bundle(
            self.out,
            files,
            family=FAMILY,
            features=learned.model.features,
            seed=self.seed,
            data_hash=data_hash(card),
            code_version=self.code_version,
            metrics=report.figures(),
            notes={
                "source": "card",
                "protocol": report.protocol.value,
                TRAINED_BY: self.trained_by,
            },
        )


def _final(
    card: Card,
    learner: CardLearner,
    splits: Splits,
    judged: dict[str, Judged],
    *,
    fitted: tuple[RelationalState, Derived],
) -> tuple[Learned, tuple[str, ...]]:
    """Return the model to write: the one judged (its calibration moved to the latest rows), or one of all folds."""
    state, derived = fitted
    if splits.protocol is Protocol.FOLDS:
        return learner.learn(state, derived, splits.final, features=state.of(tuple(Family))), ()
    last = list(judged.values())[-1]
    learned, rows = last.learned[0], splits.cuts[0].valid
    y = learner.tables.main[LABEL].to_numpy()[rows]
    enough = min(y.sum(), len(y) - y.sum()) >= _LEAST_TO_RECALIBRATE
    if card.validation is None or not card.validation.recalibrate or not enough:
        return learned, ()
    model = learned.model
    calibration = _moved(model.calibration, logit(last.pd[rows]), y)
    note = (
        f"评价之后，校准已移到评价部分（{len(y)} 行，平均 PD {last.pd[rows].mean():.3f}，实际 {y.mean():.3f}） / "
        f"after judging, the calibration was moved to the judged rows ({len(y)} rows, mean PD "
        f"{last.pd[rows].mean():.3f}, observed {y.mean():.3f}); the figures above are from before"
    )
    return replace(learned, model=replace(model, calibration=calibration)), (note,)


def _moved(calibration: Calibration, log_odds: Floats, y: Floats) -> Calibration:
    """Return the calibration followed by another one that was fitted on its own log-odds."""
    second = fit_affine(log_odds, y)
    if not isinstance(calibration, AffineCalibration):
        return Chained(calibration, second)
    return AffineCalibration(
        slope=second.slope * calibration.slope,
        intercept=second.slope * calibration.intercept + second.intercept,
    )


def _leaks(card: Card, tables: CardTables, splits: Splits) -> LeakReport:
    if splits.protocol is Protocol.FOLDS:
        return look_for_leaks(card, tables, pl.Series(splits.final))
    return look_for_leaks(card, tables, pl.Series(splits.final), pl.Series(splits.cuts[0].valid))


def _fit_cut(
    card: Card, tables: CardTables, cut: Split, leaks: LeakReport
) -> tuple[RelationalState, Derived]:
    return fit_relations(
        card, tables, pl.Series(cut.train), excluded=leaks.excluded(), choose_pairs=choose_pairs
    )


def _top(
    learned: Learned, derived: Derived, rows: NDArray[np.bool_], most: int = 20
) -> tuple[tuple[str, float], ...]:
    """Return the features that move the log-odds most, by mean absolute contribution over (at most 2,000) rows."""
    sample = derived.frame.filter(pl.Series(rows)).gather_every(max(1, int(rows.sum()) // 2000))
    parts = np.abs(learned.model.score(with_own_scores(learned.model, sample)).contributions).mean(axis=0)
    order = np.argsort(-parts, kind="stable")[:most]
    return tuple((learned.model.features[i], float(parts[i])) for i in order)


def track_fit(job: FitCard, fitted: Fitted, *, tracking_uri: str, artifacts: Path) -> None:
    """Log a finished fit to MLflow: parameters, figures, hashes and the model folder with its report."""
    manifest = fitted.bundle.manifest
    with tracked_run(
        "credit-cards", tracking_uri=tracking_uri, artifacts=artifacts, name=job.card.stem
    ) as run:
        run.parameters({"card": job.card.name, "seed": job.seed, "protocol": fitted.report.protocol.value,
                        "features": fitted.report.features, "rounds": fitted.report.rounds})  # fmt: skip
        run.metrics(manifest.metrics)
        run.tags(
            {
                "data_hash": manifest.data_hash,
                "code_version": manifest.code_version,
                "bundle": manifest.version,
            }
        )
        run.files(fitted.bundle.folder, under="model")
