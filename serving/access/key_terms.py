"""What a key is made with, checked: its user, roles, companies, end, limits."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError

from serving.access.errors import KeyArgumentError, RoleCombinationError
from serving.access.limits import NO_LIMITS_OF_ITS_OWN, KeyLimits
from serving.access.roles import ALL_COMPANIES, Role, conflicts

__all__ = ["PLAIN_TERMS", "KeyTerms", "checked_scope", "checked_terms", "read_limits", "utc_text"]

_COMPANY: Final = re.compile(r"[A-Za-z0-9-]{1,32}")


@dataclass(frozen=True)
class KeyTerms:
    """What may be said of a key beside its roles: `combination_reason` allows roles that exclude each other."""

    expires_at: datetime | None = None
    made_by: str = ""
    combination_reason: str = ""
    limits: KeyLimits = NO_LIMITS_OF_ITS_OWN


PLAIN_TERMS: Final = KeyTerms()


def utc_text(moment: datetime) -> str:
    """Write a moment as the tables keep it."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def checked_terms(roles: Sequence[Role], terms: KeyTerms, *, now: datetime) -> None:
    """Refuse roles that exclude each other and an end that has passed. Raises RoleCombinationError, KeyArgumentError."""
    found = conflicts(roles)
    if found and not terms.combination_reason.strip():
        raise RoleCombinationError(*found[0])
    if terms.expires_at is not None and terms.expires_at <= now:
        raise KeyArgumentError(
            zh=f"到期时间 {utc_text(terms.expires_at)} 已经过去，请用 --expires 给出将来的日期。",
            en=f"The end {utc_text(terms.expires_at)} has passed; give a later date with --expires.",
        )


def checked_scope(name: str, roles: Sequence[Role], companies: Sequence[str]) -> tuple[str, ...]:
    """Return the companies without repeats. Raises KeyArgumentError naming the option to correct."""
    if not name.strip():
        raise KeyArgumentError(zh="请用 --name 写明密钥的使用者。", en="Say with --name who uses the key.")
    if not roles:
        raise KeyArgumentError(
            zh=f"请至少给出一个 --role（{'、'.join(Role)}）。",
            en=f"Give at least one --role ({', '.join(Role)}).",
        )
    scope = tuple(dict.fromkeys(companies))
    wrong = [company for company in scope if company != ALL_COMPANIES and not _COMPANY.fullmatch(company)]
    if not scope or wrong or (ALL_COMPANIES in scope and len(scope) > 1):
        raise KeyArgumentError(
            zh="请用 --company 给出企业编号（如 ORG-01，可重复），或单独给出 *。",
            en="Give company ids with --company (such as ORG-01, repeatable), or * alone.",
        )
    return scope


def read_limits(given: Sequence[str]) -> KeyLimits:
    """Read limits written as name=number. Raises KeyArgumentError naming the names there are."""
    pairs: Mapping[str, str] = dict(_pair(text) for text in given)
    try:
        return KeyLimits.model_validate({name: json.loads(value) for name, value in pairs.items()})
    except (ValidationError, ValueError) as error:
        raise _limits_error() from error


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise _limits_error()
    return name.strip().replace("-", "_"), value.strip()


def _limits_error() -> KeyArgumentError:
    names = ", ".join(KeyLimits.model_fields)
    return KeyArgumentError(
        zh=f"请用 --limit 名称=正整数 给出限额（可重复），名称为：{names}。",
        en=f"Give limits as --limit name=number (repeatable), a whole number above 0; the names are {names}.",
    )
