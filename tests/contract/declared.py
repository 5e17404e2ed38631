"""Holds an answer against the OpenAPI document: status, media type, headers and shape are declared, errors are problem+json."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import httpx
from pydantic import ValidationError
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from serving.schemas import ProblemBody

__all__ = ["AnyCase", "Operation", "faults"]

AnyCase: TypeAlias = Case[Any]
Operation: TypeAlias = APIOperation[Any, Any, Any, Any]

_PROBLEM = "application/problem+json"
_REFUSED, _BROKEN, _TOO_MANY, _UNKNOWN = 400, 500, 429, 401
_CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def faults(case: AnyCase, answer: httpx.Response) -> Iterator[str]:
    """Yield what of an answer is not as declared."""
    if answer.status_code >= _BROKEN:
        yield f"{answer.status_code}: {answer.text[:400]}"
    if answer.status_code >= _REFUSED:
        yield from _of_a_problem(answer)
    try:
        case.validate_response(answer, checks=_CHECKS)
    except FailureGroup as group:
        for failure in group.exceptions:
            yield f"{answer.status_code}: {type(failure).__name__}: {' '.join(str(failure).split())[:500]}"


def _of_a_problem(answer: httpx.Response) -> Iterator[str]:
    """Yield what an error lacks: its shape, its language, what tells the caller how to go on."""
    if answer.headers.get("content-type") != _PROBLEM:
        yield f"{answer.status_code} is {answer.headers.get('content-type')}: {answer.text[:200]}"
        return
    try:
        body = ProblemBody.model_validate_json(answer.content)
    except ValidationError as error:
        yield f"{answer.status_code} is no problem: {error}"
        return
    if body.status != answer.status_code:
        yield f"status {body.status} in the body of a {answer.status_code}"
    if body.request_id != answer.headers.get("x-request-id"):
        yield f"request id {body.request_id} in the body, {answer.headers.get('x-request-id')} in the header"
    if answer.headers.get("content-language") not in ("zh", "en"):
        yield f"language {answer.headers.get('content-language')}"
    if answer.status_code == _TOO_MANY and "retry-after" not in answer.headers:
        yield "429 without Retry-After"
    if answer.status_code == _UNKNOWN and "www-authenticate" not in answer.headers:
        yield "401 without WWW-Authenticate"
    if not body.title or not body.detail:
        yield "a problem without words"
