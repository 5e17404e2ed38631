"""Examples of bodies in the OpenAPI text: those a shape names itself, else the file of its name."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from serving.http.problem_table import problems
from serving.ledger.chain import Json

__all__ = ["example_of", "problem_example"]

_FOLDER: Final = Path(__file__).parent / "example_files"


@cache
def example_of(model: type[BaseModel]) -> Json:
    """Return an example of a shape, None where there is none."""
    extra = model.model_config.get("json_schema_extra")
    named = extra.get("examples") if isinstance(extra, dict) else None
    if isinstance(named, list) and named:
        return named[0]
    file = _FOLDER / f"{model.__name__}.json"
    found: Json = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found


@cache
def problem_example(status: int) -> Json:
    """Return a problem+json of a status, None where the table has none."""
    listed = sorted((p for p in problems().values() if p.status == status), key=lambda p: p.slug)
    if not listed:
        return None
    problem, request_id = listed[0], "core-20261122-000017"
    return {
        "type": f"urn:zhiheng:problem:{problem.slug}",
        "title": problem.en,
        "status": status,
        "detail": f"{problem.en}. What happened, to which field, and what to do, in the caller's language.",
        "instance": f"urn:zhiheng:request:{request_id}",
        "request_id": request_id,
    }
