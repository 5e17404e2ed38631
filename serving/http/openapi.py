"""The OpenAPI text of the service, built from its endpoints, and the page that shows it without internet."""

import json
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from serving.http.endpoint import JSON, Endpoint
from serving.http.examples import example_of, problem_example
from serving.http.field_texts import field_text, is_bilingual, schema_text
from serving.http.problem_table import problems
from serving.http.problems import MEDIA_TYPE
from serving.ledger.chain import Json
from serving.schemas import ProblemBody

__all__ = ["DOCS_PAGE", "JSON", "Endpoint", "openapi_json"]

JsonObject: TypeAlias = dict[str, Json]
_PLACE: Final = re.compile(r"\{(\w+)\}")
_TRY_AGAIN: Final = (429, 503)
_FILE: Final[JsonObject] = {"schema": {"type": "string", "format": "binary"}}
_SCHEMES: Final[JsonObject] = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "zh_<id>_<secret>",
        "description": "`zhiheng keys create` 签发的密钥。 / A key made by `zhiheng keys create`.",
    },
    "sso": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "集团单点登录的令牌（设置了 ZHIHENG_SSO_JWKS 时）。 / "
        "A token of the group's single sign-on, where ZHIHENG_SSO_JWKS is set.",
    },
}
_HEADERS: Final[JsonObject] = {
    "language": {
        "name": "Accept-Language",
        "in": "header",
        "description": "错误说明的语言：zh 或 en。 / Language of problems: zh or en.",
        "schema": {"type": "string"},
        "example": "zh",
    },
    "request_id": {
        "name": "X-Request-ID",
        "in": "header",
        "description": "调用方自己的编号，原样写回并记入台账。 / The caller's own id, given back and written to the ledger.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
        "example": "core-20261122-000017",
    },
}
_RETRY: Final[JsonObject] = {
    "Retry-After": {
        "description": "多少秒后重试。 / Seconds to wait before trying again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}

# BentoML's own page calls a tag manager on the internet; this one takes the same files from the service alone.
DOCS_PAGE: Final = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>智衡 Zhiheng API</title>
<link rel="stylesheet" href="/static_content/swagger-ui.css"></head>
<body><div id="docs"></div><script src="/static_content/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#docs"});</script></body></html>
"""


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
            "schemas": {name: _described(name, shape) for name, shape in definitions["$defs"].items()},
            "parameters": _HEADERS,
            "securitySchemes": _SCHEMES,
        },
    }
    return json.dumps(document, ensure_ascii=False)


def _operation(endpoint: Endpoint) -> JsonObject:
    said = [endpoint.summary]
    if endpoint.roles:
        said.append(f"所需角色 / needs one of the roles: {', '.join(sorted(endpoint.roles))}")
    operation: JsonObject = {
        "operationId": _operation_id(endpoint),
        "tags": [endpoint.path.split("/")[2] if endpoint.path.startswith("/v1/") else "operations"],
        "summary": endpoint.summary,
        "description": "\n\n".join(said),
        "parameters": [
            *({"$ref": f"#/components/parameters/{name}"} for name in _HEADERS),
            *_places(endpoint.path),
            *(_parameters(endpoint.query) if endpoint.query else ()),
        ],
        "responses": _responses(endpoint),
    }
    if endpoint.takes_body:
        content = {kind: _body(kind, endpoint.request) for kind in endpoint.consumes}
        operation["requestBody"] = {"required": True, "content": content}
    if endpoint.roles:
        operation["security"] = [{name: []} for name in _SCHEMES]
    return operation


def _responses(endpoint: Endpoint) -> JsonObject:
    given: JsonObject = {
        "200": {
            "description": _comes(endpoint),
            "content": {kind: _body(kind, endpoint.answer) for kind in endpoint.produces},
        }
    }
    if endpoint.accepted is not None:
        given["202"] = _content("已作为作业受理 / Taken as a job", endpoint.accepted)
    if endpoint.cached:
        given["304"] = {"description": "内容未变 / Not modified"}
    for status in endpoint.declared:
        titles = sorted({f"{p.zh} / {p.en}" for p in problems().values() if p.status == status})
        problem = _content("; ".join(titles) or str(status), ProblemBody, MEDIA_TYPE, problem_example(status))
        given[str(status)] = {**problem, "headers": _RETRY} if status in _TRY_AGAIN else problem
    if endpoint.unready:
        given["503"] = _content("尚未就绪 / Not ready", endpoint.answer)
    return given


def _comes(endpoint: Endpoint) -> str:
    """Say what a good answer holds: in the words of its shape, or of the route where it is a file."""
    said = schema_text(endpoint.answer.__name__, endpoint.answer.__doc__)
    return said if said is not None and is_bilingual(said) else endpoint.summary


def _described(name: str, shape: JsonObject) -> JsonObject:
    """Put the glossary's words where a shape, or a field of it, has none in both languages."""
    fields = shape.get("properties")
    told: JsonObject = {}
    if isinstance(fields, Mapping):
        told = {
            "properties": {
                field: {**said, "description": field_text(name, field, said.get("description"))}
                for field, said in fields.items()
                if isinstance(said, Mapping)
            }
        }
    return {**shape, **told, "description": schema_text(name, shape.get("description"))}


def _operation_id(endpoint: Endpoint) -> str:
    words = re.findall(r"[A-Za-z0-9]+", endpoint.path)
    return "_".join([endpoint.method.lower(), *words])


def _places(path: str) -> list[Json]:
    """List the parts of an address that the caller fills in."""
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": field_text("path", name),
            "schema": {"type": "string"},
        }
        for name in _PLACE.findall(path)
    ]


def _parameters(query: type[BaseModel]) -> list[Json]:
    """List the fields of a query; `$ref`s are written out, as a parameter has no place for definitions."""
    schema = query.model_json_schema()
    definitions, required = schema.get("$defs", {}), schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": field_text(query.__name__, name, field.get("description")),
            "schema": _written_out({k: v for k, v in field.items() if k != "description"}, definitions),
        }
        for name, field in schema["properties"].items()
    ]


def _written_out(node: Json, definitions: Mapping[str, Json]) -> Json:
    """Put definitions in the place of references to them."""
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        if isinstance(reference, str):
            return _written_out(definitions[reference.rpartition("/")[2]], definitions)
        return {name: _written_out(part, definitions) for name, part in node.items()}
    if isinstance(node, list):
        return [_written_out(part, definitions) for part in node]
    return node


def _body(kind: str, model: type[BaseModel] | None) -> JsonObject:
    """Describe a body: JSON by its shape and an example, anything else as a file."""
    if model is None or kind != JSON:
        return _FILE
    content: JsonObject = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    example = example_of(model)
    return content if example is None else {**content, "example": example}


def _content(
    description: str, model: type[BaseModel], media_type: str = JSON, example: Json = None
) -> JsonObject:
    body = _body(JSON, model) if example is None else {**_body(JSON, model), "example": example}
    return {"description": description, "content": {media_type: body}}
