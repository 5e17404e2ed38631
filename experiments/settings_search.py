"""Search booster settings with Optuna, judged on other parties at later dates of the rows given, and on no others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import optuna
import polars as pl
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from experiments.errors import SplitError
from models.credit.booster import BoosterSettings, Design, train_boosters
from models.credit.loss_curve import held_out_curve

__all__ = ["Found", "Pair", "Tried", "confirm_pairs", "held_out", "later_pairs", "search"]

_LEAST_DEFAULTS: Final = 10
_START: Final = 8  # trials drawn at random before the sampler and the pruner learn from them
_BEFORE_PRUNING: Final = 2  # pairs every trial is judged on
_GRID: Final = 4  # figures after the point of what is written into a file

# the ranges that the search draws from, widened to hold the settings it starts from
_FLOATS: Final = {
    "learning_rate": (0.01, 0.1, True),
    "feature_fraction": (0.1, 1.0, False),
    "bagging_fraction": (0.5, 1.0, False),
    "lambda_l2": (0.1, 100.0, True),
}
_WHOLE: Final = {"num_leaves": (3, 63), "min_data_in_leaf": (5, 300)}

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Pair = tuple[Rows, Rows]


@dataclass(frozen=True)
class Tried:
    """One trial: its settings, the log-loss over all judged rows (None when pruned) and the rounds it stopped at."""

    number: int
    settings: BoosterSettings
    log_loss: float | None
    rounds: int
    judged: int
    """How many pairs it was judged on before it was finished or pruned."""


@dataclass(frozen=True)
class Found:
    """The trials in their order, the first being the default, and the best of them."""

    tried: tuple[Tried, ...]
    best: Tried

    @property
    def default(self) -> Tried:
        """Return the trial of the settings the search started from."""
        return self.tried[0]


def later_pairs(
    days: pl.Series, y: Floats, groups: Rows, *, label_months: int, spans: int, folds: int, seed: int
) -> list[Pair]:
    """Return rows to learn from and rows to judge: other parties, later dates, labels known before the first of them.

    days (n,) dates of the rows; the dates from the first label on are cut into `spans`. Pairs whose rows to learn from
    hold fewer than ten defaults, or whose rows to judge none, are left out. Raises SplitError when none remains.
    """
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    pairs = []
    for fit, judged in splitter.split(y, y, groups):
        pairs += _spread(days, y, (fit, judged), label_months=label_months, spans=spans)
    return _enough(pairs)


def confirm_pairs(days: pl.Series, y: Floats, pair: Pair, *, label_months: int, spans: int) -> list[Pair]:
    """Return, for the parties kept from the search, the spans of time as in `later_pairs`."""
    return _enough(_spread(days, y, pair, label_months=label_months, spans=spans))


def search(
    design: Design,
    pairs: Sequence[Pair],
    *,
    start: BoosterSettings,
    trials: int | None,
    seconds: float | None,
    seed: int,
    num_threads: int,
    watch: Callable[[Tried], None],
) -> Found:
    """Search from `start`, which is the first trial; the sampler is TPE (Bergstra et al. 2011), pruning by the median.

    Every trial stops early on each pair; a trial worse than the median of those before it, on the pairs judged so far,
    is given up. Its loss is that of one number of rounds for all pairs. `watch` is told of every trial when it ends.
    With `trials` alone the answer depends on the seed only; with `seconds` also on the machine.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tried: list[Tried] = []

    def objective(trial: optuna.Trial) -> float:
        settings = _suggested(trial, start)
        curves: list[Floats] = []
        for step, pair in enumerate(pairs):
            curves.append(
                held_out_curve(design, *pair, settings=settings, seed=seed, num_threads=num_threads)
            )
            weights = [len(judged) for _, judged in pairs[: step + 1]]
            loss = _mean_curve(curves, weights)
            trial.report(float(loss.min()), step)
            if step + 1 < len(pairs) and trial.should_prune():
                tried.append(Tried(trial.number, settings, None, int(loss.argmin()) + 1, step + 1))
                raise optuna.TrialPruned
        tried.append(Tried(trial.number, settings, float(loss.min()), int(loss.argmin()) + 1, len(pairs)))
        return float(loss.min())

    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_START),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_START, n_warmup_steps=_BEFORE_PRUNING - 1),
    )
    study.enqueue_trial({name: getattr(start, name) for name in _names()})
    study.optimize(
        objective, n_trials=trials, timeout=seconds, callbacks=[lambda _study, _trial: watch(tried[-1])]
    )
    best = min((one for one in tried if one.log_loss is not None), key=lambda one: (one.log_loss, one.number))
    return Found(tuple(tried), best)


def held_out(
    design: Design, pairs: Sequence[Pair], settings: BoosterSettings, *, seed: int, num_threads: int
) -> Floats:
    """Return the raw log-odds that bags of boosters, each learnt without them, give the judged rows, in their order."""
    return np.concatenate(
        [
            train_boosters(design.rows(fit), settings=settings, seed=seed, num_threads=num_threads).raw(
                design.x[judged], num_threads=num_threads
            )
            for fit, judged in pairs
        ]
    )


def _suggested(trial: optuna.Trial, start: BoosterSettings) -> BoosterSettings:
    values: dict[str, object] = {}
    for name, (low, high, log) in _FLOATS.items():
        at = float(getattr(start, name))
        drawn = trial.suggest_float(name, min(low, at), max(high, at), log=log and at > 0)
        values[name] = at if drawn == at else round(drawn, _GRID)
    for name, (least, most) in _WHOLE.items():
        at = int(getattr(start, name))
        values[name] = trial.suggest_int(name, min(least, at), max(most, at), log=True)
    return BoosterSettings.model_validate({**start.model_dump(), **values, "bags": 1})


def _names() -> tuple[str, ...]:
    return (*_FLOATS, *_WHOLE)


def _mean_curve(curves: Sequence[Floats], weights: Sequence[int]) -> Floats:
    """Return the mean loss by round; a pair that stopped keeps its last loss, which is above its lowest."""
    longest = max(map(len, curves))
    full = [np.append(curve, np.full(longest - len(curve), curve[-1])) for curve in curves]
    return np.average(full, axis=0, weights=weights)


def _spread(days: pl.Series, y: Floats, pair: Pair, *, label_months: int, spans: int) -> list[Pair]:
    known = days.dt.offset_by(f"{label_months}mo")
    dates = days.unique().sort()
    later = dates.filter(dates >= known.min())
    pairs = []
    for place in np.array_split(np.arange(len(later)), spans):
        if not len(place):
            continue
        first, last = later[int(place[0])], later[int(place[-1])]
        early, inside = (known <= first).to_numpy(), days.is_between(first, last).to_numpy()
        fit, judged = pair[0][early[pair[0]]], pair[1][inside[pair[1]]]
        if y[fit].sum() >= _LEAST_DEFAULTS and y[judged].sum() > 0:
            pairs.append((fit, judged))
    return pairs


def _enough(pairs: list[Pair]) -> list[Pair]:
    if not pairs:
        raise SplitError(
            zh="学习期太短：没有标签已知、之后仍有日期可供评判的行。请提前起始月份或减少测试月数后再调参。",
            en="The dates to learn from are too few: no row has a label known before a later date that could judge. "
            "Start the panel earlier or test fewer months before tuning.",
        )
    return pairs
