"""The driving forces of sales: week, year, Spring Festival, promotions, price, the salt panic."""

from datetime import date
from typing import Final

import numpy as np

from sample_group.columns import Flags, Floats, Ints
from sample_group.window import Window, day_number, spring_festival_distance

__all__ = ["PANIC", "PANIC_HANGOVER", "cycle_of_year", "panic", "price_path", "promotions", "spring_festival"]

PANIC: Final = (date(2022, 9, 5), date(2022, 9, 18))  # rumour and run on table salt
PANIC_HANGOVER: Final = 75  # days in which households eat what they hoarded
_PANIC_PEAK: Final = 5.5
_HANGOVER_DEPTH: Final = 0.55


def spring_festival(day_numbers: Ints, *, closed: float, before: float) -> Floats:
    """Return the factor of the festival: stocking up in the three weeks before, `closed` share lost in the holiday."""
    distance = spring_festival_distance(day_numbers)
    stocking = before * np.exp(-0.5 * ((distance + 14) / 5) ** 2)
    holiday = closed * ((distance >= -2) & (distance <= 7))
    return_to_work = closed * 0.55 * np.clip(1 - (distance - 7) / 10, 0, 1) * (distance > 7)
    return np.asarray((1 + stocking) * (1 - holiday - return_to_work))


def cycle_of_year(day_numbers: Ints, *, peak_day: int, amplitude: float) -> Floats:
    """Return a yearly wave with its top on a day of the year."""
    day_of_year = (day_numbers - day_numbers.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]")
                   .astype(np.int32))  # fmt: skip
    return np.asarray(1 + amplitude * np.cos(2 * np.pi * (day_of_year - peak_day) / 365.25))


def promotions(rng: np.random.Generator, day_numbers: Ints, a_year: float) -> Flags:
    """Return days under promotion: campaigns of 7 to 14 days, some years more of them than others."""
    flags = np.zeros(len(day_numbers), dtype=np.bool_)
    count = rng.poisson(a_year * len(day_numbers) / 365.25)
    for start in rng.integers(0, len(day_numbers), count):
        flags[start : start + rng.integers(7, 15)] = True
    return flags


def price_path(
    rng: np.random.Generator, day_numbers: Ints, *, level: float, drift: float, wobble: float
) -> Floats:
    """Return a list price that is reset on the first of each month."""
    month = day_numbers.astype("datetime64[D]").astype("datetime64[M]").astype(np.int32)
    month -= month.min()
    steps = drift / 12 + rng.normal(0, wobble, int(month.max()) + 1)
    return np.asarray(level * np.exp(np.cumsum(steps))[month])


def panic(window: Window, day_numbers: Ints, strength: float) -> Floats:
    """Return the factor of the salt panic: a run for two weeks, then pull-forward that fades; 1 outside."""
    first, last = day_number(PANIC[0]), day_number(PANIC[1])
    factor = np.ones(len(day_numbers))
    if first < window.first or last > window.last:
        return factor
    into = day_numbers - first
    run = (into >= 0) & (day_numbers <= last)
    shape = np.exp(-0.5 * ((into - 4) / 3.5) ** 2)
    factor[run] += (_PANIC_PEAK - 1) * strength * np.maximum(shape[run], 0.15)
    after = day_numbers - last
    tail = (after > 0) & (after <= PANIC_HANGOVER)
    factor[tail] *= 1 - _HANGOVER_DEPTH * min(strength, 1.0) * (1 - after[tail] / PANIC_HANGOVER)
    return factor
