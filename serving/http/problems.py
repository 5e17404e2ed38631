"""Turn errors into problem+json (RFC 9457) in the caller's language."""

import logging
import math
import traceback
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from graph.errors import UserError
from models.errors import PlanInfeasibleError
from serving.access.errors import LimitExceededError, OverloadedError, TooManyRowsError
from serving.errors import (
    FieldProblem,
    InvalidRequestError,
    LedgerUnavailableError,
    MalformedJsonError,
    MethodNotAllowedError,
    NoFeaturesError,
    UnauthorizedError,
    UnexpectedError,
)
from serving.http.language import Language
from serving.http.problem_table import problem_of
from serving.schemas import FieldError, Note, ProblemBody, Quality, QualityLevel

__all__ = [
    "MEDIA_TYPE",
    "known_error",
    "problem_body",
    "problem_response",
    "request_error",
]

MEDIA_TYPE: Final = "application/problem+json"
_LOG: Final = logging.getLogger("bentoml.zhiheng")
# A restart of the database takes seconds; a full disk longer, and then asking again costs nothing.
_LEDGER_RETRY_SECONDS: Final = "2"

# Pydantic's rule names, in the words of the people who read them.
_RULES: Final[dict[str, tuple[str, str]]] = {
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
    "enum": ("不在允许的取值之中，见 /docs", "is none of the allowed values, see /docs"),
    "first_after_last": ("first 晚于 last", "has a first that is after its last"),
    "float_type": ("须为数值，不得为文本", "must be a number, not text"),
    "int_parsing": ("须为整数", "must be a whole number"),
    "int_type": ("须为整数", "must be a whole number"),
    "line_and_stage": (
        "line 与 stage 须同时给出或都不给",
        "give line and stage together, or none of them",
    ),
    "list_type": ("须为列表", "must be a list"),
    "literal_error": ("不在允许的取值之中，见 /docs", "is none of the allowed values, see /docs"),
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
    "string_pattern_mismatch": (
        "格式不符（字母、数字、- 和 _，最长 64）",
        "must be letters, digits, - and _, at most 64",
    ),
    "union_tag_not_found": ("缺少 kind", "lacks its kind"),
    "union_tag_invalid": (
        "kind 不在允许的取值之中，见 /docs",
        "has a kind that is none of the allowed, see /docs",
    ),
    "payload_or_filters": (
        "payload 与筛选条件（line_ids、company、profile、product_id）须只给出一种",
        "give either payload or filters (line_ids, company, profile, product_id)",
    ),
    "explained_by_week": (
        "贡献按周给出，请用 by = week",
        "has contributions by week only; ask with by = week",
    ),
    "string_type": ("须为文本", "must be text"),
    "string_too_long": ("文本过长", "is too long a text"),
    "string_too_short": ("不得为空", "must not be empty"),
    "too_long": ("条目过多", "has too many entries"),
    "too_short": ("须至少有一项", "must have one entry at least"),
}


def request_error(error: ValidationError) -> MalformedJsonError | InvalidRequestError:
    """Turn pydantic's findings about a request into ours; values sent are not repeated."""
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return MalformedJsonError(found[0].get("ctx", {}).get("error", "JSON"))
    return InvalidRequestError([_field_problem(item) for item in found])


def _field_problem(item: ErrorDetails) -> FieldProblem:
    field = ".".join(map(str, item["loc"])) or "body"
    zh, en = (
        _RULES.get(item["type"])
        or _own_words(item)
        or _bound(item)
        or (f"不符合规则 {item['type']}", item["msg"])
    )
    return FieldProblem(field, item["type"], zh, en)


def _own_words(item: ErrorDetails) -> tuple[str, str] | None:
    """Return the texts that a shape of the models gives of itself, None where it gives none."""
    context = item.get("ctx", {})
    return (context["zh"], context["en"]) if {"zh", "en"} <= set(context) else None


_BOUNDS: Final = {
    "greater_than": ("gt", "须大于", "must be above"),
    "greater_than_equal": ("ge", "须不小于", "must not be below"),
    "less_than": ("lt", "须小于", "must be below"),
    "less_than_equal": ("le", "须不大于", "must not be above"),
}


def _bound(item: ErrorDetails) -> tuple[str, str] | None:
    """Name the bound that a number passed, None where it is about something else."""
    if item["type"] not in _BOUNDS:
        return None
    key, zh, en = _BOUNDS[item["type"]]
    bound = item.get("ctx", {}).get(key)
    return f"{zh} {bound}", f"{en} {bound}"


def known_error(error: Exception, request_id: str) -> UserError:
    """Return an error that may be told; one that no table knows is logged without its message, which may hold values."""
    if isinstance(error, UserError):
        return error
    frames = "".join(traceback.format_tb(error.__traceback__))
    _LOG.error("unexpected %s in request %s\n%s", type(error).__name__, request_id, frames)
    return UnexpectedError()


def problem_body(error: UserError, *, request_id: str, language: Language) -> ProblemBody:
    """Write an error down as problem+json."""
    problem = problem_of(error)
    return ProblemBody(
        type=f"urn:zhiheng:problem:{problem.slug}",
        title=problem.zh if language == "zh" else problem.en,
        status=problem.status,
        detail=error.message(language),
        instance=f"urn:zhiheng:request:{request_id}",
        request_id=request_id,
        errors=_field_errors(error, language),
        quality=_refused(error),
    )


def problem_response(error: Exception, *, request_id: str, language: Language) -> Response:
    """Answer with an error."""
    error = known_error(error, request_id)
    body = problem_body(error, request_id=request_id, language=language)
    headers = {"Content-Language": language, "X-Request-ID": request_id, "Vary": "Accept-Language"}
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Bearer realm="zhiheng"'
    if isinstance(error, MethodNotAllowedError):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, LimitExceededError | OverloadedError):
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if isinstance(error, LedgerUnavailableError):
        headers["Retry-After"] = _LEDGER_RETRY_SECONDS
    text = body.model_dump_json(exclude_none=True)
    return Response(text, body.status, headers=headers, media_type=MEDIA_TYPE)


def _field_errors(error: UserError, language: Language) -> list[FieldError] | None:
    if isinstance(error, PlanInfeasibleError):
        return [_relaxation(one, language) for one in error.relaxations]
    if isinstance(error, LimitExceededError):
        return [FieldError(field="key", rule=error.rule, message=error.message(language))]
    if isinstance(error, TooManyRowsError):
        return [FieldError(field="rows", rule="rows_per_book", message=error.message(language))]
    if not isinstance(error, InvalidRequestError):
        return None
    return [
        FieldError(field=item.field, rule=item.rule, message=item.zh if language == "zh" else item.en)
        for item in error.problems
    ]


def _relaxation(one: Mapping[str, object], language: Language) -> FieldError:
    """Name a constraint of the smallest set to relax, and by how much."""
    field = str(one.get("constraint") or one.get("kind") or "constraint")
    return FieldError(field=field, rule="relax", message=str(one[f"text_{language}"]))


def _refused(error: UserError) -> Quality | None:
    if not isinstance(error, NoFeaturesError):
        return None
    note = Note(code="no_features", text_zh=error.zh, text_en=error.en)
    return Quality(level=QualityLevel.REFUSED, features_known=0, features_total=error.total, notes=[note])
