"""Turn errors into problem+json (RFC 9457) in the caller's language."""

import logging
import math
import traceback
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError
from starlette.responses import Response

from graph.errors import UserError
from models.errors import PlanInfeasibleError
from serving.access.errors import LimitExceededError, OverloadedError, TooManyRowsError, UnauthorizedError
from serving.credit.errors import NoFeaturesError
from serving.errors import InvalidRequestError, UnexpectedError
from serving.http.errors import MalformedJsonError, MethodNotAllowedError
from serving.http.language import Language
from serving.http.problem_table import problem_of
from serving.http.rule_texts import field_problem
from serving.ledger.errors import LedgerUnavailableError
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


def request_error(error: ValidationError) -> MalformedJsonError | InvalidRequestError:
    """Turn pydantic's findings about a request into ours; values sent are not repeated."""
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return MalformedJsonError(found[0].get("ctx", {}).get("error", "JSON"))
    return InvalidRequestError([field_problem(item) for item in found])


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
