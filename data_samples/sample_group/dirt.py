"""The kinds of dirty rows, each a copy of a good row with one thing wrong.

Most dirty rows are added under a key of their own (or repeat a good row whole), so that what remains after a contract
has taken them out is the clean world; those marked `in_place` spoil a row of a daily series, which then lacks that day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from graph.credit_code import check_character

__all__ = ["DIRT", "Dirty"]


@dataclass(frozen=True)
class Dirty:
    """One kind of dirt: which rows it is made from and what it changes."""

    kind: str
    change: tuple[pl.Expr, ...]
    where: pl.Expr | None = None
    in_place: bool = False
    again: tuple[pl.Expr, ...] | None = None  # a second row under the same key, with this changed


def _id(name: str, mark: str) -> pl.Expr:
    # a key no good row has: the first character is followed by the mark of the kind
    return (pl.col(name).str.slice(0, 1) + mark + pl.col(name).str.slice(2)).alias(name)


def _day(name: str, by: int, source: str | None = None) -> pl.Expr:
    return (pl.col(source or name) + pl.duration(days=by)).alias(name)


def _set(**values: str | float) -> tuple[pl.Expr, ...]:
    return tuple(pl.lit(value).alias(name) for name, value in values.items())


NOBODY: Final = "P9999999"
NO_EXPOSURE: Final = "X999999999"
_INF: Final = float("inf")
_COMPANY: Final = (pl.col("kind") == "company") & pl.col("credit_code").is_not_null()
_LATER: Final = (_day("valid_from", 211), _day("known_at", 300))

DIRT: Final[Mapping[str, tuple[Dirty, ...]]] = {
    "parties": (
        Dirty("repeated_row", ()),
        Dirty("bad_check_digit", (*_LATER, (pl.col("credit_code").str.slice(0, 17) + pl.when(
            pl.col("credit_code").str.ends_with("0")).then(pl.lit("1")).otherwise(pl.lit("0"))).alias("credit_code")),
            where=_COMPANY),
        Dirty("conflicting_key", (_day("valid_from", 223), _day("known_at", 310)), where=_COMPANY,
              again=(pl.lit(1, dtype=pl.Int32).alias("employees"),)),
        Dirty("person_with_credit_code", (_day("valid_from", 227), _day("known_at", 310),
              *_set(credit_code="91370102MA0000000" + check_character("91370102MA0000000"))), where=pl.col("kind") == "person"),
    ),
    "edges": (
        Dirty("repeated_row", ()),
        Dirty("dangling_reference", (_id("edge_id", "A"), *_set(dst=NOBODY))),
        Dirty("end_before_start", (_id("edge_id", "B"), _day("valid_to", -40, "valid_from"))),
        Dirty("conflicting_key", (_id("edge_id", "C"),), again=_set(confidence=0.123)),
        Dirty("self_loop", (_id("edge_id", "D"), pl.col("src").alias("dst")), where=pl.col("kind") == "supplies"),
        Dirty("share_over_one", (_id("edge_id", "F"), pl.lit(51.0).alias("share")), where=pl.col("kind") == "owns"),
    ),
    "exposures": (
        Dirty("repeated_row", ()),
        Dirty("negative_principal", (_id("exposure_id", "A"), -pl.col("principal"))),
        Dirty("dangling_reference", (_id("exposure_id", "B"), *_set(party_id=NOBODY))),
        Dirty("end_before_start", (_id("exposure_id", "C"), _day("maturity_on", -30, "start_on"))),
        Dirty("infinite", (_id("exposure_id", "D"), *_set(collateral_value=_INF))),
    ),
    "schedules": (
        Dirty("repeated_row", ()),
        Dirty("dangling_reference", (_id("exposure_id", "Z"),)),
        Dirty("due_outside_life", (pl.lit(999).alias("installment_no"), _day("due_on", -3000),
              *_set(principal_due=0.0, interest_due=0.0)), where=pl.col("installment_no") == 1),
    ),
    "payments": (
        Dirty("repeated_row", ()),
        Dirty("dangling_reference", (_id("payment_id", "A"), *_set(exposure_id=NO_EXPOSURE))),
        Dirty("negative_amount", (_id("payment_id", "B"), -pl.col("amount"))),
        Dirty("infinite", (_id("payment_id", "C"), *_set(amount=_INF))),
        Dirty("known_before_fact", (_id("payment_id", "D"), _day("known_at", -20, "paid_on"))),
    ),
    "write_offs": (Dirty("dangling_reference", (_id("exposure_id", "Z"),)),),
    "statements": (
        Dirty("repeated_row", ()),
        Dirty("not_balancing", (_day("known_at", 17), (pl.col("equity") + 0.2 * pl.col("total_assets")).alias("equity")),
              where=pl.col("equity").is_not_null() & pl.col("total_liabilities").is_not_null()),
        Dirty("infinite", (_day("known_at", 19), *_set(revenue=_INF))),
        Dirty("current_over_total", (_day("known_at", 23), (1.5 * pl.col("total_assets")).alias("current_assets"))),
        Dirty("conflicting_key", (_day("known_at", 29),), again=((pl.col("total_assets") + 1).alias("total_assets"),)),
    ),
    "court_events": (
        Dirty("repeated_row", ()),
        Dirty("dangling_reference", (_id("event_id", "A"), *_set(party_id=NOBODY))),
        Dirty("infinite", (_id("event_id", "B"), *_set(amount=_INF))),
        Dirty("conflicting_key", (_id("event_id", "C"),), again=(_day("occurred_on", -1),)),
        Dirty("known_before_fact", (_id("event_id", "D"), _day("known_at", -20, "occurred_on"))),
    ),
    "registry_events": (
        Dirty("repeated_row", ()),
        Dirty("dangling_reference", (_id("event_id", "A"), *_set(party_id=NOBODY))),
        Dirty("conflicting_key", (_id("event_id", "C"),), again=(_day("occurred_on", -1),)),
    ),
    "sales": (
        Dirty("repeated_row", ()),
        Dirty("conflicting_key", (), in_place=True, again=((pl.col("quantity") + 1).alias("quantity"),)),
        Dirty("infinite", _set(quantity=_INF), in_place=True),
    ),
    "line_output": (
        Dirty("run_over_day", _set(run_hours=31.0), in_place=True),
        Dirty("good_over_output", ((1.4 * pl.col("output") + 1).alias("good_output"),), in_place=True),
    ),
    "line_stops": (
        Dirty("end_before_start", (_id("stop_id", "A"), (pl.col("start_at") - pl.duration(hours=2)).alias("end_at"))),
    ),
}  # fmt: skip
