"""Learn a calibrated credit model: own risk first, then what the network adds to it, each judged on rows it never saw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from models.credit.booster import Boosters, BoosterSettings, Design, cross_fit, train_boosters
from models.credit.calibration.choose import Choice, Dates, choose_calibration
from models.credit.calibration.intervals import fit_interval
from models.credit.grade import MasterScale
from models.credit.model import CreditModel
from models.credit.network_gain import NetworkGain, network_gain
from models.errors import NotTrainableError

__all__ = ["Learned", "NeighbourScores", "Network", "learn_credit_model"]

_MIN_OF_A_CLASS: Final = 10
_SPANS: Final = 4  # of dates, each judged by what was known when it began

Floats = NDArray[np.float64]
Folds = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]

NeighbourScores = Callable[[Floats], Floats]
"""From the rows' own raw log-odds (n,) to the columns (n, m) that tell how their neighbours fare."""


@dataclass(frozen=True)
class Network:
    """What the network booster may see, and whether it is used.

    `features` are columns of the design that the own booster does not see; `also` are own ones that the network
    booster may read beside them, to find what a relation means for which kind of party. `score_features` name the
    columns that `scores` makes of the own scores of the neighbours (their signs stand in the design's `monotone`). With
    `keep` None the network stays when it lowers the loss of other parties by more than chance and, where rows have
    dates, does not raise it on later dates; a label is known `label_delay` (in the unit of the dates) after its row.
    True or False decides without a look.
    """

    features: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    score_features: tuple[str, ...] = ()
    scores: NeighbourScores | None = None
    settings: BoosterSettings | None = None
    keep: bool | None = None
    label_delay: int = 0


@dataclass(frozen=True)
class Learned:
    """A model with the calibrated log-odds (n,) that its training rows got from boosters that never saw them.

    `gain` is what the network took off the loss of other parties, `later_gain` of other parties on later dates; both
    are None where there was no network to learn from, and with a gain and 0 `network_rounds` it was learnt and left
    out. `calibration` says why its kind was chosen.
    """

    model: CreditModel
    rounds: int
    out_of_fold_log_odds: Floats
    out_of_fold_own_log_odds: Floats
    calibration: Choice
    network_rounds: int = 0
    gain: NetworkGain | None = None
    later_gain: NetworkGain | None = None


def learn_credit_model(
    design: Design,
    *,
    groups: NDArray[np.int64],
    settings: BoosterSettings,
    scale: MasterScale,
    seed: int,
    num_threads: int,
    folds: int = 5,
    order: Dates | None = None,
    network: Network | None = None,
) -> Learned:
    """Cross-fit over folds of whole groups (a party is never on both sides), then train on all rows.

    groups (n,) holds the party of each row. The own booster f sees all features but the network's; the network booster
    g starts from the out-of-fold scores of f, so that it learns what they leave unexplained and not what f has
    memorised; raw log-odds are f + g. The number of rounds of each minimises the mean out-of-fold log-loss, and the
    calibration and its interval are fitted on out-of-fold scores at that number; with order (n,), the date of each row, a
    kind of calibration and the network are judged on later rows than those they were fitted on. Raises
    NotTrainableError when a class has fewer than ten rows or there are fewer parties than folds.
    """
    design.check()
    _check_enough(design, groups, folds)
    network = network or Network()
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    pairs = list(splitter.split(design.x, design.y, groups))
    own = design.columns([name for name in design.features if name not in set(network.features)])
    f, rounds = cross_fit(own, pairs, settings=settings, seed=seed, num_threads=num_threads)
    boosters = train_boosters(own, settings=_with(settings, rounds), seed=seed, num_threads=num_threads)
    found = _network(
        design, f, pairs, groups, network, settings=settings, seed=seed, num_threads=num_threads, order=order
    )
    raw = f if found.oof is None else f + found.oof
    choice = choose_calibration(raw, design.y, groups=groups, seed=seed, order=order)
    calibration = choice.calibration
    model = CreditModel(
        own_features=own.features,
        network_features=found.features,
        own=boosters,
        network=found.boosters,
        calibration=calibration,
        scale=scale,
        interval=fit_interval(calibration, raw, design.y, groups=groups, seed=seed),
    )
    shift = model.network_base
    return Learned(
        model,
        rounds,
        calibration.log_odds(raw),
        calibration.log_odds(f + shift),
        choice,
        network_rounds=found.rounds,
        gain=found.gain,
        later_gain=found.later,
    )


@dataclass(frozen=True)
class _Found:
    """The network booster and its out-of-fold raw scores, None where there is none."""

    boosters: Boosters | None = None
    features: tuple[str, ...] = ()
    oof: Floats | None = None
    rounds: int = 0
    gain: NetworkGain | None = None
    later: NetworkGain | None = None


def _network(
    design: Design,
    f: Floats,
    pairs: Folds,
    groups: NDArray[np.int64],
    network: Network,
    *,
    settings: BoosterSettings,
    seed: int,
    num_threads: int,
    order: Dates | None,
) -> _Found:
    if network.keep is False or not (network.features or network.score_features):
        return _Found()
    chosen = network.settings or settings
    around = replace(_around(design, f, network), offset=f)
    g, rounds = cross_fit(around, pairs, settings=chosen, seed=seed, num_threads=num_threads)
    chosen = _with(chosen, rounds)
    gain = network_gain(design.y, f, f + g, groups)
    later = None
    if order is not None:
        ahead = _ahead(pairs, order, network.label_delay)
        judged = _forward(around, ahead, settings=chosen, seed=seed, num_threads=num_threads)
        later = _gain_of_judged(design.y, f, judged, groups)
    helps = gain.helps and (order is None or (later is not None and later.mean > 0))
    if not (helps if network.keep is None else network.keep):
        return _Found(gain=gain, later=later)
    boosters = train_boosters(around, settings=chosen, seed=seed, num_threads=num_threads)
    return _Found(boosters, around.features, g, rounds, gain, later)


def _gain_of_judged(y: Floats, f: Floats, judged: Floats, groups: NDArray[np.int64]) -> NetworkGain | None:
    """Return the gain on the rows that could be judged, None when there are none."""
    seen = ~np.isnan(judged)
    if not seen.any():
        return None
    return network_gain(y[seen], f[seen], (f + judged)[seen], groups[seen])


def _ahead(pairs: Folds, order: Dates, delay: int) -> Folds:
    """Return rows to learn from and rows to judge: other parties, later dates, labels that were known by then."""
    days = np.unique(order)
    later = days[days >= days[0] + delay]
    spans = [span for span in np.array_split(later, _SPANS) if len(span)]
    return [
        (fit[order[fit] + delay <= span[0]], judged[(order[judged] >= span[0]) & (order[judged] <= span[-1])])
        for span in spans
        for fit, judged in pairs
    ]


def _forward(
    around: Design, ahead: Folds, *, settings: BoosterSettings, seed: int, num_threads: int
) -> Floats:
    """Return g of the rows that could be judged by earlier ones, NaN for the others."""
    found = np.full(len(around.y), np.nan)
    single = settings.model_copy(update={"bags": 1})
    for fit, judged in ahead:
        if len(judged) and around.y[fit].sum() >= _MIN_OF_A_CLASS:
            boosters = train_boosters(around.rows(fit), settings=single, seed=seed, num_threads=num_threads)
            found[judged] = boosters.raw(around.x[judged], num_threads=num_threads)
    return found


def _around(design: Design, f: Floats, network: Network) -> Design:
    """Return the design of the network features, with what the neighbours' own scores say beside them."""
    around = design.columns((*network.features, *network.also))
    if network.scores is None:
        return around
    columns = network.scores(f)
    return replace(
        around,
        x=np.ascontiguousarray(np.column_stack([around.x, columns])),
        features=(*around.features, *network.score_features),
    )


def _with(settings: BoosterSettings, rounds: int) -> BoosterSettings:
    return settings.model_copy(update={"rounds": rounds})


def _check_enough(design: Design, groups: NDArray[np.int64], folds: int) -> None:
    few = int(min(design.y.sum(), len(design.y) - design.y.sum()))
    if few < _MIN_OF_A_CLASS:
        raise NotTrainableError(
            zh=f"较少的一类仅有 {few} 行，至少需要 {_MIN_OF_A_CLASS} 行。请扩大观察期或合并数据。",
            en=f"The rarer class has {few} rows, at least {_MIN_OF_A_CLASS} are needed. Widen the window or pool data.",
        )
    parties = len(np.unique(groups))
    if parties < folds:
        raise NotTrainableError(
            zh=f"训练数据只有 {parties} 个主体，校准需要至少 {folds} 个。请补充主体或合并数据。",
            en=f"The training rows are of {parties} parties, calibration needs at least {folds}. Add parties or pool data.",
        )
