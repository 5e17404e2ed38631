"""Every record in the chain says who asked, for which companies, under which request and which trace, whatever the route."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest
from sqlalchemy import select

from models.credit.model import CreditModel
from serving.http.endpoint import Endpoint
from serving.ledger.chain import Json
from serving.ledger.tables import decisions, jobs
from tests.contract.asks import ASKS, OPEN, Ask
from tests.contract.contract_app import Caller, ContractApp, open_app
from tests.contract.group_data import OURS
from tests.contract.made_things import Made, make_things

PLACES = {
    "{table}": "payments",
    "{name}": "debt_ratio",
    "{family}": "credit",
    "{version}": "v1",
}
# What moves a model comes last: the others want one that answers.
ACTS = ("kill", "restore", "rollback", "aliases")
RECORDED_ACTS = ("models/kill", "models/restore")
TRACE = re.compile(r"[0-9a-f]{32}")

# Routes that say where things stand, of which nothing is decided or disclosed: they leave no record.
UNRECORDED = {
    "GET /v1/jobs",
    "GET /v1/jobs/{job_id}",
    "GET /v1/capacity/jobs/{job_id}",
    "GET /v1/audit/risky-use",
}


class Sent(NamedTuple):
    """A request as it was sent, and the status of its answer."""

    route: str
    caller: Caller
    trace_id: str
    status: int


class Written(NamedTuple):
    """What was asked, by request id, and every record of the chain."""

    sent: Mapping[str, Sent]
    records: tuple[Mapping[str, Json], ...]
    names: Mapping[str, str]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[Written]:
    with open_app(tmp_path_factory.mktemp("records"), model) as app:
        made = make_things(app, OURS)
        endpoints = sorted(app.endpoints, key=lambda one: _order(one, made))
        sent: dict[str, Sent] = {}
        for endpoint in endpoints:
            for ask in _asks(endpoint, made):
                for caller in _callers(app, endpoint):
                    _send(app, endpoint, ask, caller, sent)
        _wait(app)
        database = app.deployment.parts.ledger.database
        with database.reading() as connection:
            rows = connection.execute(select(decisions.c.record).order_by(decisions.c.seq)).scalars().all()
        yield Written(sent, tuple(json.loads(row) for row in rows), {})


def _order(endpoint: Endpoint, made: Made) -> tuple[int, str]:
    act = endpoint.path.rpartition("/")[2]
    return (1 + ACTS.index(act) if act in ACTS else 0, endpoint.path)


def _asks(endpoint: Endpoint, made: Made) -> list[Ask]:
    route = f"{endpoint.method} {endpoint.path}"
    if route in ASKS:
        return ASKS[route](made)
    assert route in OPEN, f"list it in tests/contract/asks.py: {route}"
    path = endpoint.path
    for place, name in PLACES.items():
        path = path.replace(place, name)
    return [Ask(path, {"reason": "x"} if endpoint.method == "POST" else None)]


def _callers(app: ContractApp, endpoint: Endpoint) -> list[Caller]:
    return [one for one in app.callers if one.role in endpoint.roles and one.company in ("*", OURS)]


def _send(app: ContractApp, endpoint: Endpoint, ask: Ask, caller: Caller, sent: dict[str, Sent]) -> None:
    number = len(sent) + 1
    request_id, trace_id = f"records-{number:05}", f"{number:032x}"
    headers = {**ask.headers, "X_Request_ID": request_id, "traceparent": f"00-{trace_id}-{'cd' * 8}-01"}
    answer = app.send(endpoint.method, ask.path, caller, ask.body, **headers)
    assert answer.status_code < 500 or answer.json()["type"].rpartition(":")[2] in (
        "model-killed",
        "not-ready",
        "family-stopped",
    ), answer.text
    sent[request_id] = Sent(f"{endpoint.method} {endpoint.path}", caller, trace_id, answer.status_code)


def _wait(app: ContractApp) -> None:
    database = app.deployment.parts.ledger.database
    with database.reading() as connection:
        submitted = connection.execute(select(jobs.c.job_id)).scalars().all()
    group = {str(one.role): one for one in app.callers if one.company == "*" and one.kind == "key"}
    for job_id in submitted:
        for caller in group.values():
            if app.send("GET", f"/v1/jobs/{job_id}", caller).status_code == 200:
                app.ended(job_id, caller)
                break


def test_every_record_says_who_asked_and_under_which_ids(written: Written) -> None:
    lacking = [
        (record["route"], name, record.get(name))
        for record in written.records
        for name in ("decision_id", "recorded_at", "route", "request_id", "key_id")
        if not isinstance(record.get(name), str) or not record[name]
    ]
    lacking += [
        (record["route"], "trace_id", record.get("trace_id"))
        for record in written.records
        if not TRACE.fullmatch(str(record.get("trace_id")))
    ]
    lacking += [
        (record["route"], name, record.get(name))
        for record in written.records
        for name in ("roles", "companies")
        if not isinstance(record.get(name), list) or not record[name]
    ]
    lacking += [
        (record["route"], "subject", record.get("subject"))
        for record in written.records
        if not isinstance(record.get("subject"), str)
    ]
    assert lacking == []


def test_what_a_record_says_is_what_was_sent(written: Written) -> None:
    found = 0
    for record in written.records:
        sent = written.sent.get(str(record["request_id"]))
        if sent is None:
            continue
        found += 1
        said = (record["trace_id"], record["roles"], record["companies"])
        assert said == (sent.trace_id, [sent.caller.role.value], [sent.caller.company]), record["route"]
        if sent.caller.kind == "key":
            assert record["key_id"] == sent.caller.header.split("_")[1], record["route"]
    assert found > 100


def test_routes_that_answer_leave_a_record(written: Written) -> None:
    recorded = {str(record["request_id"]) for record in written.records}
    answered = {one.route for one in written.sent.values() if one.status in (200, 202)}
    silent = answered - {written.sent[one].route for one in recorded if one in written.sent}
    assert silent <= UNRECORDED | set(OPEN), silent
    routes = {record["route"] for record in written.records}
    assert {"credit/scores", "capacity/plan", "decisions/export", *RECORDED_ACTS} <= routes
