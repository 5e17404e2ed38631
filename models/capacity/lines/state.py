"""The state of each line on each day: recent levels of its factors, its usual hours and the median of its days."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.capacity.lines.grid import HOURS_A_DAY, BoolArray, FloatArray, IntArray, LineGrid

__all__ = ["LEAST_LEAD", "WINDOWS", "State", "state_of"]

WINDOWS: Final = (7, 28, 91, 364)  # days
LEAST_LEAD: Final = 28  # days ahead for which maintenance is known, if there is to be any
_LEAD_SEED: Final = 7
_HALF_LIFE: Final = 60.0  # days; how fast the level of a factor forgets
_PRIOR_DAYS: Final = 5.0  # days of its usual weight for which all lines together count in a line's level
_PLAN_DAYS: Final = 5.0  # days of usual weight for which "as planned" counts in the level of all lines
_RESTS: Final = 3  # weeks after which a weekday that was never reported is taken for one of rest
_WEEKS: Final = 8  # weeks whose same weekdays tell the usual hours
_SEASON: Final = 10  # days on either side of the same day a year before
_YEAR: Final = 364
_MEDIAN_DAYS: Final = 60
_MEDIAN_PRIOR: Final = 5.0
_KEPT_PRIOR: Final = 0.5  # share of the hours that maintenance nobody has seen yet is taken to leave
_SMALLEST: Final = 1e-9
_LEAST_HOURS: Final = 0.5


@dataclass(frozen=True, eq=False)
class State:
    """Sums up to each day; whatever is read at an origin holds only days up to it.

    sums (5, n, d + 1): running sums of the chain over reported days; level (4, n, d): forgetting level of each factor;
    seen (n, d): reported days so far; median (n, d): median of a day's good hours over its planned hours;
    same_weekday (2, n, d): running sums and counts of planned hours over days of the same weekday, free (2, n, d + 1):
    over all days, both without maintenance; longest (n, d): the longest planned day so far; kept (kinds, n, d): share of
    the usual hours planned during maintenance of a kind; since, until (n, d): days from the last and to the next one;
    held_from, held_to (n, d): the first and the last day of the maintenance that holds a day; lead (n, d): by how many days ahead the one
    that begins on a day is taken to have been known.
    """

    first: IntArray

    sums: FloatArray
    level: FloatArray
    seen: FloatArray
    reported: IntArray
    median: FloatArray
    same_weekday: FloatArray
    free: FloatArray
    longest: FloatArray
    kept: FloatArray
    since: FloatArray
    until: FloatArray
    held_from: IntArray
    held_to: IntArray
    lead: FloatArray

    def window(self, factor: int, line: IntArray, origin: IntArray, days: int) -> FloatArray:
        """Return the mean of a factor over the `days` up to each origin; NaN where nothing ran."""
        low = np.maximum(origin + 1 - days, 0)
        of = self.sums[factor + 1, line, origin + 1] - self.sums[factor + 1, line, low]
        whole = self.sums[factor, line, origin + 1] - self.sums[factor, line, low]
        return np.where(whole > _SMALLEST, of / np.maximum(whole, _SMALLEST), np.nan)

    def total(self, line: IntArray, origin: IntArray, days: int) -> FloatArray:
        """Return good hours over planned hours of the `days` up to each origin."""
        low = np.maximum(origin + 1 - days, 0)
        good, planned = (self.sums[k, line, origin + 1] - self.sums[k, line, low] for k in (4, 1))
        return np.where(planned > _SMALLEST, good / np.maximum(planned, _SMALLEST), np.nan)

    def last_year(self, over: int, under: int, line: IntArray, day: IntArray, origin: IntArray) -> FloatArray:
        """Return the ratio of two links of the chain around the same day a year before, as far as known."""
        low, high = self._season(day, origin)
        of = self.sums[over, line, high] - self.sums[over, line, low]
        whole = self.sums[under, line, high] - self.sums[under, line, low]
        enough = self.seen[line, np.maximum(high - 1, 0)] - self.seen[line, np.maximum(low - 1, 0)] >= _SEASON
        return np.where(enough & (whole > _SMALLEST), of / np.maximum(whole, _SMALLEST), np.nan)

    def usual_hours(self, line: IntArray, day: IntArray, origin: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return the planned hours of the same weekday over the last weeks, and of the season a year before.

        A weekday on which a line has never reported for weeks is one on which it rests.
        """
        back = origin - (origin - day) % 7
        early = back - 7 * _WEEKS
        hours, count = self._weekday(line, back) - self._weekday(line, early)
        low = np.maximum(origin + 1 - 7 * _WEEKS, 0)
        all_hours, all_count = self.free[:, line, origin + 1] - self.free[:, line, low]
        mean = np.where(all_count > 0, all_hours / np.maximum(all_count, 1), np.nan)
        elapsed = (back - self.first[line]) // 7 + 1
        unseen = np.where(elapsed >= _RESTS, 0.0, mean)
        recent = np.where(count > 0, hours / np.maximum(count, 1), unseen)
        start, stop = self._season(day, origin)
        then, days = self.free[:, line, stop] - self.free[:, line, start]
        pattern = np.clip(np.where(mean > _SMALLEST, recent / np.maximum(mean, _SMALLEST), 1.0), 0.0, 2.0)
        season = np.where(
            days >= _SEASON, then / np.maximum(days, 1) * np.nan_to_num(pattern, nan=1.0), np.nan
        )
        return recent, np.minimum(season, HOURS_A_DAY)

    def _season(self, day: IntArray, origin: IntArray) -> tuple[IntArray, IntArray]:
        low = np.maximum(day - _YEAR - _SEASON, 0)
        high = np.minimum(day - _YEAR + _SEASON + 1, origin + 1)
        return np.minimum(low, np.maximum(high, 0)), np.maximum(high, 0)

    def _weekday(self, line: IntArray, day: IntArray) -> FloatArray:
        """Return the running sums of a weekday up to a day; zero before the first."""
        sums: FloatArray = np.where(day >= 0, self.same_weekday[:, line, np.maximum(day, 0)], 0.0)
        return sums


def state_of(grid: LineGrid) -> State:
    """Sum a grid up by day. Nothing of a day depends on a later one, but for the maintenance that is planned."""
    known = grid.known
    chain = np.where(known, grid.hours, 0.0)
    free = known & (grid.maintenance < 0)
    hours = np.stack([np.where(free, chain[1], 0.0), free.astype(np.float64)])
    seen = np.cumsum(known, axis=1, dtype=np.float64)
    since, until = _maintenance(grid)
    days = np.arange(grid.size[1])[None, :]
    running = _running(hours)
    held_from, held_to = _held(grid)
    return State(
        first=grid.first,
        sums=_running(chain),
        level=_levels(chain, seen),
        seen=seen,
        reported=np.maximum.accumulate(np.where(known, days, -1), axis=1),
        median=_medians(chain, known & (chain[1] >= _least(chain[1], known))),
        same_weekday=_by_weekday(hours),
        free=running,
        longest=np.maximum.accumulate(chain[1], axis=1),
        kept=_kept(grid, running, chain[1], known),
        since=since,
        until=until,
        held_from=held_from,
        held_to=held_to,
        lead=_leads(grid),
    )


def _held(grid: LineGrid) -> tuple[IntArray, IntArray]:
    """Return the places of the first and the last day of each day's maintenance; the day itself without any."""
    kinds, days = grid.maintenance, np.arange(grid.size[1])[None, :]
    changes = kinds[:, 1:] != kinds[:, :-1]
    edge = np.ones((grid.size[0], 1), dtype=np.bool_)
    begins, ends = np.hstack([edge, changes]), np.hstack([changes, edge])
    first = np.maximum.accumulate(np.where(begins, days, 0), axis=1)
    last = np.minimum.accumulate(np.where(ends, days, grid.size[1])[:, ::-1], axis=1)[:, ::-1]
    held = kinds >= 0
    return np.where(held, first, days), np.where(held, last, days)


def _leads(grid: LineGrid) -> FloatArray:
    """Draw how far ahead each past maintenance was known: between what is always planned and the farthest plan now.

    A panel does not say when a past plan became known; to take all of them for known would promise that none is missed.
    """
    drawn = np.random.default_rng(_LEAD_SEED).random(grid.size)
    return LEAST_LEAD + drawn * max(grid.maintenance_reach - LEAST_LEAD, 0)


def _running(values: FloatArray) -> FloatArray:
    """Return running sums that begin with zero, one longer than the days."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums


def _by_weekday(values: FloatArray) -> FloatArray:
    sums = values.copy()
    for day in range(7, values.shape[-1]):
        sums[..., day] += sums[..., day - 7]
    return sums


def _least(planned: FloatArray, known: BoolArray) -> FloatArray:
    """Return what a line must have planned for a day to count; a line whose days are one hour long counts all."""
    longest = np.maximum.accumulate(np.where(known, planned, 0.0), axis=1)
    least: FloatArray = np.minimum(_LEAST_HOURS, longest / 2) + _SMALLEST
    return least


def _levels(chain: FloatArray, seen: FloatArray) -> FloatArray:
    """Return the forgetting level of each factor, drawn to that of all lines, and this to the plan, (4, n, d)."""
    keep = 0.5 ** (1 / _HALF_LIFE)
    lines, days = chain.shape[1:]
    kept, levels = np.zeros((5, lines)), np.ones((4, lines, days))
    usual = np.cumsum(chain, axis=2) / np.maximum(seen, 1)[None]
    for day in range(days):
        kept = kept * keep + chain[:, :, day]
        size = np.maximum(usual[1, :, day], _SMALLEST)
        share = kept / size  # a line of short days weighs as much as one of long days
        under, over = share[:4].sum(axis=1), share[1:].sum(axis=1)
        pooled = (over + _PLAN_DAYS) / (under + _PLAN_DAYS)
        prior = _PRIOR_DAYS * np.where(usual[:4, :, day] > 0, usual[:4, :, day], size)
        levels[:, :, day] = (kept[1:] + prior * pooled[:, None]) / np.maximum(kept[:4] + prior, _SMALLEST)
    return levels


def _medians(chain: FloatArray, counted: BoolArray) -> FloatArray:
    """Return the median of good over planned hours of each line's last reported days, drawn to the plan, (n, d)."""
    medians = np.ones(counted.shape)
    for line in range(len(medians)):
        at = np.flatnonzero(counted[line])
        values = chain[4, line, at] / chain[1, line, at]
        own = np.concatenate(
            [[1.0], [_drawn_median(values[max(0, j - _MEDIAN_DAYS) : j]) for j in range(1, len(at) + 1)]]
        )
        medians[line] = own[np.cumsum(counted[line])]
    return medians


def _drawn_median(values: FloatArray) -> float:
    count = len(values)
    return float((np.median(values) * count + _MEDIAN_PRIOR) / (count + _MEDIAN_PRIOR))


def _kept(grid: LineGrid, free: FloatArray, planned: FloatArray, known: BoolArray) -> FloatArray:
    """Return the share of usual hours planned under each kind of maintenance so far, drawn to that of all lines."""
    low = np.maximum(np.arange(grid.size[1]) + 1 - 7 * _WEEKS, 0)
    hours, count = free[:, :, 1:] - free[:, :, low]
    usual = np.where(count > 0, hours / np.maximum(count, 1), 0.0)
    size = np.maximum(np.maximum.accumulate(planned, axis=1), _SMALLEST)
    kept = np.full((len(grid.kinds) + 1, *grid.size), _KEPT_PRIOR)  # the last row is for kinds never seen
    for code in range(len(grid.kinds)):
        held = known & (grid.maintenance == code)
        of, whole = (np.cumsum(np.where(held, one / size, 0.0), axis=1) for one in (planned, usual))
        pooled = (of.sum(axis=0) + _KEPT_PRIOR) / (whole.sum(axis=0) + 1.0)
        kept[code] = np.clip((of + pooled) / (whole + 1.0), 0.0, 1.0)
    return kept


def _maintenance(grid: LineGrid) -> tuple[FloatArray, FloatArray]:
    """Return days since the last and until the next day of maintenance; NaN without any."""
    days = np.arange(grid.size[1], dtype=np.float64)[None, :]
    held = grid.maintenance >= 0
    before = np.full(held.shape, np.nan)
    before[:, 1:] = np.fmax.accumulate(np.where(held, days, np.nan), axis=1)[:, :-1]
    after = np.full(held.shape, np.nan)
    after[:, :-1] = np.fmin.accumulate(np.where(held, days, np.nan)[:, ::-1], axis=1)[:, ::-1][:, 1:]
    return days - before, after - days
