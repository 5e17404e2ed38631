"""Shapes of what every route takes and gives, stored one file a route. Renew with: python tests/wire/route_shapes.py

A change that clients notice is refused, by route and field, unless `--breaking` says that it is meant.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from serving.http.endpoint import Endpoint
from serving.settings import ServiceSettings
from serving.wiring import Deployment

__all__ = ["FOLDER", "breaks", "differences", "endpoints", "file_of", "route_shape", "stored_shapes"]

FOLDER: Final = Path(__file__).parent / "routes"
_ENDING: Final = ".shape.json"
_TAKEN, _GIVEN = ("request", "query"), ("answer", "accepted")
# Bounds that narrow what is taken when they rise, and those that do when they fall.
_RISING: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_FALLING: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
Json = Any
Shape = Mapping[str, Json]


def endpoints(home: Path) -> tuple[Endpoint, ...]:
    """Return the routes of the application over an empty home."""
    deployment = Deployment(ServiceSettings.model_validate({"home": home}))
    found: tuple[Endpoint, ...] = deployment.app.inner.state.endpoints
    deployment.close()
    return found


def file_of(route: str) -> str:
    """Return the name of the file of a route such as `GET /v1/jobs/{job_id}`."""
    return "_".join(re.findall(r"[A-Za-z0-9]+", route)).lower() + _ENDING


def stored_shapes(folder: Path = FOLDER) -> dict[str, Shape]:
    """Return the stored shapes by route."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(f"*{_ENDING}"))]
    return {shape["route"]: shape for shape in read}


def route_shape(endpoint: Endpoint) -> Shape:
    """Return what a route takes and gives, field by field."""
    return {
        "route": f"{endpoint.method} {endpoint.path}",
        "roles": sorted(endpoint.roles),
        "consumes": sorted(endpoint.consumes) if endpoint.takes_body else [],
        "produces": sorted(endpoint.produces),
        "statuses": sorted({200, *endpoint.declared, *([202] if endpoint.accepted else [])}),
        "request": fields(endpoint.request, taken=True),
        "query": fields(endpoint.query, taken=True),
        "answer": fields(endpoint.answer, taken=False),
        "accepted": fields(endpoint.accepted, taken=False),
    }


def fields(model: type[BaseModel] | None, *, taken: bool) -> dict[str, Json]:
    """Return a model's fields by path: kinds, values, bounds, and whether they must be there."""
    if model is None:
        return {}
    schema = model.model_json_schema(mode="validation" if taken else "serialization")
    found: dict[str, Json] = {}
    _walk(schema, "", schema.get("$defs", {}), (), found)
    return found


def _walk(node: Shape, path: str, definitions: Shape, above: tuple[str, ...], found: dict[str, Json]) -> None:
    """Write down what lies below a node."""
    for option in _options(node, definitions, above):
        name = str(option.get("title", ""))
        required = set(option.get("required", ()))
        for field, part in option.get("properties", {}).items():
            here = f"{path}.{field}" if path else field
            _note(part, here, definitions, (*above, name), found, required=field in required)
        more = option.get("additionalProperties")
        for sign, part in (("[]", option.get("items")), ("{}", more)):
            if isinstance(part, Mapping):
                _note(part, path + sign, definitions, (*above, name), found, required=False)


def _note(
    part: Shape,
    here: str,
    definitions: Shape,
    above: tuple[str, ...],
    found: dict[str, Json],
    *,
    required: bool,
) -> None:
    options = list(_options(part, definitions, above))
    told = found.setdefault(here, {"kinds": [], "required": required})
    told["kinds"] = sorted({*told["kinds"], *(_kind(one) for one in options)})
    values = {
        str(value)
        for one in options
        for value in (one["enum"] if "enum" in one else [one["const"]] if "const" in one else [])
    }
    if values:
        told["values"] = sorted({*told.get("values", ()), *values})
    told.update(
        {name: one[name] for one in options for name in (*_RISING, *_FALLING, "pattern") if name in one}
    )
    _walk(part, here, definitions, above, found)


def _options(node: Shape, definitions: Shape, above: tuple[str, ...]) -> Iterator[Shape]:
    """Yield what a node can be, references and alternatives written out; a shape inside itself is not followed."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        if above.count(name) < 2:
            yield from _options(definitions[name], definitions, above)
        else:
            yield {"type": "object"}
        return
    several = [
        part for key in ("anyOf", "oneOf", "allOf") for part in node.get(key, ()) if isinstance(part, Mapping)
    ]
    if several and "properties" not in node:
        for part in several:
            yield from _options(part, definitions, above)
    else:
        yield node


def _kind(node: Shape) -> str:
    kind = node.get("type")
    if kind is None:
        return "string" if "enum" in node or "const" in node else "any"
    return f"string:{node['format']}" if kind == "string" and "format" in node else str(kind)


def breaks(stored: Shape, now: Shape) -> list[str]:
    """Name what clients of the stored shape cannot do any more, by field."""
    gone = [
        f"{part}: {one} is gone"
        for part in ("roles", "consumes", "produces")
        for one in stored[part]
        if one not in now[part]
    ]
    taken = [one for part in _TAKEN for one in _breaks_taken(part, stored[part], now[part])]
    given = [one for part in _GIVEN for one in _breaks_given(part, stored[part], now[part])]
    return [*gone, *taken, *given]


def _breaks_taken(part: str, stored: Shape, now: Shape) -> Iterator[str]:
    """What was taken must be taken still."""
    for field, was in stored.items():
        name, is_now = f"{part} field '{field}'", now.get(field)
        if is_now is None:
            yield f"{name} is gone"
            continue
        if uncovered := _uncovered(is_now["kinds"], was["kinds"]):
            yield f"{name} takes no {', '.join(uncovered)} any more, only {', '.join(is_now['kinds'])}"
        if is_now["required"] and not was["required"]:
            yield f"{name} must be given now"
        yield from _lost_values(name, was, is_now)
        if "values" in is_now and "values" not in was:
            yield f"{name} takes {', '.join(is_now['values'])} only"
        yield from _narrowed(name, was, is_now)
    for field in sorted(set(now) - set(stored)):
        parent = re.sub(r"(\.[^.\[{]+|\[\]|\{\})$", "", field)
        if now[field]["required"] and (parent == field or parent in stored):
            yield f"{part} field '{field}' is new and must be given"


def _breaks_given(part: str, stored: Shape, now: Shape) -> Iterator[str]:
    """What was read must be there still, and be nothing else."""
    for field, was in stored.items():
        name, is_now = f"{part} field '{field}'", now.get(field)
        if is_now is None:
            yield f"{name} is gone"
            continue
        if uncovered := _uncovered(was["kinds"], is_now["kinds"]):
            yield f"{name} can be {', '.join(uncovered)} now, was {', '.join(was['kinds'])}"
        if was["required"] and not is_now["required"]:
            yield f"{name} may be absent now"
        yield from _lost_values(name, was, is_now)
        if "values" in was and "values" not in is_now:
            yield f"{name} can be any text now, was one of {', '.join(was['values'])}"


def _lost_values(name: str, was: Shape, is_now: Shape) -> Iterator[str]:
    lost = sorted(set(was.get("values", ())) - set(is_now.get("values", was.get("values", ()))))
    if lost:
        yield f"{name} lost the value {', '.join(lost)}"


def _narrowed(name: str, was: Shape, is_now: Shape) -> Iterator[str]:
    for bound, sign in (*((one, 1) for one in _RISING), *((one, -1) for one in _FALLING)):
        if bound in is_now and (bound not in was or sign * is_now[bound] > sign * was[bound]):
            yield f"{name} is bound closer: {bound} {was.get(bound, 'none')} -> {is_now[bound]}"
    if is_now.get("pattern") not in (None, was.get("pattern")):
        yield f"{name} has another pattern: {was.get('pattern', 'none')} -> {is_now['pattern']}"


def _uncovered(wider: Iterable[str], narrower: Iterable[str]) -> list[str]:
    """Return the kinds that the wider ones do not hold."""
    held = set(wider)
    return sorted(
        one
        for one in narrower
        if "any" not in held
        and one not in held
        and not (one == "integer" and "number" in held)
        and not (one.startswith("string:") and "string" in held)
    )


def differences(stored: Mapping[str, Shape], now: Mapping[str, Shape]) -> tuple[list[str], list[str]]:
    """Return what breaks clients, by route and field, and the routes whose stored shape is to be renewed."""
    broken = [f"{route} is gone" for route in stored if route not in now]
    broken += [
        f"{route}: {one}" for route in stored if route in now for one in breaks(stored[route], now[route])
    ]
    return broken, [route for route, shape in now.items() if stored.get(route) != shape]


def main(arguments: Sequence[str]) -> int:
    """Renew the stored shapes; what breaks clients only where that is said to be meant."""
    with tempfile.TemporaryDirectory() as home:
        now = {shape["route"]: shape for shape in map(route_shape, endpoints(Path(home)))}
    broken, changed = differences(stored_shapes(), now)
    if broken and "--breaking" not in arguments:
        print("\n".join(["these break clients (--breaking if they are meant):", *broken]), file=sys.stderr)  # noqa: T201
        return 1
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob(f"*{_ENDING}"):
        path.unlink()
    for route, shape in now.items():
        text = json.dumps(shape, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        (FOLDER / file_of(route)).write_text(text, encoding="utf-8")
    print("\n".join(changed) or "nothing new")  # noqa: T201 - a command
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
