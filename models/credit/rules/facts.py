"""What rules are held against: plain facts of one party as of a date, None where nobody knows."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from models.errors import RuleFactsError

__all__ = ["FACT_UNITS", "FactUnit", "LimitUse", "RuleFacts", "facts_of_row", "told"]


class FactUnit(StrEnum):
    """How a fact is written in a sentence."""

    COUNT = "count"
    DAYS = "days"
    CNY = "cny"
    RATIO = "ratio"
    FLAG = "flag"
    TEXT = "text"


class LimitUse(BaseModel):
    """What is used of one limit in force by the party or by its group of connected clients; amounts in CNY."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    org_id: str
    code: str
    name_zh: str
    name_en: str
    scope: str
    used: float
    limit: float | None
    used_of_limit: float | None
    source: str
    verified: bool
    valid_from: date


class RuleFacts(BaseModel):
    """Facts of a party as of `as_of`; None means unknown and is never taken for harmless.

    Amounts in CNY, shares as decimals, counts of events over the window in the name (none: all that is known).
    `guarantees_beyond_net_assets` is what it guarantees above its net assets (0: within); `circle_members` the parties of
    its guarantee circle (1: in none); `connected_…` tells of its group of connected clients, itself included in
    members and outstanding; `…_defaults_12m` count other parties that defaulted in the last 12 months;
    `…_share_of_book` are shares of all that the group's companies have outstanding. `limit_uses` is empty where the
    group has no exposure that a limit binds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    party_id: str
    as_of: date
    kind: str | None = None
    industry: str | None = None
    province: str | None = None
    in_default: bool | None = None
    default_on: date | None = None
    default_cause: str | None = None
    days_past_due: int | None = None
    outstanding: float | None = None
    bankruptcy_filings: int | None = None
    dishonest_listings_36m: int | None = None
    enforcements_12m: int | None = None
    asset_freezes_12m: int | None = None
    deregistrations: int | None = None
    abnormal_operations_12m: int | None = None
    administrative_penalties_36m: int | None = None
    on_blacklist: bool | None = None
    statement_on: date | None = None
    net_assets: float | None = None
    leverage: float | None = None
    return_on_equity: float | None = None
    free_cash_flow: float | None = None
    guarantees_given: float | None = None
    guarantees_of_unknown_amount: int | None = None
    guarantees_beyond_net_assets: float | None = None
    circle_members: int | None = None
    circle_defaults_12m: int | None = None
    guaranteed_defaults_12m: int | None = None
    is_group_company: bool | None = None
    controlled_by_group: bool | None = None
    officer_of_group: bool | None = None
    family_of_group_officer: bool | None = None
    controlled_by_group_officer: bool | None = None
    connected_group: str | None = None
    connected_members: int | None = None
    connected_defaults_12m: int | None = None
    connected_outstanding: float | None = None
    main_line: str | None = None
    party_share_of_book: float | None = None
    connected_share_of_book: float | None = None
    industry_share_of_book: float | None = None
    province_share_of_book: float | None = None
    line_share_of_book: float | None = None
    sells_to_group: float | None = None
    buys_from_group: float | None = None
    limit_uses: tuple[LimitUse, ...] | None = None


_UNITS: Final[Mapping[FactUnit, tuple[str, ...]]] = {
    FactUnit.DAYS: ("days_past_due",),
    FactUnit.CNY: (
        *("outstanding", "net_assets", "free_cash_flow", "guarantees_given", "guarantees_beyond_net_assets"),
        *("connected_outstanding", "sells_to_group", "buys_from_group"),
    ),
    FactUnit.RATIO: (
        *("leverage", "return_on_equity", "party_share_of_book", "connected_share_of_book"),
        *("industry_share_of_book", "province_share_of_book", "line_share_of_book"),
    ),
    FactUnit.FLAG: (
        *("in_default", "on_blacklist", "is_group_company", "controlled_by_group", "officer_of_group"),
        *("family_of_group_officer", "controlled_by_group_officer"),
    ),
    FactUnit.TEXT: (
        *("party_id", "as_of", "kind", "industry", "province", "default_on", "default_cause"),
        *("statement_on", "connected_group", "main_line"),
    ),
}
_NAMED: Final = {name: unit for unit, names in _UNITS.items() for name in names}
FACT_UNITS: Final[Mapping[str, FactUnit]] = {
    name: _NAMED.get(name, FactUnit.COUNT) for name in RuleFacts.model_fields if name != "limit_uses"
}
"""The unit of each fact that a rule or its text can name."""


def told(value: float | str | date | None, unit: FactUnit) -> str:
    """Return a value as it stands in a sentence: 1,200,000, 12.5%, 3; a dash where it is unknown."""
    if value is None:
        return "—"
    if isinstance(value, (str, date)):
        return str(value)
    match unit:
        case FactUnit.CNY:
            return f"{value:,.0f}"
        case FactUnit.RATIO:
            return f"{value:.1%}"
        case _:
            return f"{value:g}"


def facts_of_row(row: Mapping[str, object]) -> RuleFacts:
    """Return the facts that a row of the table of facts holds. Raises RuleFactsError naming the field."""
    try:
        return RuleFacts.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise RuleFactsError(".".join(map(str, first["loc"])), first["msg"], first["msg"]) from error
