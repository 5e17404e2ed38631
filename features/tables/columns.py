"""Short forms for the columns that recur: identifiers, money, days, codes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

import polars as pl

from features.tables.contract import Column, Reference, Text

__all__ = [
    "CNY",
    "HOURS",
    "LATEST_DAY",
    "RATIO",
    "boolean",
    "choice",
    "day",
    "dispensable",
    "identifier",
    "known_at",
    "moment",
    "money",
    "number",
    "optional",
    "text",
    "usual",
    "whole",
]

CNY: Final = Text("元", "CNY")
HOURS: Final = Text("小时", "hours")
RATIO: Final = Text("比例", "ratio")
EARLIEST_DAY: Final = date(1900, 1, 1)  # a year 24 or 1024 is a slip of the pen, not history
LATEST_DAY: Final = date(2100, 12, 31)  # registers write 9999-12-31 for "no end"; ours leave the cell empty


def text(name: str, zh: str, en: str, *, personal: bool = False) -> Column:
    """Declare free text."""
    return Column(name=name, dtype=pl.String(), label=Text(zh, en), personal=personal)


def identifier(name: str, zh: str, en: str, *, of: str = "", column: str = "") -> Column:
    """Declare an identifier; with `of` it refers to that table, to the column of the same name unless told."""
    reference = Reference(of, column or name) if of else None
    return Column(name=name, dtype=pl.String(), label=Text(zh, en), references=reference)


def choice(name: str, zh: str, en: str, choices: Mapping[str, str]) -> Column:
    """Declare a code out of a closed list; `choices` maps each code to its Chinese label."""
    return Column(name=name, dtype=pl.String(), label=Text(zh, en), choices=choices)


def usual(column: Column) -> Column:
    """Let the codes of a choice be the usual ones: others are taken as they are, such as those of a new industry."""
    return replace(column, others_allowed=True)


def money(
    name: str, zh: str, en: str, *, minimum: float | None = None, above: float | None = None, unit: Text = CNY
) -> Column:
    """Declare an amount of money in yuan."""
    return Column(name=name, dtype=pl.Float64(), label=Text(zh, en), unit=unit, minimum=minimum, above=above)


def number(
    name: str,
    zh: str,
    en: str,
    *,
    unit: Text,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
) -> Column:
    """Declare a number with its unit."""
    return Column(
        name=name,
        dtype=pl.Float64(),
        label=Text(zh, en),
        unit=unit,
        minimum=minimum,
        above=above,
        maximum=maximum,
    )


def whole(name: str, zh: str, en: str, *, unit: Text, minimum: int = 0) -> Column:
    """Declare a whole number."""
    return Column(name=name, dtype=pl.Int32(), label=Text(zh, en), unit=unit, minimum=minimum)


def boolean(name: str, zh: str, en: str) -> Column:
    """Declare a yes or no."""
    return Column(name=name, dtype=pl.Boolean(), label=Text(zh, en))


def day(name: str, zh: str, en: str) -> Column:
    """Declare a calendar day."""
    return Column(name=name, dtype=pl.Date(), label=Text(zh, en), minimum=EARLIEST_DAY, maximum=LATEST_DAY)


def moment(name: str, zh: str, en: str) -> Column:
    """Declare a day and time of day (local time, no zone)."""
    return Column(name=name, dtype=pl.Datetime("us"), label=Text(zh, en))


def known_at() -> Column:
    """Declare the day on which the fact became known, which every table has."""
    return day("known_at", "获知日期", "Known at")


def optional(column: Column) -> Column:
    """Allow the column to be empty."""
    return replace(column, nullable=True)


def dispensable(column: Column) -> Column:
    """Allow the column to be empty, and a table to come without it."""
    return replace(column, nullable=True, may_be_absent=True)
