"""What a card split by time asks of learning: settings judged on later rows, and the level of the latest ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from experiments.time_order import better, forward_losses, forward_slices, level_shift, simplest
from features.cards.read import PARTY, TIME
from models.credit.booster import BoosterSettings, Design
from models.credit.calibration.maps import AffineCalibration, Chained
from models.credit.learn import Learned

__all__ = ["ByTime"]

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class ByTime:
    """The rows to learn from in time: day and party (n,) of each."""

    day: Whole
    party: Whole
    seed: int
    num_threads: int

    @staticmethod
    def of(main: pl.DataFrame, *, seed: int, num_threads: int) -> "ByTime":
        """Take the days and parties of main rows that have a date."""
        day = main[TIME].cast(pl.Int32).cast(pl.Int64).to_numpy()
        return ByTime(day, main[PARTY].rank("dense").cast(pl.Int64).to_numpy(), seed, num_threads)

    def choose(
        self, plain: Design, shared: Design, settings: Sequence[BoosterSettings]
    ) -> tuple[Design, BoosterSettings]:
        """Return the settings to learn with, and the design they were judged on.

        `settings` stand with the simplest first: it is taken unless another tells later rows surely better apart.
        `shared` is the design with shares in place of the codes of categories; it is taken where it is surely better.
        """
        slices = forward_slices(self.day, self.party, plain.y)
        alike = shared.features == plain.features
        if not slices or (alike and len(settings) == 1):
            return plain, settings[0]

        def losses(design: Design, one: BoosterSettings) -> Floats:
            single = one.model_copy(update={"bags": 1})
            return forward_losses(
                design, slices, settings=single, seed=self.seed, num_threads=self.num_threads
            )

        found = [losses(plain, one) for one in settings]
        best = simplest(found)
        if alike:
            return plain, settings[best]
        return (plain, shared)[better([found[best], losses(shared, settings[best])])], settings[best]

    def levelled(self, learned: Learned, y: Floats) -> Learned:
        """Move the level of the calibration to that of the latest rows, where levels last from one stretch to the next."""
        shift = level_shift(learned.out_of_fold_log_odds, y, self.day)
        if not shift:
            return learned
        level = Chained(learned.model.calibration, AffineCalibration(slope=1.0, intercept=shift))
        return replace(
            learned,
            model=replace(learned.model, calibration=level),
            out_of_fold_log_odds=learned.out_of_fold_log_odds + shift,
            out_of_fold_own_log_odds=learned.out_of_fold_own_log_odds + shift,
        )
