"""Job: fit a scorecard on any table described by a card, judge it by the card's protocol, write it as a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from experiments.comparison import auc
from experiments.job import Say
from experiments.kept_models import TRAINED_BY
from experiments.metrics import Interval, evaluate, flat
from experiments.model_folder import check_out, data_hash
from experiments.validation import Splits, cut_rows
from features.cards.card import Card, Protocol, load_card
from features.cards.derive import Derived, fit_relations
from features.cards.read import LABEL, PARTY, CardTables, read_card_tables
from features.cards.state import RelationalState
from features.leaks import LeakReport, look_for_leaks
from models.bundle import Bundle, write_bundle
from models.credit.pair_choice import choose_pairs
from models.credit.points import load_point_scales
from models.credit.scorecard.folder import SCORECARD_FAMILY, scorecard_files
from models.credit.scorecard.learn import LearnedScorecard, learn_best_scorecard
from models.credit.scorecard.settings import CANDIDATES, ScorecardSettings

__all__ = ["FitScorecard", "FittedScorecard", "JudgedScorecard", "judge_scorecard"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_RELATIONS: Final = "relations.json"
_CARD: Final = "card.json"


@dataclass(frozen=True)
class JudgedScorecard:
    """Held-out PDs (NaN on rows never judged), their figures, the AUC of each cut, and the settings each cut chose."""

    pd: Floats
    metrics: Mapping[str, Interval]
    cut_aucs: tuple[float, ...]
    settings: tuple[ScorecardSettings, ...]

    @property
    def mean_cut_auc(self) -> float:
        """Return the mean AUC over the cuts."""
        return float(np.mean(self.cut_aucs))


@dataclass(frozen=True)
class FittedScorecard:
    """A card learnt from a table, and how its procedure did by the table's protocol."""

    learned: LearnedScorecard
    bundle: Bundle
    judged: JudgedScorecard


class FitScorecard(BaseModel):
    """Settings of fitting a scorecard on the tables of a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Path = Field(description="the card (TOML)")
    out: Path = Field(description="model folder to write")
    code_version: str
    trained_by: str = Field(
        default="", description="who runs the training; this person may not approve the model"
    )
    as_of: date = Field(description="the scale of points in force on this day is used")
    candidates: tuple[ScorecardSettings, ...] = Field(
        default=CANDIDATES, min_length=1, description="settings that compete out of fold"
    )
    seed: int = 7
    force: bool = Field(
        default=False, description="replace a folder that is no model or holds other files too"
    )
    resamples: int = Field(default=500, ge=20, description="bootstrap draws of the intervals")

    def run(self, say: Say) -> FittedScorecard:
        """Read, look for leaks, derive features, judge by the card's protocol, learn, write the bundle.

        The judged figures come from cards that never saw the judged rows; the card written is learnt on the training side
        (split, time) or on all rows (folds).
        """
        check_out(self.out, force=self.force)
        card = load_card(self.card)
        tables = read_card_tables(card, label=True)
        splits = cut_rows(card, tables)
        leaks = _leaks(card, tables, splits)
        for finding in leaks.findings:
            say(f"泄漏检查 {finding.text('zh')}", f"leak guard: {finding.text('en')}")
        judged = judge_scorecard(
            card, tables, splits, leaks,
            candidates=self.candidates, seed=self.seed, resamples=self.resamples,
        )  # fmt: skip
        shown = ", ".join(
            f"{name.upper()} {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
            for name, found in judged.metrics.items()
        )
        say(f"评分卡：{shown}", f"scorecard: {shown}")
        state, derived = fit_relations(
            card, tables, pl.Series(splits.final), excluded=leaks.excluded(), choose_pairs=choose_pairs
        )
        learned, _ = _learn(tables, state, derived, splits.final, candidates=self.candidates, seed=self.seed)
        bundle = self._write(card, learned, state, judged)
        terms = len(learned.scorecard.terms)
        say(
            f"评分卡 {bundle.manifest.version}：{terms} 项，写入 {self.out}",
            f"scorecard {bundle.manifest.version}: {terms} terms, written to {self.out}",
        )
        return FittedScorecard(learned, bundle, judged)

    def _write(
        self, card: Card, learned: LearnedScorecard, state: RelationalState, judged: JudgedScorecard
    ) -> Bundle:
        scale = load_point_scales().on(self.as_of)
        files = scorecard_files(learned.scorecard, scale) | {
            _CARD: card.model_dump_json(indent=2).encode(),
            _RELATIONS: state.model_dump_json(indent=1).encode(),
        }
        return write_bundle(
            self.out,
            files,
            family=SCORECARD_FAMILY,
            features=learned.scorecard.features,
            seed=self.seed,
            data_hash=data_hash(card),
            code_version=self.code_version,
            metrics={**flat(judged.metrics), "mean_cut_auc": judged.mean_cut_auc},
            notes={"source": "card", TRAINED_BY: self.trained_by},
        )


def judge_scorecard(
    card: Card,
    tables: CardTables,
    splits: Splits,
    leaks: LeakReport,
    *,
    candidates: Sequence[ScorecardSettings] = CANDIDATES,
    seed: int,
    resamples: int = 500,
) -> JudgedScorecard:
    """Judge scorecards by the card's protocol; everything, the choice of settings too, is learnt on each cut's training side.

    `candidates` of one leave no choice.
    """
    y = tables.main[LABEL].to_numpy()
    pd, aucs, settings = np.full(len(y), np.nan), [], []
    for cut in splits:
        state, derived = fit_relations(
            card, tables, pl.Series(cut.train), excluded=leaks.excluded(), choose_pairs=choose_pairs
        )
        learned, chosen = _learn(tables, state, derived, cut.train, candidates=candidates, seed=seed)
        pd[cut.valid] = learned.scorecard.pd(derived.frame.filter(pl.Series(cut.valid)))
        aucs.append(auc(y[cut.valid], pd[cut.valid]))
        settings.append(chosen)
    rows = ~np.isnan(pd)
    metrics = evaluate(y[rows], pd[rows], groups=_parties(tables)[rows], seed=seed, resamples=resamples)
    return JudgedScorecard(pd, metrics, tuple(aucs), tuple(settings))


def _learn(
    tables: CardTables,
    state: RelationalState,
    derived: Derived,
    rows: Flags,
    *,
    candidates: Sequence[ScorecardSettings],
    seed: int,
) -> tuple[LearnedScorecard, ScorecardSettings]:
    return learn_best_scorecard(
        derived.frame.filter(pl.Series(rows)),
        tables.main[LABEL].to_numpy()[rows],
        candidates,
        features=state.features,
        signs={},
        categorical=state.categorical,
        groups=_parties(tables)[rows],
        seed=seed,
    )


def _parties(tables: CardTables) -> NDArray[np.int64]:
    return tables.main[PARTY].rank("dense").cast(pl.Int64).to_numpy()


def _leaks(card: Card, tables: CardTables, splits: Splits) -> LeakReport:
    if splits.protocol is Protocol.FOLDS:
        return look_for_leaks(card, tables, pl.Series(splits.final))
    return look_for_leaks(card, tables, pl.Series(splits.final), pl.Series(splits.cuts[0].valid))
