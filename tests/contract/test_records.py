"""Every record in the chain says who asked, for which companies, under which request and which trace, whatever the route."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest
from sqlalchemy import select

from models.credit.model import CreditModel
from serving.decisions.masking import Masking
from serving.http.endpoint import Endpoint
from serving.ledger.chain import Json
from serving.ledger.database import Database
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
PARTY = re.compile(r"P[0-9]{7}")

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


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[Written]:
    home = tmp_path_factory.mktemp("records")
    with open_app(home, model) as app:
        made = make_things(app, OURS)
        endpoints = sorted(app.endpoints, key=lambda one: _order(one, made))
        sent: dict[str, Sent] = {}
        for endpoint in endpoints:
            for ask in _asks(endpoint, made):
                for caller in _callers(app, endpoint):
                    _send(app, endpoint, ask, caller, sent)
        database = Database(home / "ledger.db")
        _wait(database)
        with database.reading() as connection:
            rows = connection.execute(select(decisions.c.record).order_by(decisions.c.seq)).scalars().all()
        database.close()
        yield Written(sent, tuple(json.loads(row) for row in rows))


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
    assert answer.status_code != 500, answer.text
    sent[request_id] = Sent(f"{endpoint.method} {endpoint.path}", caller, trace_id, answer.status_code)


def _wait(database: Database) -> None:
    """Let every job end: what it computed is recorded, too."""
    still = select(jobs.c.job_id).where(jobs.c.state.in_(("queued", "running")))
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with database.reading() as connection:
            if connection.execute(still).first() is None:
                return
        time.sleep(0.1)
    raise AssertionError("jobs did not end")


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


def test_no_record_of_any_route_is_exported_with_the_id_of_a_person(written: Written) -> None:
    """Whatever field it stands in: nobody here is known to be an organisation, and everybody is known."""
    persons = frozenset(PARTY.findall(json.dumps(written.records)))
    assert len(persons) > 3
    masking = Masking("secret", lambda _: False, persons=persons)
    routes = {str(record["route"]) for record in written.records}
    assert {
        "credit/portrait",
        "credit/scores",
        "credit/exposure",
        "decisions/list",
        "decisions/replay",
    } <= routes
    clear = {
        (str(record["route"]), found)
        for record in written.records
        for found in PARTY.findall(json.dumps(masking.record(record), ensure_ascii=False))
    }
    assert clear == set()
