"""What a rule of a request says when it is broken, in Chinese and English: Pydantic's names in the words of its readers."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pydantic_core import ErrorDetails

from serving.errors import FieldProblem

__all__ = ["field_problem"]

Texts: TypeAlias = tuple[str, str]

_RULES: Final[Mapping[str, Texts]] = {
    "bool_type": ("须为 true 或 false", "must be true or false"),
    "dict_type": ("须为对象", "must be an object"),
    "extra_forbidden": ("没有这个字段，请删去或改正名称", "no such field; remove it or correct its name"),
    "date_parsing": ("须为日期，如 2026-12-31", "must be a date such as 2026-12-31"),
    "finite_number": ("须为有限的数（不得为 NaN 或无穷）", "must be a finite number (no NaN, no infinity)"),
    "elasticity_needs_multiply": (
        "给出 elasticity 时 operation 须为 multiply",
        "needs the operation multiply where an elasticity is given",
    ),
    "empty_scenario": (
        "情景没有任何改动；请给出 level、drivers、festival 或 shocks",
        "changes nothing; give level, drivers, festival or shocks",
    ),
    "datetime_parsing": (
        "须为时刻，如 2026-12-31T08:00:00+08:00",
        "must be a moment such as 2026-12-31T08:00:00+08:00",
    ),
    "datetime_type": ("须为文本形式的时刻", "must be a moment, as text"),
    "date_type": ("须为文本形式的日期", "must be a date, as text"),
    "timezone_aware": ("须带时区，如 +08:00 或 Z", "needs its offset, such as +08:00 or Z"),
    "float_parsing": ("须为数值", "must be a number"),
    "bool_parsing": ("须为 true 或 false", "must be true or false"),
    "first_after_last": ("first 晚于 last", "has a first that is after its last"),
    "float_type": ("须为数值，不得为文本", "must be a number, not text"),
    "int_parsing": ("须为整数", "must be a whole number"),
    "int_type": ("须为整数", "must be a whole number"),
    "line_and_stage": (
        "line 与 stage 须同时给出或都不给",
        "give line and stage together, or none of them",
    ),
    "list_type": ("须为列表", "must be a list"),
    "mixed_moments": ("first 与 last 须同为日期或同为期数", "has a date and a number as first and last"),
    "missing": ("缺少该字段", "is required"),
    "model_type": ("须为对象", "must be an object"),
    "multiply_above_zero": ("multiply 的 value 须大于 0", "needs a value above 0 to multiply by"),
    "named_or_own": ("name 与 scenario 须给出且只给出一个", "give either name or scenario, one of the two"),
    "names_or_scenarios": ("names 与 scenarios 须至少给出一个", "needs names or scenarios"),
    "scenario_twice": ("有重名的情景", "names a scenario twice"),
    "not_a_period": (
        "须形如 2026-12-01、2026-12-01T08:00:00 或为整数，且是文本",
        "must be text like 2026-12-01, 2026-12-01T08:00:00 or an integer",
    ),
    "one_of_two": (
        "party_id 与 features 须给出且只给出一个",
        "give either party_id or features, one of the two",
    ),
    "party_ids_or_columns": (
        "party_ids 与 columns 须给出且只给出一个",
        "give either party_ids or columns, one of the two",
    ),
    "one_way_to_select": (
        "unique_ids 与筛选条件（company、product_id、region、family、level）须给出且只给出一种",
        "give either unique_ids or filters (company, product_id, region, family, level)",
    ),
    "percent_or_quantile": ("percent 与 quantile 须给出且只给出一个", "give either percent or quantile"),
    "one_way_to_ask": (
        "unique_ids、筛选条件（company、product_id、region、family、level）与 series 三者须给出且只给出一种",
        "give either unique_ids, or filters (company, product_id, region, family, level), or series",
    ),
    "reason_missing": ("须写明理由", "must say why"),
    "union_tag_not_found": ("缺少 kind", "lacks its kind"),
    "payload_or_filters": (
        "payload 与筛选条件（line_ids、company、profile、product_id）须只给出一种",
        "give either payload or filters (line_ids, company, profile, product_id)",
    ),
    "explained_by_week": (
        "贡献按周给出，请用 by = week",
        "has contributions by week only; ask with by = week",
    ),
    "string_type": ("须为文本", "must be text"),
    "string_too_short": ("不得为空", "must not be empty"),
    "too_short": ("须至少有一项", "must have one entry at least"),
}

_BOUNDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than": ("gt", "须大于 {}", "must be above {}"),
    "greater_than_equal": ("ge", "须不小于 {}", "must not be below {}"),
    "less_than": ("lt", "须小于 {}", "must be below {}"),
    "less_than_equal": ("le", "须不大于 {}", "must not be above {}"),
    "string_too_long": ("max_length", "最长 {} 个字符", "must have {} characters at most"),
    "too_long": ("max_length", "最多 {} 项", "must have {} entries at most"),
}

_PATTERNS: Final[Mapping[str, Texts]] = {
    r"\S": ("不得为空白", "must not be blank"),
    r"^[A-Za-z0-9_-]{1,64}$": (
        "须为 1 至 64 个字母、数字、- 或 _",
        "must be 1 to 64 letters, digits, - or _",
    ),
    r"^[A-Za-z0-9_.-]{1,128}$": (
        "须为 1 至 128 个字母、数字、-、_ 或 .",
        "must be 1 to 128 letters, digits, -, _ or .",
    ),
}


def field_problem(item: ErrorDetails) -> FieldProblem:
    """Say which field broke which rule, and what to do; the value sent is not repeated."""
    field = ".".join(map(str, item["loc"])) or "body"
    zh, en = _own_words(item) or _from_context(item) or _RULES.get(item["type"]) or _by_name(item)
    return FieldProblem(field, item["type"], zh, en)


def _own_words(item: ErrorDetails) -> Texts | None:
    """Return the texts that a shape of the models gives of itself, None where it gives none."""
    context = item.get("ctx", {})
    return (context["zh"], context["en"]) if {"zh", "en"} <= set(context) else None


def _from_context(item: ErrorDetails) -> Texts | None:
    """Name the bound that was passed, the values that are allowed or the form that is wanted; None for other rules."""
    find = _CONTEXTS.get(item["type"], _bound)
    return find(item)


def _bound(item: ErrorDetails) -> Texts | None:
    if item["type"] not in _BOUNDS:
        return None
    key, zh, en = _BOUNDS[item["type"]]
    bound = item.get("ctx", {}).get(key)
    return zh.format(bound), en.format(bound)


def _allowed(item: ErrorDetails) -> Texts:
    context = item.get("ctx", {})
    values = (
        str(context.get("expected") or context.get("expected_tags")).replace("'", "").replace(" or ", ", ")
    )
    return f"须为以下之一：{values}", f"must be one of {values}"


def _form(item: ErrorDetails) -> Texts:
    pattern = str(item.get("ctx", {}).get("pattern"))
    return _PATTERNS.get(pattern) or (f"格式不符，须符合 {pattern}", f"has another form than {pattern}")


def _by_name(item: ErrorDetails) -> Texts:
    return f"不符合规则 {item['type']}", item["msg"]


_CONTEXTS: Final[Mapping[str, Callable[[ErrorDetails], Texts]]] = {
    "enum": _allowed,
    "literal_error": _allowed,
    "union_tag_invalid": _allowed,
    "string_pattern_mismatch": _form,
}
