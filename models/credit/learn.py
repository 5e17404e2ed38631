"""Learn a calibrated credit model: rounds and calibration are chosen on rows no booster was trained on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from models.credit.booster import BoosterSettings, Design, cross_fit, train_boosters
from models.credit.calibration import fit_affine
from models.credit.grade import MasterScale
from models.credit.model import CreditModel
from models.errors import NotTrainableError

__all__ = ["Learned", "learn_credit_model"]

_MIN_OF_A_CLASS: Final = 10


@dataclass(frozen=True)
class Learned:
    """A model with the calibrated log-odds (n,) that its training rows got from boosters that never saw them."""

    model: CreditModel
    rounds: int
    out_of_fold_log_odds: NDArray[np.float64]


def learn_credit_model(
    design: Design,
    *,
    groups: NDArray[np.int64],
    settings: BoosterSettings,
    scale: MasterScale,
    seed: int,
    num_threads: int,
    folds: int = 5,
) -> Learned:
    """Cross-fit over folds of whole groups (a party is never on both sides), then train on all rows.

    groups (n,) holds the party of each row. The number of rounds minimises the mean out-of-fold log-loss; the
    affine calibration is fitted on out-of-fold scores at that number. Raises NotTrainableError when a class has
    fewer than ten rows.
    """
    design.check()
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
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    pairs = list(splitter.split(design.x, design.y, groups))
    raw, rounds = cross_fit(design, pairs, settings=settings, seed=seed, num_threads=num_threads)
    calibration = fit_affine(raw, design.y)
    final = settings.model_copy(update={"rounds": rounds})
    boosters = train_boosters(design, settings=final, seed=seed, num_threads=num_threads)
    model = CreditModel(design.features, boosters, calibration, scale)
    return Learned(model, rounds, calibration.log_odds(raw))
