"""Values as FollowTheMoney writes them: lists of strings."""

import math
import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

from graph.interchange.imported import NotCarriedError
from graph.interchange.partial_dates import first_day

__all__ = ["amount_in_cny", "dates", "number", "ratio", "year_after"]

_PERCENTAGE: Final = re.compile(
    r"[<>≥≤~ ]*(\d+(?:[.,]\d+)?) *%?(?: *(?:[-–]|to) *(\d+(?:[.,]\d+)?) *%?)?", re.ASCII
)
_LOCAL: Final = frozenset({"CNY", "RMB"})


def dates(values: Iterable[str], name: str) -> list[date]:
    """Return the days of dates in order; raises NotCarriedError for one that does not read."""
    days = []
    for value in values:
        day = first_day(value)
        if day is None:
            raise NotCarriedError(
                "bad_date",
                zh=f"{name} 的日期“{value}”无法识别，应为 YYYY、YYYY-MM 或 YYYY-MM-DD，该实体未导入。",
                en=f"{name} '{value}' is no date (YYYY, YYYY-MM or YYYY-MM-DD); the entity was left out.",
            )
        days.append(day)
    return sorted(days)


def ratio(text: str | None) -> tuple[float | None, float]:
    """Return a percentage as a ratio and its certainty: 1, less by half the width of a range, 0.5 where unknown.

    Raises NotCarriedError for a text that is no percentage from 0 to 100.
    """
    if text is None:
        return None, 0.5
    found = _PERCENTAGE.fullmatch(text.strip())
    low, high = (None, None) if found is None else (number(part) for part in found.groups())
    top = low if high is None else high
    if low is None or top is None or not low <= top <= 100:  # noqa: PLR2004 - percent
        raise NotCarriedError(
            "share_out_of_range",
            zh=f"持股比例“{text}”不是 0 到 100 之间的百分数或区间，该关系未导入。请更正后重新导入。",
            en=f"percentage '{text}' is none from 0 to 100, nor a range; the edge was left out. Correct it and import again.",
        )
    return round(low / 100, 6), 1 - (top - low) / 200


def amount_in_cny(amount: str | None, currency: str | None) -> float | None:
    """Return an amount in yuan; raises NotCarriedError for another or an unknown currency, or no number."""
    if amount is None:
        return None
    value = number(amount)
    if value is not None and (currency or "").upper() in _LOCAL:
        return value
    raise NotCarriedError(
        "amount_not_in_cny",
        zh=f"金额“{amount} {currency or '（无币种）'}”不是人民币金额，关系已导入，金额为空。",
        en=f"amount '{amount} {currency or '(no currency)'}' is no amount in CNY; the edge is carried without it.",
    )


def number(text: str | None) -> float | None:
    """Return a number that is finite and not negative ("1,234.5" and the decimal comma of "12,5" read too)."""
    if text is None:
        return None
    plain = re.sub(r",(?=\d{3}(?:\D|$))", "", text.strip()).replace(",", ".")
    try:
        value = float(plain)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def year_after(day: date) -> date:
    """Return the day a year later (1 March after 29 February)."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, day=28) + timedelta(days=1)
