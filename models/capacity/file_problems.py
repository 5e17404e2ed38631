"""What is wrong in a file a user wrote, field by field and in both languages, with what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, LiteralString

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

__all__ = ["Problem", "listed", "problems_of", "refusal"]

_BOTH: Final[LiteralString] = "two_languages"
_TEXTS: Final = {
    "missing": ("缺少此字段，请补上", "is missing; add it"),
    "extra_forbidden": ("没有这个字段，请删去或核对拼写", "is not a field; remove it or check its spelling"),
    "string_type": ("应为文字（加引号）", "must be text in quotes"),
    "float_type": ("应为数字", "must be a number"),
    "float_parsing": ("应为数字", "must be a number"),
    "finite_number": ("应为有限的数字", "must be a finite number"),
    "int_type": ("应为整数", "must be a whole number"),
    "int_from_float": ("应为整数", "must be a whole number"),
    "bool_type": ("应为 true 或 false", "must be true or false"),
    "bool_parsing": ("应为 true 或 false", "must be true or false"),
    "tuple_type": ("应为列表，用方括号", "must be a list in brackets"),
    "model_type": ("应为一个表", "must be a table"),
    "date_type": ("应为日期，形如 2026-09-07", "must be a date such as 2026-09-07"),
    "date_from_datetime_parsing": ("应为日期，形如 2026-09-07", "must be a date such as 2026-09-07"),
    "date_parsing": ("应为日期，形如 2026-09-07", "must be a date such as 2026-09-07"),
}
_LIMITS: Final = {
    "greater_than": ("gt", "应大于 {}", "must be above {}"),
    "greater_than_equal": ("ge", "不应小于 {}", "must not be below {}"),
    "less_than": ("lt", "应小于 {}", "must be below {}"),
    "less_than_equal": ("le", "不应大于 {}", "must not be above {}"),
    "string_too_short": ("min_length", "至少 {} 个字", "needs at least {} character(s)"),
    "too_short": ("min_length", "至少 {} 项", "needs at least {} item(s)"),
    "too_long": ("max_length", "至多 {} 项", "may have at most {} item(s)"),
    "enum": ("expected", "应为 {} 之一", "must be one of {}"),
    "literal_error": ("expected", "应为 {} 之一", "must be one of {}"),
    "union_tag_invalid": ("expected_tags", "kind 应为 {} 之一", "`kind` must be one of {}"),
    "union_tag_not_found": ("discriminator", "缺少 {}，请补上", "lacks {}; add it"),
    "string_pattern_mismatch": ("pattern", "应符合 {}", "must match {}"),
}
_OWN_WORDS: Final = frozenset(
    {_BOTH, "missing", "extra_forbidden", "union_tag_invalid", "union_tag_not_found"}
)
_SHOWN: Final = 60  # characters of a wrong value


@dataclass(frozen=True)
class Problem:
    """One field that is wrong, with the remedy in both languages; the field is a path such as drivers.2.range."""

    field: str
    zh: str
    en: str


def refusal(zh: str, en: str) -> PydanticCustomError:
    """Return an error for a validator to raise that keeps both languages."""
    return PydanticCustomError(_BOTH, "{en}", {"zh": zh, "en": en})


def problems_of(error: ValidationError, *, whole: str = "file") -> tuple[Problem, ...]:
    """Return each problem of a validation error; `whole` names what is meant where no single field is wrong."""
    items = error.errors(include_url=False)
    places = [item["loc"] for item in items]
    return tuple(_problem(item, whole) for item in items if not _follows(item, places))


def listed(problems: Sequence[Problem]) -> tuple[str, str]:
    """Return all problems as one text a language."""
    return "；".join(f"{one.field} {one.zh}" for one in problems), "; ".join(
        f"{one.field} {one.en}" for one in problems
    )


def _follows(item: ErrorDetails, places: Sequence[tuple[int | str, ...]]) -> bool:
    """Tell whether a list is called too short only because its entries are wrong."""
    inside = item["loc"]
    return item["type"] == "too_short" and any(
        one[: len(inside)] == inside and len(one) > len(inside) for one in places
    )


def _problem(item: ErrorDetails, whole: str) -> Problem:
    field = ".".join(str(part) for part in item["loc"]) or whole
    zh, en = _texts(item)
    if item["type"] in _OWN_WORDS or not isinstance(item["input"], str | int | float | date):
        return Problem(field, zh, en)
    value = str(item["input"])[:_SHOWN]
    return Problem(field, f"{zh}，现为 {value}", f"{en}, not {value}")


def _texts(item: ErrorDetails) -> tuple[str, str]:
    context: dict[str, Any] = item.get("ctx", {})
    if item["type"] == _BOTH:
        return context["zh"], context["en"]
    if item["type"] in _TEXTS:
        return _TEXTS[item["type"]]
    if item["type"] in _LIMITS:
        name, zh, en = _LIMITS[item["type"]]
        return zh.format(context[name]), en.format(context[name])
    return f"的值无法使用（{item['msg']}）", f"cannot be used ({item['msg']})"
