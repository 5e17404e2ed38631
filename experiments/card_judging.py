"""Judge what each family of a card's features adds, on rows the models never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from experiments.card_learning import CardLearner, with_own_scores
from experiments.card_report import Level, NetworkPart
from experiments.comparison import auc, auc_gain
from experiments.metrics import evaluate
from experiments.validation import Splits
from features.cards.derive import Derived
from features.cards.read import LABEL, PARTY
from features.cards.state import Family, RelationalState
from models.credit.learn import Learned

__all__ = ["Judged", "judge", "measured_levels", "network_part"]

Floats = NDArray[np.float64]
Cut = tuple[RelationalState, Derived]

# What a level of the report may see; each adds to the one before.
_LEVELS: Final = (
    ("own", (Family.OWN,)),
    ("own+events", (Family.OWN, Family.EVENTS)),
    ("all", tuple(Family)),
)


@dataclass(frozen=True)
class Judged:
    """Held-out PDs of one level over the judged rows, the AUC of each cut, and the models behind them.

    `own_pd` are the PDs by own risk alone of the same models; the same as `pd` where they have no network.
    """

    pd: Floats
    own_pd: Floats
    cut_aucs: tuple[float, ...]
    learned: tuple[Learned, ...]


def judge(learner: CardLearner, splits: Splits, cuts: Sequence[Cut]) -> dict[str, Judged]:
    """Judge each level that adds features to the one before, by its name; `cuts` holds the features of each cut."""
    found: dict[str, Judged] = {}
    for name, families in _LEVELS:
        if any(_adds(state, families, found) for state, _ in cuts):
            found[name] = _judge_level(learner, splits, cuts, families)
    return found


def measured_levels(
    learner: CardLearner, splits: Splits, judged: dict[str, Judged], *, resamples: int
) -> tuple[Level, ...]:
    """Measure every level on the judged rows, with its gain over the first one."""
    main = learner.tables.main
    rows = np.any([cut.valid for cut in splits], axis=0)
    y = main[LABEL].to_numpy()[rows]
    party = main[PARTY].rank("dense").cast(pl.Int64).to_numpy()[rows]
    out: list[Level] = []
    reference = next(iter(judged.values()))
    for name, found in judged.items():
        pd = found.pd[rows]
        metrics = evaluate(y, pd, groups=party, seed=learner.seed, resamples=resamples)
        gain = None
        if found is not reference:
            gain = auc_gain(y, pd, reference.pd[rows], groups=party, seed=learner.seed, resamples=resamples)
        out.append(Level(name, metrics, found.cut_aucs, gain, int(rows.sum()), float(y.mean())))
    return tuple(out)


def network_part(
    learner: CardLearner, splits: Splits, judged: dict[str, Judged], *, resamples: int
) -> NetworkPart | None:
    """Measure what relations add within the models of all features; None where there were none to learn from."""
    last = list(judged.values())[-1]
    gains = [learned.gain for learned in last.learned if learned.gain is not None]
    if not gains:
        return None
    rows = np.any([cut.valid for cut in splits], axis=0)
    main = learner.tables.main.filter(pl.Series(rows))
    party = main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
    y = main[LABEL].to_numpy()
    return NetworkPart(
        own=evaluate(y, last.own_pd[rows], groups=party, seed=learner.seed, resamples=resamples),
        gain=float(np.mean([gain.mean for gain in gains])),
        standard_error=float(np.mean([gain.standard_error for gain in gains])),
        kept=sum(learned.model.network is not None for learned in last.learned),
        cuts=len(last.learned),
    )


def _judge_level(
    learner: CardLearner, splits: Splits, cuts: Sequence[Cut], families: Sequence[Family]
) -> Judged:
    y = learner.tables.main[LABEL].to_numpy()
    pd, own_pd, aucs, models = np.full(len(y), np.nan), np.full(len(y), np.nan), [], []
    for cut, (state, derived) in zip(splits, cuts, strict=True):
        learned = learner.learn(state, derived, cut.train, features=state.of(families))
        model, threads = learned.model, learner.num_threads
        frame = with_own_scores(model, derived.frame.filter(pl.Series(cut.valid)), num_threads=threads)
        pd[cut.valid] = expit(model.log_odds_of(model.matrix(frame), num_threads=threads))
        own = model.raw_own(frame, num_threads=threads) + model.network_base
        own_pd[cut.valid] = model.calibration.pd(own)
        aucs.append(auc(y[cut.valid], pd[cut.valid]))
        models.append(learned)
    return Judged(pd, own_pd, tuple(aucs), tuple(models))


def _adds(state: RelationalState, families: Sequence[Family], found: dict[str, Judged]) -> bool:
    """Say whether the level has features that the last judged one had not."""
    last = dict(_LEVELS)[list(found)[-1]] if found else ()
    return len(state.of(families)) > len(state.of(last))
