"""What became of the book: who stopped paying when, what was paid, what was written off."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_group.book import LINES, Book, Plan
from sample_group.columns import NO_DAY, Codes, Flags, Floats, Ints, Singles, month_of, rounded
from sample_group.latent import Latent
from sample_group.population import GROUP, Population
from sample_group.window import Window

__all__ = ["HOW", "Failures", "Payments", "WriteOffs", "failures", "payments", "write_offs"]

HOW: Final = ("overdue_90", "bankruptcy_filing", "write_off")
DAYS_OVERDUE: Final = 90
MOST_LATE: Final = 80  # days: who has not failed pays within these
BANKRUPTCY: Final = 0.12  # of companies that could reach 90 days, those that file for bankruptcy first


@dataclass(frozen=True, eq=False)
class Failures:
    """Per party of a batch: the day it stopped paying and the day it is in default, NO_DAY where neither."""

    stopped: Ints
    default_on: Ints
    how: Codes


@dataclass(frozen=True, eq=False)
class Payments:
    """Payments as arrays: `exposure` points into the book."""

    exposure: Ints
    paid: Ints
    amount: Floats


@dataclass(frozen=True, eq=False)
class WriteOffs:
    """Write-offs as arrays: `exposure` points into the book."""

    exposure: Ints
    day: Ints
    amount: Floats


def failures(rng: np.random.Generator, window: Window, latent: Latent, book: Book, installments: Plan,
             *, people: Population, parties: Ints) -> Failures:  # fmt: skip
    """Give each failed party of a batch its dates, all in the months that the process drew."""
    offset = int(parties[0])
    month = latent.failed[parties]
    fails = (month < window.months) & (parties >= GROUP)
    first_due = _first_due(window, book, installments, month, offset)
    draw = rng.random((3, len(parties)))
    is_company = people.is_company[parties]
    overdue = fails & (first_due != NO_DAY) & ~(is_company & (draw[0] < BANKRUPTCY))
    invested = _invested(window, book, month, offset)
    written = fails & ~overdue & invested & (draw[1] < 0.5)
    day = window.month_starts()[np.minimum(month, window.months)] + 5 + (draw[2] * 23).astype(np.int32)
    lag = 87 + (draw[1] * 2.99).astype(np.int32)  # under 90: the filing comes first, still three months on
    stopped = np.where(fails, np.where(overdue, first_due, day), NO_DAY).astype(np.int32)
    later = np.where(overdue, DAYS_OVERDUE, lag).astype(np.int32)
    how = np.where(overdue, 0, np.where(written, 2, 1))
    return Failures(
        stopped=stopped,
        default_on=np.where(fails, np.where(fails, stopped, 0) + later, NO_DAY).astype(np.int32),
        how=np.where(fails, how, -1).astype(np.int8),
    )


def _invested(window: Window, book: Book, month: Ints, offset: int) -> Flags:
    # parties with an equity stake that is older than the month of failing and runs on beyond it
    starts = window.month_starts()
    held = np.flatnonzero(book.line == LINES.index("equity"))
    party = book.party[held] - offset
    older = book.start[held] < starts[np.minimum(month, window.months)][party]
    longer = book.maturity[held] >= starts[np.minimum(month + 1, window.months)][party]
    flags = np.zeros(len(month), dtype=np.bool_)
    flags[party[older & longer]] = True
    return flags


def _first_due(window: Window, book: Book, installments: Plan, month: Ints, offset: int) -> Ints:
    party = book.party[installments.exposure] - offset
    hit = month_of(installments.due) - window.first_month == month[party]
    first = np.full(len(month), NO_DAY, dtype=np.int32)
    np.minimum.at(first, party[hit], installments.due[hit])
    return first


def payments(rng: np.random.Generator, window: Window, book: Book, installments: Plan,
             stopped: Ints, *, strain: Singles) -> Payments:  # fmt: skip
    """Pay each installment that fell due before the party stopped: on time, or late when under strain.

    `stopped` has one day per exposure; `strain` is month by exposure (a row per month of the window).
    """
    due_before_end = (installments.due <= window.last + 3) & (
        installments.due < stopped[installments.exposure]
    )
    at = np.flatnonzero(due_before_end & (installments.principal + installments.interest > 0))
    exposure, due = installments.exposure[at], installments.due[at]
    month = np.clip(month_of(due) - window.first_month, 0, window.months - 1)
    paid = (due + _lateness(rng, strain[month, exposure])).astype(np.int32)
    amount = rounded(installments.principal[at] + installments.interest[at], 2)
    split = (paid > due + 4) & (rng.random(len(at)) < 0.08)
    part = np.where(split, rounded(amount * rng.uniform(0.4, 0.8, len(at)), 2), amount)
    early = np.where(split, due + ((paid - due) * rng.random(len(at))).astype(np.int32), paid)
    exposure = np.concatenate([exposure, exposure[split]])
    days = np.concatenate([early, paid[split]]).astype(np.int32)
    amounts = np.concatenate([part, rounded(amount - part, 2)[split]])
    order = np.lexsort((days, exposure))
    order = order[days[order] <= window.last]
    return Payments(exposure[order].astype(np.int32), days[order], amounts[order])


def _lateness(rng: np.random.Generator, strain: Singles) -> Ints:
    late = rng.random(len(strain)) < 1 / (1 + np.exp(2.8 - 1.25 * strain))
    mean = 4 + 7 * np.clip(strain, 0, 4)
    days = np.minimum(1 + rng.exponential(mean), MOST_LATE)
    return np.where(late, days, -rng.integers(0, 3, len(strain))).astype(np.int32)


def write_offs(rng: np.random.Generator, window: Window, book: Book, installments: Plan, *,
               failed: Failures, offset: int) -> tuple[WriteOffs, Payments]:  # fmt: skip
    """Write off most of what a defaulted party still owes, some after a part was recovered."""
    party = book.party - offset
    default_on, stopped, how = failed.default_on[party], failed.stopped[party], failed.how[party]
    owed = np.zeros(len(book))
    unpaid = installments.due >= stopped[installments.exposure]
    np.add.at(owed, installments.exposure[unpaid], installments.principal[unpaid])
    open_still = (default_on != NO_DAY) & (owed > 0)
    at_once = how == HOW.index("write_off")
    day = np.where(at_once, default_on, default_on.astype(np.int64) + rng.integers(120, 620, len(book)))
    chosen = open_still & (at_once | (rng.random(len(book)) < 0.75)) & (day <= window.last)
    recovered = _recoveries(rng, open_still & ~at_once, default_on, np.minimum(day, window.last), owed)
    lost = rounded(owed - _sums(recovered, len(book)), 2)
    at = np.flatnonzero(chosen)
    return WriteOffs(at.astype(np.int32), day[at].astype(np.int32), lost[at]), recovered


def _recoveries(
    rng: np.random.Generator, open_still: Flags, default_on: Ints, until: Ints, owed: Floats
) -> Payments:
    # a bankruptcy or a sale of the collateral brings a part back, after the default and before the write-off
    gap = np.where(open_still, until - np.where(open_still, default_on, 0), 0)
    at = np.flatnonzero(open_still & (gap > 45) & (rng.random(len(owed)) < 0.4))
    day = default_on[at] + 30 + (rng.random(len(at)) * (gap[at] - 40)).astype(np.int32)
    return Payments(
        at.astype(np.int32), day.astype(np.int32), rounded(owed[at] * rng.uniform(0.05, 0.6, len(at)), 2)
    )


def _sums(paid: Payments, count: int) -> Floats:
    return np.bincount(paid.exposure, paid.amount, minlength=count).astype(np.float64)
