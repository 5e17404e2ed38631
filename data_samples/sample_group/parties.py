"""The table of parties: names, credit codes and versioned profiles."""

from hashlib import sha256
from typing import Final

import numpy as np
import polars as pl

from sample_group.columns import NO_DAY, Ints, days, ids, money, words
from sample_group.companies import COMPANIES
from sample_group.credit_codes import credit_codes
from sample_group.population import GROUP, Population
from sample_group.streams import Streams
from sample_group.vocabulary import (
    BRANDS,
    GIVEN,
    INDUSTRIES,
    INDUSTRY_WORDS,
    OWNERSHIPS,
    PLACES,
    PROVINCE_CODES,
    PROVINCES,
    SIZES,
    SURNAMES,
)
from sample_group.window import Window

__all__ = ["parties_frame"]

CHANGED: Final = 0.22  # share of companies whose profile changes within the window


def parties_frame(
    streams: Streams, window: Window, people: Population, batch: int, parties: Ints
) -> pl.DataFrame:
    """Return the profiles of a batch: one row each, a second one where the profile changed."""
    rng = streams.of("parties", batch)
    first = _profiles(rng, streams, people, parties)
    valid_from = window.first - 720 + rng.integers(0, 120, len(parties), dtype=np.int32)
    known_at = valid_from + rng.integers(1, 60, len(parties), dtype=np.int32)
    first = first.with_columns(valid_from=days(valid_from), known_at=days(known_at))
    changes = np.flatnonzero(
        people.is_company[parties] & (rng.random(len(parties)) < CHANGED) & (parties >= GROUP)
    )
    return pl.concat([first, _changed(rng, window, first[changes])])


def _profiles(rng: np.random.Generator, streams: Streams, people: Population, parties: Ints) -> pl.DataFrame:
    company = people.is_company[parties]
    offset = int(streams.of("credit_codes").integers(0, 2**40))
    codes = credit_codes(parties, np.array(PROVINCE_CODES, dtype=np.int32)[people.province[parties]], offset)
    capital = np.where(company, people.capital[parties], np.nan)
    staff = pl.Series(np.where(company, people.employees[parties], -1).astype(np.int32))
    return pl.DataFrame(
        {
            "party_id": ids("P", parties + 1, 7),
            "kind": words(("person", "company"), company.astype(np.int8)),
            "name": _names(rng, people, parties),
            "credit_code": pl.Series([code if is_company else None for code, is_company in zip(codes, company, strict=True)],
                                     dtype=pl.String),
            "id_hash": pl.Series([None if is_company else _hash(streams.seed, number)
                                  for number, is_company in zip(parties.tolist(), company, strict=True)], dtype=pl.String),
            "industry": words(INDUSTRIES, people.industry[parties]),
            "province": words(PROVINCES, people.province[parties]),
            "size": words(SIZES, people.size[parties]),
            "ownership": words(OWNERSHIPS, people.ownership[parties]),
            "founded_on": days(np.where(company, people.founded[parties], NO_DAY).astype(np.int32)),
            "registered_capital": money(capital, -4),
            "paid_in_capital": money(capital * rng.choice([1.0, 1.0, 0.8, 0.5, 0.3], len(parties)), -4),
            "employees": staff.to_frame("n").select(pl.when(pl.col("n") >= 0).then(pl.col("n"))).to_series(),
            "listed": words(("false", "true"), np.where(company, people.listed[parties], -1)) == "true",
        }
    )  # fmt: skip


def _changed(rng: np.random.Generator, window: Window, rows: pl.DataFrame) -> pl.DataFrame:
    day = rng.integers(window.first + 30, window.last - 30, rows.height, dtype=np.int32)
    growth = pl.Series(np.exp(rng.normal(0.1, 0.35, rows.height)))
    staff = (rows["employees"].cast(pl.Float64) * growth).round(0).clip(lower_bound=1).cast(pl.Int32)
    raised = pl.Series(rng.random(rows.height) < 0.4)
    paid_in = pl.select(
        pl.when(raised).then(rows["registered_capital"]).otherwise(rows["paid_in_capital"])
    ).to_series()
    known = day + rng.integers(5, 60, rows.height, dtype=np.int32)
    return rows.with_columns(
        employees=staff, paid_in_capital=paid_in, valid_from=days(day), known_at=days(known)
    )


def _names(rng: np.random.Generator, people: Population, parties: Ints) -> pl.Series:
    count = len(parties)

    def drawn(vocabulary: tuple[str, ...]) -> pl.Series:
        return words(vocabulary, rng.integers(0, len(vocabulary), count))

    width = max(len(options) for options in INDUSTRY_WORDS)
    flat = [options[at % len(options)] for options in INDUSTRY_WORDS for at in range(width)]
    trade = words(flat, people.industry[parties] * width + rng.integers(0, width, count))
    kind = words(("有限公司", "股份有限公司", "有限责任公司"), rng.choice(3, count, p=[0.8, 0.08, 0.12]))
    company = drawn(PLACES) + drawn(BRANDS) + drawn(BRANDS) + trade + kind
    person = (
        drawn(SURNAMES)
        + drawn(GIVEN)
        + pl.Series(np.where(rng.random(count) < 0.7, drawn(GIVEN), ""), dtype=pl.String)
    )
    names = pl.select(
        pl.when(pl.Series(people.is_company[parties])).then(company).otherwise(person)
    ).to_series()
    group = pl.Series([COMPANIES[number].name for number in parties[parties < GROUP]], dtype=pl.String)
    return pl.concat([group, names[len(group) :]])


def _hash(seed: int, number: int) -> str:
    return sha256(f"fictional person {seed} {number}".encode()).hexdigest()[:16]
