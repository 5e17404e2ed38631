"""Forms of rule that recur in the tables."""

import polars as pl

from features.tables.contract import Rule, Text

__all__ = ["CHECK_BOTH_DAYS", "known_not_before", "not_before"]

CHECK_BOTH_DAYS = Text(
    "对照原件核对两个日期并改正", "check both dates against the document and correct the wrong one"
)


def not_before(later: str, earlier: str, zh: str, en: str) -> Rule:
    """State that one day of a row does not lie before another; an empty day keeps the rule."""
    return Rule(
        name=f"{later}_not_before_{earlier.replace('.', '_')}",
        columns=(later, earlier),
        broken=pl.col(later) < pl.col(earlier),
        text=Text(zh, en),
        remedy=CHECK_BOTH_DAYS,
    )


def known_not_before(fact: str, zh: str, en: str) -> Rule:
    """State that a fact is not known before its day; `zh` and `en` name that day."""
    return not_before(
        "known_at", fact, f"获知日期不应早于{zh}", f"a fact cannot be known before the day of {en}"
    )
