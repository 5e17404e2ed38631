"""Who exists: the group's companies and its counterparties, as arrays over party numbers."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sample_group.columns import Codes, Flags, Floats, Ints, rounded
from sample_group.companies import COMPANIES
from sample_group.streams import Streams
from sample_group.vocabulary import INDUSTRIES, INDUSTRY_WEIGHTS, PROVINCE_WEIGHTS
from sample_group.window import Window

__all__ = ["GROUP", "Population", "populate"]

GROUP: Final = len(COMPANIES)  # parties 0..16 are the group's own companies
PERSON_SHARE: Final = 0.25
BUSINESS_GROUP: Final = 8  # companies that stand together and own and guarantee each other
CAPITAL_MEDIAN: Final = np.array([8e5, 6e6, 5e7, 6e8])  # by size: micro, small, medium, large
TURNOVER_MEDIAN: Final = np.array([2.5, 2.2, 1.8, 1.4])
EMPLOYEES_MEDIAN: Final = np.array([7.0, 40.0, 260.0, 1600.0])


@dataclass(frozen=True, eq=False)
class Population:
    """Arrays over party numbers; codes point into the vocabulary, -1 where a person has none."""

    is_company: Flags
    industry: Codes
    province: Codes
    size: Codes
    ownership: Codes
    founded: Ints
    capital: Floats  # registered capital of a company, wealth of a person, CNY
    revenue: Floats
    employees: Ints
    listed: Flags
    business_group: Ints

    @property
    def count(self) -> int:
        """Return the number of parties."""
        return len(self.is_company)

    def companies(self) -> Ints:
        """Return the numbers of the counterparties that are companies (the group's own left out)."""
        numbers: Ints = np.flatnonzero(self.is_company).astype(np.int32)
        return numbers[numbers >= GROUP]

    def persons(self) -> Ints:
        """Return the numbers of the persons."""
        return np.flatnonzero(~self.is_company).astype(np.int32)


def populate(streams: Streams, window: Window, counterparties: int) -> Population:
    """Draw every party's fixed attributes."""
    rng = streams.of("population")
    count = GROUP + counterparties
    is_company = rng.random(count) >= PERSON_SHARE
    is_company[:GROUP] = True
    size = rng.choice(4, count, p=[0.30, 0.38, 0.22, 0.10]).astype(np.int8)
    size[:GROUP] = 3
    capital = np.where(is_company, CAPITAL_MEDIAN[size] * np.exp(rng.normal(0, 0.6, count)),
                       np.exp(rng.normal(13.6, 0.8, count)))  # fmt: skip
    revenue = capital * TURNOVER_MEDIAN[size] * np.exp(rng.normal(0, 0.5, count))
    founded = window.first - 900 - rng.integers(0, 9000, count, dtype=np.int32)
    listed = is_company & (size == 3) & (rng.random(count) < 0.08)
    return Population(
        is_company=is_company,
        industry=_industry(rng, is_company),
        province=_province(rng, count),
        size=np.where(is_company, size, -1).astype(np.int8),
        ownership=_ownership(rng, is_company),
        founded=founded.astype(np.int32),
        capital=rounded(capital, -4) + 10_000,
        revenue=revenue,
        employees=np.maximum(1, EMPLOYEES_MEDIAN[size] * np.exp(rng.normal(0, 0.5, count))).astype(np.int32),
        listed=listed,
        business_group=_business_groups(rng, is_company),
    )


def _industry(rng: np.random.Generator, is_company: Flags) -> Codes:
    weights = np.array(INDUSTRY_WEIGHTS)
    drawn = rng.choice(len(INDUSTRIES), len(is_company), p=weights / weights.sum()).astype(np.int8)
    drawn[:GROUP] = [INDUSTRIES.index(company.industry) for company in COMPANIES]
    return np.where(is_company, drawn, -1).astype(np.int8)


def _province(rng: np.random.Generator, count: int) -> Codes:
    drawn = rng.choice(len(PROVINCE_WEIGHTS), count, p=np.array(PROVINCE_WEIGHTS)).astype(np.int8)
    drawn[:GROUP] = 0
    return drawn


def _ownership(rng: np.random.Generator, is_company: Flags) -> Codes:
    drawn = rng.choice(4, len(is_company), p=[0.10, 0.74, 0.05, 0.11]).astype(np.int8)
    drawn[:GROUP] = 0
    return np.where(is_company, drawn, -1).astype(np.int8)


def _business_groups(rng: np.random.Generator, is_company: Flags) -> NDArray[np.int32]:
    # the group's own companies are group 0; each person belongs to the circle of one business group
    groups = np.zeros(len(is_company), dtype=np.int32)
    rank = np.cumsum(is_company) - 1 - GROUP
    companies = max(1, int(is_company.sum()) - GROUP)
    last = (companies - 1) // BUSINESS_GROUP + 1
    groups[is_company] = 1 + rank[is_company] // BUSINESS_GROUP
    persons = np.flatnonzero(~is_company)
    groups[persons] = rng.integers(1, last + 1, len(persons))
    groups[:GROUP] = 0
    return groups
