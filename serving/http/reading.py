"""Reads a JSON body into a shape; what readers could understand differently is refused, and each fault named."""

import contextlib
import json
import math
import re
from collections import Counter
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from serving.errors import FieldProblem, InvalidRequestError
from serving.http.errors import MalformedJsonError
from serving.http.problems import request_error
from serving.storable_text import shown_name, text_problem

__all__ = ["MOST_DEPTH", "read_json", "refuse_ambiguity"]

MOST_DEPTH: Final = 64
_MOST_DIGITS: Final = 308  # of a whole number that a double can still hold
Body = TypeVar("Body", bound=BaseModel)
# Texts as a whole, an unclosed one to the end, so that brackets inside are not counted; never steps back.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_BOM: Final = b"\xef\xbb\xbf"
_NOT_FINITE: Final = object()
_NUMBER: Final = object()


def read_json(body: bytes, shape: type[Body]) -> Body:
    """Read a body. Raises MalformedJsonError and InvalidRequestError."""
    _refuse_unreadable(body)
    try:
        wanted = shape.model_validate_json(body)
    except ValidationError as error:
        _name_half_characters(body, error)
        raise request_error(error) from error
    refuse_ambiguity(body)
    return wanted


def _refuse_unreadable(body: bytes) -> None:
    if body.startswith(_BOM):
        raise MalformedJsonError("byte order mark (BOM) at the start; 请去掉开头的 BOM / leave it out")
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedJsonError(f"not UTF-8 at byte {error.start}") from error
    # Most bodies hold fewer brackets than may be nested; only the others are looked through.
    if body.count(b"[") + body.count(b"{") > MOST_DEPTH and _depth(body) > MOST_DEPTH:
        raise MalformedJsonError(f"nested deeper than {MOST_DEPTH} / 嵌套超过 {MOST_DEPTH} 层")


def _depth(body: bytes) -> int:
    """Return how deep brackets are nested, at most one more than may be."""
    depth = deepest = 0
    for match in _TOKEN.finditer(body):
        sign = match[0][:1]
        if sign in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > MOST_DEPTH:
                return deepest
        elif sign in b"]}":
            depth -= 1
    return deepest


def _name_half_characters(body: bytes, error: ValidationError) -> None:
    """Name the field with half a character, which the reader of shapes calls JSON that is broken. Raises InvalidRequestError."""
    if error.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid" and b"\\u" in body:
        with contextlib.suppress(ValueError):  # it is broken
            _THOROUGH.decode(body.decode())


def refuse_ambiguity(body: bytes) -> None:
    """Refuse keys given twice, numbers that are none and texts that cannot be kept.

    Raises InvalidRequestError naming the field.
    """
    text = body.decode()
    try:
        if "\\u" not in text:  # an escape may be NUL or half a character
            _QUICK.decode(text)
            return
    except _SuspectError:
        pass
    _THOROUGH.decode(text)


class _SuspectError(Exception):
    """Something that only the thorough reading can name."""


def _no_repeat(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise _SuspectError


def _quick_float(text: str) -> None:
    if not math.isfinite(float(text)):
        raise _SuspectError


def _quick_integer(text: str) -> None:
    if len(text) > _MOST_DIGITS:
        raise _SuspectError


def _suspect(_text: str) -> None:
    raise _SuspectError


def _once(pairs: list[tuple[str, object]]) -> None:
    counts = Counter(key for key, _ in pairs)
    found = [
        FieldProblem(
            shown_name(key), "repeated", "出现多次，请只保留一个", "is given more than once; keep one"
        )
        for key, count in counts.items()
        if count > 1
    ]
    for key, value in pairs:
        values = _single(value)
        if any(one is _NOT_FINITE for one in values):
            found.append(
                FieldProblem(
                    shown_name(key),
                    "finite_number",
                    "须为有限的数（不得为 NaN 或无穷）",
                    "must be a finite number (no NaN, no infinity)",
                )
            )
        # At once: a column of a book has a million.
        problem = text_problem(
            shown_name(key), "".join([key, *(one for one in values if isinstance(one, str))])
        )
        found += [problem] if problem else []
    if found:
        raise InvalidRequestError(found)


def _single(value: object) -> list[object]:
    """Return what stands in lists, however deep; objects were looked through before."""
    if not isinstance(value, list):
        return [value]
    if not any(isinstance(one, list) for one in value):
        return value
    return [one for part in value for one in _single(part)]


# Nearly every body passes the first, in a tenth of the time; the second finds the words for what the others broke.
_QUICK: Final = json.JSONDecoder(
    object_pairs_hook=_no_repeat, parse_float=_quick_float, parse_int=_quick_integer, parse_constant=_suspect
)
_THOROUGH: Final = json.JSONDecoder(
    object_pairs_hook=_once,
    parse_constant=lambda _text: _NOT_FINITE,
    parse_float=lambda text: _NUMBER if math.isfinite(float(text)) else _NOT_FINITE,
    parse_int=lambda text: _NUMBER if len(text) <= _MOST_DIGITS else _NOT_FINITE,
)
