"""Financial statements: noisy, delayed pictures of the hidden health, some put right later."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import Flags, Floats, Ints, Singles, days, ids, words
from sample_group.population import Population
from sample_group.streams import Streams
from sample_group.window import Window

__all__ = ["statements_frame"]

REPORTS: Final = np.array([0.55, 0.85, 0.95, 1.0])  # by size: share that hands in statements at all
QUARTERLY: Final = np.array([0.10, 0.30, 0.75, 1.0])  # of these, share that reports each quarter
RESTATED: Final = 0.03
SILENT: Final = 0.7  # share that publishes nothing after it stopped paying
PERIODS: Final = ("Q1", "H1", "Q3", "FY")
OPINIONS: Final = ("clean", "qualified", "adverse", "disclaimer")


@dataclass(frozen=True, eq=False)
class _Reports:
    """One entry a statement: who, which quarter end, and the strain the party was under."""

    party: Ints
    month: Ints
    quarter: Ints
    strain: Floats

    def keep(self, rows: Flags) -> "_Reports":
        return _Reports(self.party[rows], self.month[rows], self.quarter[rows], self.strain[rows])


def statements_frame(streams: Streams, window: Window, people: Population, *, batch: int, parties: Ints,
                     strain: Singles, stopped: Ints) -> pl.DataFrame:  # fmt: skip
    """Return the statements of a batch; `strain` is month by party, `stopped` the day each stopped paying."""
    rng = streams.of("statements", batch)
    reports = _due_reports(rng, window, people, parties, strain)
    ends = window.month_ends()[reports.month]
    silent = (rng.random(len(parties)) < SILENT)[reports.party] & (ends > stopped[reports.party])
    reports = reports.keep(~silent)
    figures = _figures(rng, people, parties, reports)
    ends = window.month_ends()[reports.month]
    known = ends + np.where(
        reports.quarter == 3, rng.integers(55, 119, len(ends)), rng.integers(20, 60, len(ends))
    )
    again = rng.random(len(ends)) < RESTATED
    corrected = figures.filter(again).with_columns(_restated(rng, int(again.sum())))
    corrected = _rebalanced(corrected)
    rows = _rows(rng, parties, reports, figures, (ends, known.astype(np.int32)))
    later = (known + rng.integers(60, 300, len(known)))[again].astype(np.int32)
    second = rows.filter(again).select(pl.exclude(*corrected.columns, "known_at"))
    second = second.hstack(corrected).with_columns(known_at=days(later)).select(rows.columns)
    return pl.concat([rows, second])


def _due_reports(
    rng: np.random.Generator, window: Window, people: Population, parties: Ints, strain: Singles
) -> _Reports:
    size = people.size[parties]
    company = people.is_company[parties]
    reports = company & (rng.random(len(parties)) < REPORTS[size])
    quarterly = rng.random(len(parties)) < QUARTERLY[size]
    months = np.arange(window.months)
    of_year = (window.first_month + months) % 12
    quarter_ends = months[of_year % 3 == 2]
    month, party = np.meshgrid(quarter_ends, np.flatnonzero(reports), indexing="ij")
    quarter = of_year[month] // 3
    keep = (quarter == 3) | quarterly[party]
    month, party, quarter = month[keep], party[keep], quarter[keep]
    return _Reports(party.astype(np.int32), month.astype(np.int32), quarter.astype(np.int32),
                    strain[month, party].astype(np.float64))  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Spread:
    """Draws how reports differ: a level of its own per party, and noise of the period."""

    rng: np.random.Generator
    party: Ints
    parties: int

    def noise(self, scale: float) -> Floats:
        return self.rng.normal(0, scale, len(self.party))

    def own(self, scale: float) -> Floats:
        return np.asarray(self.rng.normal(0, scale, self.parties)[self.party])


def _figures(rng: np.random.Generator, people: Population, parties: Ints, reports: _Reports) -> pl.DataFrame:
    spread = _Spread(rng, reports.party, len(parties))
    years = (reports.month - reports.month.min(initial=0)) / 12
    growth = (1.04 + spread.own(0.04)) ** years * np.exp(spread.noise(0.10) - 0.05 * reports.strain)
    year_revenue = people.revenue[parties][reports.party] * growth
    balance = _balance(spread, year_revenue, reports.strain)
    debt = balance["short_term_debt"] + balance["long_term_debt"]
    return _rebalanced(pl.DataFrame({**balance, **_flows(spread, year_revenue, debt, reports)}))


def _balance(spread: _Spread, year_revenue: Floats, strain: Floats) -> dict[str, Floats]:
    noise, own = spread.noise, spread.own
    assets = year_revenue * np.exp(own(0.35) + 0.25)
    current = assets * np.clip(0.55 + own(0.12) + noise(0.04), 0.15, 0.92)
    cash = np.clip(0.16 * np.exp(own(0.3) - 0.38 * strain + noise(0.25)), 0.002, 0.6)
    receivables = np.clip(0.36 * np.exp(own(0.2) + 0.12 * strain + noise(0.15)), 0.02, 0.7)
    inventory = np.clip(0.26 * np.exp(own(0.3) + 0.08 * strain + noise(0.2)), 0.005, 0.5)
    over = np.maximum(cash + receivables + inventory, 1.0)  # the parts never exceed the whole
    liabilities = assets * np.clip(0.52 + own(0.10) + 0.075 * strain + noise(0.04), 0.05, 1.3)
    debt = liabilities * np.clip(0.34 + own(0.08) + 0.05 * strain + noise(0.05), 0.02, 0.8)
    short = np.clip(0.58 + own(0.1) + 0.06 * strain + noise(0.05), 0.2, 0.95)
    return {
        "cash": current * cash / over,
        "receivables": current * receivables / over,
        "inventory": current * inventory / over,
        "current_assets": current,
        "total_assets": assets,
        "short_term_debt": debt * short,
        "current_liabilities": liabilities * np.clip(short + 0.12, 0, 0.97),
        "long_term_debt": debt * (1 - short),
        "total_liabilities": liabilities,
        "equity": assets - liabilities,
    }


def _flows(spread: _Spread, year_revenue: Floats, debt: Floats, reports: _Reports) -> dict[str, Floats]:
    # cumulated from 1 January, as Chinese statements are
    noise, own, strain = spread.noise, spread.own, reports.strain
    passed = (reports.quarter + 1) / 4 * np.where(reports.quarter < 3, np.exp(noise(0.08)), 1.0)
    revenue = year_revenue * passed
    interest = debt * 0.055 * passed
    margin = 0.055 + own(0.03) - 0.036 * strain + noise(0.02)
    operating = revenue * margin
    before_tax = operating - 0.35 * interest
    return {
        "revenue": revenue,
        "cost_of_sales": revenue * np.clip(0.80 - margin * 0.7 + noise(0.03), 0.3, 1.2),
        "operating_profit": operating,
        "interest_expense": interest,
        "net_profit": before_tax * np.where(before_tax > 0, 0.75, 1.0),
        "operating_cash_flow": revenue * (0.05 - 0.042 * strain + own(0.03) + noise(0.05)),
        "capex": revenue * np.clip(0.05 + own(0.02) - 0.01 * strain + noise(0.02), 0.0, 0.5),
    }


def _restated(rng: np.random.Generator, count: int) -> list[pl.Expr]:
    worse = pl.Series(rng.uniform(0.02, 0.15, count))
    return [
        (pl.col("net_profit") - pl.col("net_profit").abs() * worse * 3).alias("net_profit"),
        (pl.col("operating_profit") - pl.col("operating_profit").abs() * worse * 2).alias("operating_profit"),
        (pl.col("receivables") * (1 - worse)).alias("receivables"),
        (pl.col("total_liabilities") * (1 + worse * 0.3)).alias("total_liabilities"),
    ]


def _rebalanced(table: pl.DataFrame) -> pl.DataFrame:
    rounded = table.with_columns(pl.all().round(0) + 0.0)
    return rounded.with_columns(equity=pl.col("total_assets") - pl.col("total_liabilities"))


def _rows(rng: np.random.Generator, parties: Ints, reports: _Reports, figures: pl.DataFrame,
          dates: tuple[Ints, Ints]) -> pl.DataFrame:  # fmt: skip
    ends, known = dates
    yearly = reports.quarter == 3
    audited = yearly & (rng.random(len(ends)) < 0.85)
    doubt = rng.random(len(ends)) < 1 / (1 + np.exp(4.2 - 0.9 * reports.strain))
    opinion = np.where(doubt, rng.choice([1, 2, 3], len(ends), p=[0.7, 0.1, 0.2]), 0)
    head = pl.DataFrame(
        {
            "party_id": ids("P", parties[reports.party] + 1, 7),
            "period_end": days(ends),
            "period": words(PERIODS, reports.quarter),
            "audited": audited,
            "opinion": words(OPINIONS, np.where(audited, opinion, -1)),
        }
    )
    return head.hstack(figures).with_columns(known_at=days(known))
