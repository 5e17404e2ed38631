"""Every route's request and answer are stored: what breaks a client fails here by route and field."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, create_model

from serving.http.endpoint import Endpoint
from tests.wire.route_shapes import (
    FOLDER,
    breaks,
    differences,
    endpoints,
    file_of,
    route_shape,
    stored_shapes,
)

RENEW = "python tests/wire/route_shapes.py"


def test_no_route_breaks_its_clients_and_every_route_has_its_stored_shape(tmp_path: Path) -> None:
    now = {shape["route"]: shape for shape in map(route_shape, endpoints(tmp_path))}
    assert len(now) >= 50
    stored = stored_shapes()
    broken, changed = differences(stored, json.loads(json.dumps(now)))
    assert broken == [], "these break clients; if they are meant: " + f"{RENEW} --breaking"
    lacking = sorted(set(now) - set(stored))
    assert lacking == [], f"these routes have no stored shape: {RENEW}"
    assert changed == [], f"these routes take or give more than is stored: {RENEW}"


def test_files_are_named_by_their_routes() -> None:
    for route in stored_shapes():
        assert (FOLDER / file_of(route)).is_file()


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    weight: float
    colours: list[Colour]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=10)]
    size: float | None = None
    colour: Colour = Colour.RED
    inner: Inner | None = None
    by_key: dict[str, Inner] = Field(default_factory=dict)


def endpoint(request: type[BaseModel] = Body, answer: type[BaseModel] = Body, **more: object) -> Endpoint:
    return Endpoint("/v1/x", "POST", "x", answer, request=request, **more)  # type: ignore[arg-type]


def changed(**fields: object) -> type[BaseModel]:
    """Return the body with fields replaced, those that are None left out."""
    kept = {name: (one.annotation, one) for name, one in Body.model_fields.items()}
    wanted = {name: one for name, one in (kept | fields).items() if one is not None}
    return create_model("Body", __config__=ConfigDict(extra="forbid"), **wanted)  # type: ignore[call-overload,no-any-return]


class Lighter(BaseModel):
    colours: list[Colour]


class Narrower(BaseModel):
    weight: int
    colours: list[Literal["red"]]


TAKEN = [
    ({"size": None}, "request field 'size' is gone"),
    ({"size": (int | None, None)}, "request field 'size' takes no number any more"),
    ({"size": (float, 1.0)}, "request field 'size' takes no null any more"),
    ({"size": (float | None, ...)}, "request field 'size' must be given now"),
    ({"more": (str, ...)}, "request field 'more' is new and must be given"),
    ({"colour": (Literal["red"], "red")}, "request field 'colour' lost the value blue"),
    (
        {"name": (Annotated[str, Field(max_length=5)], ...)},
        "request field 'name' is bound closer: maxLength 10 -> 5",
    ),
    (
        {"name": (Annotated[str, Field(max_length=10, pattern="^a")], ...)},
        "request field 'name' has another pattern",
    ),
    ({"inner": (Lighter | None, None)}, "request field 'inner.weight' is gone"),
    ({"by_key": (dict[str, Narrower], {})}, "request field 'by_key{}.weight' takes no number any more"),
]


@pytest.mark.parametrize(("fields", "expected"), TAKEN)
def test_what_was_taken_and_is_not_any_more_is_named(fields: dict[str, object], expected: str) -> None:
    found = breaks(route_shape(endpoint()), route_shape(endpoint(request=changed(**fields))))
    assert any(one.startswith(expected) for one in found), found


GIVEN = [
    ({"size": None}, "answer field 'size' is gone"),
    ({"name": (str | None, ...)}, "answer field 'name' can be null now"),
    ({"size": (str | None, None)}, "answer field 'size' can be string now"),
    ({"colour": (Literal["red"], "red")}, "answer field 'colour' lost the value blue"),
    ({"colour": (str, "red")}, "answer field 'colour' can be any text now"),
    ({"inner": (Lighter | None, None)}, "answer field 'inner.weight' is gone"),
    ({"by_key": (dict[str, Lighter], {})}, "answer field 'by_key{}.weight' is gone"),
]


@pytest.mark.parametrize(("fields", "expected"), GIVEN)
def test_what_was_read_and_is_not_any_more_is_named(fields: dict[str, object], expected: str) -> None:
    found = breaks(route_shape(endpoint()), route_shape(endpoint(answer=changed(**fields))))
    assert any(one.startswith(expected) for one in found), found


MORE = [
    {"more": (str, "")},
    {"size": (float | str | None, None)},
    {"name": (Annotated[str, Field(max_length=20)], ...)},
    {"name": (str, "x")},
]


@pytest.mark.parametrize("fields", MORE)
def test_taking_more_breaks_nobody_but_is_to_be_stored(fields: dict[str, object]) -> None:
    was, is_now = route_shape(endpoint()), route_shape(endpoint(request=changed(**fields)))
    assert breaks(was, is_now) == []
    assert differences({"POST /v1/x": was}, {"POST /v1/x": is_now}) == ([], ["POST /v1/x"])


def test_giving_more_breaks_nobody_but_is_to_be_stored() -> None:
    was, is_now = (
        route_shape(endpoint()),
        route_shape(endpoint(answer=changed(more=(str, ...), size=(float, 1.0)))),
    )
    assert breaks(was, is_now) == []
    assert was != is_now


def test_routes_kinds_and_roles_that_are_gone_are_named() -> None:
    was = route_shape(endpoint(produces=("application/json", "text/csv")))
    assert breaks(was, route_shape(endpoint())) == ["produces: text/csv is gone"]
    assert differences({"POST /v1/x": was}, {}) == (["POST /v1/x is gone"], [])


def test_a_route_without_a_stored_shape_is_noticed() -> None:
    assert differences({}, {"POST /v1/x": route_shape(endpoint())}) == ([], ["POST /v1/x"])
