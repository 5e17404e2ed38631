"""The book before any default: who borrowed what from which company of the group, and the repayment plan."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_group.columns import Codes, Flags, Floats, Ints, month_of, rounded
from sample_group.population import GROUP, Population
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["COLLATERAL", "LINES", "REPAYMENTS", "Book", "Plan", "granted", "plan"]

LINES: Final = ("leasing", "fund", "microloan", "equity", "debt")
REPAYMENTS: Final = ("equal_installment", "interest_only", "bullet")
COLLATERAL: Final = ("equipment", "real_estate", "shares", "receivables", "none")
OBLIGORS: Final = 0.66  # share of counterparties that the group finances at some time
BEFORE: Final = 420  # days before the window from which the opening book was granted

_LINE_BY_SIZE: Final = np.array([  # micro, small, medium, large, person
    [0.40, 0.00, 0.60, 0.00, 0.00], [0.50, 0.00, 0.22, 0.00, 0.28], [0.42, 0.14, 0.00, 0.12, 0.32],
    [0.30, 0.22, 0.00, 0.18, 0.30], [0.00, 0.00, 1.00, 0.00, 0.00]])  # fmt: skip
_ORG: Final = np.array([1, 3, 2, 4, 4])  # party number of the company that runs the line; see _organisation
_TERMS: Final = np.array(
    [[24, 36, 48, 60], [36, 36, 48, 60], [12, 18, 24, 36], [60, 60, 72, 84], [12, 18, 24, 36]]
)
_RATE: Final = np.array([[0.05, 0.09], [0.06, 0.10], [0.09, 0.18], [0.0, 0.0], [0.055, 0.11]])
_LEAST: Final = np.array([5e5, 5e6, 3e4, 2e6, 1e6])
_MOST: Final = np.array([8e7, 3e8, 2e6, 2e8, 2e8])
_REPAY: Final = np.array([[0.85, 0.15, 0], [0, 0.65, 0.35], [0.72, 0.20, 0.08], [0, 0, 1.0], [0, 0.75, 0.25]])
_SECURED: Final = np.array([[0.9, 0.05, 0, 0, 0.05], [0, 0.25, 0.35, 0.1, 0.3], [0.1, 0.25, 0, 0.15, 0.5],
                            [0, 0, 0.1, 0, 0.9], [0.1, 0.45, 0.15, 0.15, 0.15]])  # fmt: skip


@dataclass(frozen=True, eq=False)
class Book:
    """Exposures as arrays, in the order of their parties."""

    party: Ints
    org: Ints
    line: Codes
    principal: Floats
    rate: Floats
    start: Ints
    maturity: Ints
    repayment: Codes
    term: Ints
    collateral: Codes
    collateral_value: Floats

    def __len__(self) -> int:
        return len(self.party)

    def keep(self, rows: Flags) -> "Book":
        """Return the exposures that are kept."""
        return Book(*(getattr(self, field)[rows] for field in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Plan:
    """Installments as arrays: `exposure` points into the book."""

    exposure: Ints
    number: Ints
    due: Ints
    principal: Floats
    interest: Floats


def granted(streams: Streams, window: Window, people: Population, batch: int, parties: Ints) -> Book:
    """Draw what would be granted to the parties of a batch if nobody ever failed."""
    rng = streams.of("book", batch)
    is_company = people.is_company[parties]
    obligor = (rng.random(len(parties)) < OBLIGORS) & (parties >= GROUP)
    count = np.where(obligor, 1 + rng.poisson(np.where(is_company, 2.0, 2.2)), 0)
    party = np.repeat(parties, count)
    line = _pick(rng, _LINE_BY_SIZE[people.size[party]])  # size -1, a person, is the last row
    term = _TERMS[line, rng.integers(0, 4, len(party))].astype(np.int32)
    month = window.first_month + rng.integers(-BEFORE // 30, window.months - 2, len(party))
    first_of_month = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)
    day = rng.integers(
        2, 28, len(party), dtype=np.int32
    )  # 3rd..28th: 90 days later is always three months later
    repayment = _pick(rng, _REPAY[line])
    principal = _principal(rng, people, party, line)
    collateral = _pick(rng, _SECURED[line])
    value = np.where(
        collateral == COLLATERAL.index("none"), np.nan, principal * rng.uniform(0.6, 1.8, len(party))
    )
    return Book(
        party=party, org=_organisation(rng, line), line=line, principal=principal,
        rate=_rate(rng, line), start=(first_of_month + day).astype(np.int32),
        maturity=_months_later((first_of_month + day).astype(np.int32), term), repayment=repayment, term=term,
        collateral=collateral, collateral_value=rounded(value, -3),
    )  # fmt: skip


def plan(book: Book) -> Plan:
    """Lay out the installments: monthly, interest monthly and the rest at maturity, or all at maturity; principal adds up to the cent."""
    step = np.array([1, 1, 0])[book.repayment]
    step = np.where(step == 0, book.term, step).astype(np.int32)
    count = book.term // step
    exposure = np.repeat(np.arange(len(book), dtype=np.int32), count)
    ends = np.cumsum(count)
    number = (np.arange(len(exposure)) - np.repeat(ends - count, count) + 1).astype(np.int32)
    last = number == count[exposure]
    rate = (book.rate * step / 12)[exposure]
    principal, balance = book.principal[exposure], book.principal[exposure]
    level = _level_payment(principal, rate, count[exposure])
    grown = (1 + rate) ** (number - 1)
    equal = rounded((level - principal * rate) * grown, 2)
    share = np.where(book.repayment[exposure] == 0, equal, 0.0)
    share[last] = 0.0
    paid = np.add.reduceat(share, ends - count) if len(book) else np.zeros(0)
    share[last] = rounded(book.principal - paid, 2)
    before = np.cumsum(share) - share
    balance = principal - (before - np.repeat(before[ends - count] if len(book) else before, count))
    return Plan(
        exposure=exposure, number=number, due=_months_later(book.start[exposure], number * step[exposure]),
        principal=share, interest=rounded(np.maximum(balance, 0) * rate, 2),
    )  # fmt: skip


def _level_payment(principal: Floats, rate: Floats, count: Ints) -> Floats:
    safe = np.maximum(rate, 1e-12)
    return principal * safe / (1 - (1 + safe) ** -count.astype(np.float64))


def _months_later(day_numbers: Ints, months: Ints) -> Ints:
    # days are 3..28, so that the same day exists in every month
    month = month_of(day_numbers)
    first = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)
    target = (month + months).astype("datetime64[M]").astype("datetime64[D]").astype(np.int32)
    return (target + (day_numbers - first)).astype(np.int32)


def _pick(rng: np.random.Generator, weights: Floats) -> Codes:
    passed = rng.random(len(weights))[:, None] > np.cumsum(weights, axis=1)[:, :-1]
    return np.asarray(passed.sum(axis=1), dtype=np.int8)


def _organisation(rng: np.random.Generator, line: Codes) -> Ints:
    # half of the equity is held by the industrial investor, a tenth of the debt lies with the asset operator
    other = np.where(line == LINES.index("equity"), 8, 16)
    moved = rng.random(len(line)) < np.array([0, 0, 0, 0.5, 0.1])[line]
    return np.where(moved, other, _ORG[line]).astype(np.int32)


def _principal(rng: np.random.Generator, people: Population, party: Ints, line: Codes) -> Floats:
    drawn = people.capital[party] * rng.uniform(0.08, 0.6, len(party))
    return rounded(np.clip(drawn, _LEAST[line], _MOST[line]), -3)


def _rate(rng: np.random.Generator, line: Codes) -> Floats:
    low, high = _RATE[line, 0], _RATE[line, 1]
    return rounded(low + (high - low) * rng.random(len(line)), 4)
