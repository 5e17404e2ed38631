"""The OpenAPI text of the service, built from its endpoints, and the page that shows it without internet."""

import json
import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from serving.access.roles import Role
from serving.http.problem_table import problems
from serving.http.problems import MEDIA_TYPE
from serving.ledger.chain import Json
from serving.schemas import ProblemBody

__all__ = ["DOCS_PAGE", "Endpoint", "openapi_json"]

JsonObject: TypeAlias = dict[str, Json]
JSON: Final = "application/json"
_WITH_KEY: Final = (400, 401, 403, 429, 500, 503, 504)
_WITH_BODY: Final = (400, 408, 413, 415, 422)
_PLACE: Final = re.compile(r"\{(\w+)\}")

# BentoML's own page calls a tag manager on the internet; this one takes the same files from the service alone.
DOCS_PAGE: Final = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>智衡 Zhiheng API</title>
<link rel="stylesheet" href="/static_content/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/static_content/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs"});</script></body></html>
"""


@dataclass(frozen=True)
class Endpoint:
    """One route: where it lies, who may call it, what goes in and what can come out.

    `accepted` is what a request is answered with (202) where a job was made of it. `consumes` and `produces` are the media
    types that its body and its answer can have, the first where none is asked for. `statuses` are problems of its own:
    those that come with having a key or a body are added (`declared`). What is `cached` has an ETag and can be 304.
    """

    path: str
    method: str
    summary: str
    answer: type[BaseModel]
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    accepted: type[BaseModel] | None = None
    roles: frozenset[Role] = frozenset()
    statuses: tuple[int, ...] = ()
    unready: bool = False
    slow: bool = False
    consumes: tuple[str, ...] = (JSON,)
    produces: tuple[str, ...] = (JSON,)
    cached: bool = False

    @property
    def declared(self) -> tuple[int, ...]:
        """Return every status of a problem that the route can give."""
        given = {
            *self.statuses,
            405,
            *(_WITH_KEY if self.roles else ()),
            *(_WITH_BODY if self.request else ()),
        }
        return tuple(sorted(given))


def openapi_json(endpoints: tuple[Endpoint, ...]) -> str:
    """Write the OpenAPI 3.1 document of the endpoints."""
    inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (e.request, "validation") for e in endpoints if e.request
    ]
    answers = [answer for e in endpoints for answer in (e.answer, e.accepted) if answer]
    outputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(answer, "serialization") for answer in answers]
    models = list(dict.fromkeys([*inputs, *outputs]))
    models.append((ProblemBody, "serialization"))
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    paths: dict[str, JsonObject] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    document: JsonObject = {
        "openapi": "3.1.0",
        "info": {
            "title": "智衡 Zhiheng",
            "version": "v1",
            "description": "集团风险与预测服务：每个结果都附有理由，并先记入台账。 / "
            "Risk and forecasts of the group: every answer is explained, and written down before it is given.",
        },
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "bearerFormat": "zh_<id>_<secret>"}
            },
        },
    }
    return json.dumps(document, ensure_ascii=False)


def _operation(endpoint: Endpoint) -> JsonObject:
    responses: JsonObject = {"200": _content("OK", endpoint.answer)}
    if endpoint.unready:
        responses["503"] = _content("尚未就绪 / Not ready", endpoint.answer)
    if endpoint.accepted is not None:
        responses["202"] = _content("已作为作业受理 / Taken as a job", endpoint.accepted)
    if endpoint.cached:
        responses["304"] = {"description": "内容未变 / Not modified"}
    for status in endpoint.declared:
        titles = sorted({f"{p.zh} / {p.en}" for p in problems().values() if p.status == status})
        responses[str(status)] = _content("; ".join(titles), ProblemBody, MEDIA_TYPE)
    operation: JsonObject = {"summary": endpoint.summary, "responses": responses}
    if endpoint.request is not None:
        body = _content("", endpoint.request)
        operation = {**operation, "requestBody": {"required": True, "content": body["content"]}}
    parameters = [*_places(endpoint.path), *(_parameters(endpoint.query) if endpoint.query else ())]
    if parameters:
        operation = {**operation, "parameters": parameters}
    if endpoint.roles:
        roles = ", ".join(sorted(endpoint.roles))
        operation = {
            **operation,
            "security": [{"key": []}],
            "description": f"所需角色 / needs one of the roles: {roles}",
        }
    return operation


def _places(path: str) -> list[Json]:
    """List the parts of an address that the caller fills in."""
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACE.findall(path)
    ]


def _parameters(query: type[BaseModel]) -> list[Json]:
    """List the fields of a query; `$ref`s are written out, as a parameter has no place for definitions."""
    schema = query.model_json_schema()
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    listed: list[Json] = []
    for name, field in schema["properties"].items():
        text = json.dumps({key: value for key, value in field.items() if key != "description"})
        for other, definition in definitions.items():
            text = text.replace(json.dumps({"$ref": f"#/$defs/{other}"}), json.dumps(definition))
        listed.append(
            {
                "name": name,
                "in": "query",
                "required": name in required,
                "description": field.get("description", ""),
                "schema": json.loads(text),
            }
        )
    return listed


def _content(description: str, model: type[BaseModel], media_type: str = "application/json") -> JsonObject:
    schema: JsonObject = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {media_type: {"schema": schema}}}
