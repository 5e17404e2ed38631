"""What every role is answered is what the OpenAPI document declares, for good requests and for made-up ones."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema

from features.catalogue import catalogue
from models.credit.model import CreditModel
from serving.http.endpoint import Endpoint
from tests.contract.asks import ASKS, OPEN, Ask
from tests.contract.contract_app import Caller, ContractApp, open_app
from tests.contract.declared import AnyCase, Operation, faults
from tests.contract.group_data import THEIRS
from tests.contract.made_things import Made, make_things

BASE = "http://service"
PLACE = re.compile(r"\{(\w+)\}")
EXAMPLES = 20
ACCEPTS = [
    "*/*",
    "application/json",
    "text/csv",
    "text/html",
    "application/json;q=0",
    "",
    ";;q=x",
    "*",
    "a/b;q=2, */*;q=0.1",
]
ROUTES = [*ASKS, *OPEN]
PLACES = {
    "family": "credit",
    "table": "payments",
    "name": catalogue("credit")[0].name,
    "version": "{version}",
}
Told = tuple[Caller | None, Ask, httpx.Response]
# Nothing is left to approve, decide or roll back to after the things were made.
MOVED_ON = {
    "POST /v1/appeals/{appeal_id}/withdraw",
    "POST /v1/credit/overrides/{override_id}/refuse",
    "POST /v1/models/{family}/rollback",
}
MOVES = {"reason": "演练"}


class Known(NamedTuple):
    """The application, its document, and what a company has made in it."""

    app: ContractApp
    schema: BaseSchema
    made: Made
    version: str

    def endpoint(self, route: str) -> Endpoint:
        return next(one for one in self.app.endpoints if f"{one.method} {one.path}" == route)

    def operation(self, route: str) -> Operation:
        method, _, path = route.partition(" ")
        return self.schema[path][method]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[Known]:
    with open_app(
        tmp_path_factory.mktemp("declared"), model, watch_refusals=10_000, watch_out_of_scope=10_000
    ) as app:
        made = make_things(app, THEIRS)
        document = app.send("GET", "/openapi.json").json()
        version = app.send("GET", "/readyz").json()["parts"]["model"]["version"]
        yield Known(app, schemathesis.openapi.from_dict(document), made, version)


def good(known: Known, route: str) -> list[Ask]:
    """Return requests that some key may make."""
    if route in ASKS:
        return ASKS[route](known.made)
    method, _, path = route.partition(" ")
    for name, value in PLACES.items():
        path = path.replace(f"{{{name}}}", value.replace("{version}", known.version))
    body = {**MOVES, "alias": "challenger", "version": known.version} if path.endswith("aliases") else MOVES
    return [Ask(path, body if method == "POST" else None)]


@pytest.fixture(scope="module")
def told(known: Known) -> Mapping[str, Sequence[Told]]:
    """Send requests that are whole, from a key of every role and reach, from the single sign-on, and from nobody."""
    return {route: [*_told(known, route)] for route in ROUTES}


def _told(known: Known, route: str) -> Iterator[Told]:
    endpoint = known.endpoint(route)
    for caller in (*known.app.callers, None):
        may = caller is not None and caller.role in endpoint.roles
        for ask in good(known, route)[: 4 if may else 1]:
            yield caller, ask, known.app.send(endpoint.method, ask.path, caller, ask.body, **ask.headers)


@pytest.mark.parametrize("route", ROUTES)
def test_every_role_is_answered_as_declared(
    known: Known, told: Mapping[str, Sequence[Told]], route: str
) -> None:
    operation = known.operation(route)
    found = {
        f"{caller} {ask.path}: {one}"
        for caller, ask, answer in told[route]
        for one in faults(some_case(operation), answer)
    }
    assert found == set()


@pytest.mark.parametrize("route", ROUTES)
def test_only_the_roles_of_a_route_are_answered(
    known: Known, told: Mapping[str, Sequence[Told]], route: str
) -> None:
    roles = known.endpoint(route).roles
    opened = [
        f"{caller}: {answer.status_code}"
        for caller, _, answer in told[route]
        if roles and (caller is None or caller.role not in roles)
        if answer.status_code != (401 if caller is None else 403)
    ]
    assert opened == []


@pytest.mark.parametrize("route", ROUTES)
def test_good_requests_are_answered(told: Mapping[str, Sequence[Told]], route: str) -> None:
    """Or the tests above would hold refusals against the document alone."""
    statuses = {answer.status_code for _, _, answer in told[route]}
    assert statuses & ({409} if route in MOVED_ON else {200, 202}), statuses


@pytest.mark.parametrize("route", ROUTES)
def test_whatever_is_asked_is_answered_as_declared(known: Known, route: str) -> None:
    """Made-up requests, those that fit the document and those that do not, with ids that exist put in here and there."""
    endpoint, operation = known.endpoint(route), known.operation(route)
    callers: list[Caller | None] = [one for one in known.app.callers if one.role in endpoint.roles]
    found: dict[str, str] = {}
    turn = iter(range(10_000))

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases(operation), real=st.booleans(), accept=st.sampled_from(ACCEPTS))
    def ask(case: AnyCase, real: bool, accept: str) -> None:
        if real:
            put_ids(case, known)
        caller = callers[next(turn) % len(callers)] if callers else None
        answer = send(known.app, case, caller, accept)
        for one in faults(case, answer):
            found.setdefault(
                one, f"{case.method} {case.formatted_path} {case.query} {case.body!r} as {caller}"[:600]
            )

    ask()
    assert found == {}


@pytest.mark.parametrize(
    ("status", "kind", "text", "expected"),
    [
        (500, "text/plain", "Internal Server Error", "500: Internal"),
        (418, "application/json", "{}", "UndefinedStatusCode"),
        (404, "text/html", "<p>", "404 is text/html"),
        (404, "application/problem+json", '{"status": 404}', "404 is no problem"),
        (200, "text/csv", "a,b", "UndefinedContentType"),
        (200, "application/json", '{"request_id": "x"}', "JsonSchemaError"),
        (
            200,
            "application/json",
            '{"request_id": "x", "jobs": [], "cursor": null, "more": 1}',
            "JsonSchemaError",
        ),
    ],
)
def test_what_is_not_as_declared_is_noticed(
    known: Known, status: int, kind: str, text: str, expected: str
) -> None:
    request = httpx.Request("GET", f"{BASE}/v1/jobs")
    answer = httpx.Response(status, headers={"content-type": kind}, text=text, request=request)
    answer.elapsed = timedelta(0)
    found = "\n".join(faults(some_case(known.operation("GET /v1/jobs")), answer))
    assert expected in found


def some_case(operation: Operation) -> AnyCase:
    return operation.Case(path_parameters=dict.fromkeys(PLACE.findall(operation.path), "x"))


def cases(operation: Operation) -> st.SearchStrategy[AnyCase]:
    modes = [GenerationMode.POSITIVE]
    if operation.body or operation.query or operation.path_parameters:
        modes.append(GenerationMode.NEGATIVE)
    return st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])


def put_ids(case: AnyCase, known: Known) -> None:
    """Put what exists in the place of what was made up."""
    real = (
        {name: ids[0] for name, ids in known.made.ids.items()}
        | PLACES
        | {"version": known.version, "company": THEIRS}
    )
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.update({name: real[name] for name in values if name in real})


def send(app: ContractApp, case: AnyCase, caller: Caller | None, accept: str) -> httpx.Response:
    request = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
    headers = {
        name: str(value)
        for name, value in request.headers.items()
        if name.lower() not in ("authorization", "accept")
    }
    if caller is not None:
        headers["Authorization"] = caller.header
    body = request.body
    content = body.encode() if isinstance(body, str) else body
    assert content is None or isinstance(content, bytes)
    return app.request(str(request.method), str(request.url), {**headers, "Accept": accept}, content)
