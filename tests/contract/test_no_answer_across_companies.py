"""A key of one company learns nothing of another: not by asking for its things, nor from lists, counts, errors or files."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import polars as pl
import pytest

from models.credit.model import CreditModel
from serving.access.roles import Role
from serving.http.endpoint import Endpoint
from tests.contract.asks import ASKS, OPEN, Ask
from tests.contract.contract_app import Caller, ContractApp, open_app
from tests.contract.group_data import (
    GROUP_FIGURES,
    MARK,
    OUR_PARTY,
    OURS,
    SHARED_PARTY,
    THEIRS,
    figures,
)
from tests.contract.made_things import Made, make_things
from tests.serving.http.bare_app import open_bare

NUMBER = re.compile(r"-?\d+\.\d+(?:[eE][+-]?\d+)?")


Asked = tuple[Caller, Ask, httpx.Response]
# What reads the ledger comes before the other routes: afterwards it holds what our own keys asked with.
FIRST = ("GET /v1/decisions/export", "GET /v1/audit/risky-use", "GET /v1/jobs", "GET /v1/decisions")

REFUSED = (403, 404, 422)
# A line that makes another company's product: whose it is, the plan must say, and both know.
BETWEEN_BOTH = {
    f"{method} /v1/capacity/{rest}": frozenset({THEIRS})
    for method, rest in (("POST", "plan"), ("GET", "plans/{plan_id}"), ("POST", "scenario"))
}


class Two(NamedTuple):
    """The application, what the two companies have made, and what our keys were answered by route."""

    app: ContractApp
    their: Made
    asked: Mapping[str, Sequence[Asked]]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[Two]:
    with open_app(tmp_path_factory.mktemp("two"), model) as app:
        their = make_things(app, THEIRS)
        make_things(app, OURS)
        routes = sorted(ASKS, key=lambda route: FIRST.index(route) if route in FIRST else len(FIRST))
        yield Two(app, their, {route: ask_all(app, their, route) for route in routes})


def name_of(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def test_every_route_is_said_to_be_of_a_company_or_open(tmp_path: Path) -> None:
    bare = open_bare(tmp_path)
    bare.deployment.stop()
    routes = {name_of(one) for one in bare.endpoints}
    listed = {*ASKS, *OPEN}
    assert not routes - listed, (
        f"list these in tests/contract/asks.py, in ASKS or in OPEN: {sorted(routes - listed)}"
    )
    assert not listed - routes, f"no such route any more: {sorted(listed - routes)}"
    assert not set(ASKS) & set(OPEN)


@pytest.mark.parametrize("route", ASKS)
def test_nothing_of_another_company_is_answered(two: Two, route: str) -> None:
    told = [
        f"{caller} {ask.path} {ask.body!r}: {answer.status_code} {found}"
        for caller, ask, answer in two.asked[route]
        if (found := set(leaks(two, ask, answer)) - BETWEEN_BOTH.get(route, frozenset()))
    ]
    assert told == []


@pytest.mark.parametrize("route", ASKS)
def test_what_is_anothers_alone_is_refused(two: Two, route: str) -> None:
    given = [
        f"{caller} {ask.path} {ask.body!r}: {answer.status_code} {answer.text[:300]}"
        for caller, ask, answer in two.asked[route]
        if answer.status_code not in (REFUSED if ask.refused else (*REFUSED, 200, 202))
    ]
    assert given == []


@pytest.mark.parametrize("route", ASKS)
def test_what_is_anothers_is_refused_in_the_words_for_what_is_not_there(two: Two, route: str) -> None:
    """Or else whoever tries ids learns which of them exist."""
    differing = []
    for caller, ask, answer in two.asked[route]:
        nothing = unreal(two, ask) if ask.refused else None
        if nothing is not None:
            other = send(two.app, route, caller, nothing)
            if words(answer, two) != words(other, two):
                differing.append(
                    f"{caller} {ask.path} {ask.body!r}: {words(answer, two)} / {words(other, two)}"
                )
    assert differing == []


@pytest.mark.parametrize("form", ["ids", "columns", "sheet"])
def test_a_row_of_a_book_about_anothers_party_fails_in_the_words_for_one_nobody_knows(
    two: Two, form: str
) -> None:
    caller = two.app.caller(Role.RISK_OFFICER, OURS)
    told = []
    for party in (two.their.one("party_id"), "P9999999"):
        bodies: dict[str, object] = {
            "ids": {"party_ids": [party]},
            "columns": {"columns": {"party_id": [party], "degree": [1.0]}},
            "sheet": f"party_id\n{party}\n".encode(),
        }
        kind = "text/csv" if form == "sheet" else "application/json"
        answer = two.app.done(
            "POST", "/v1/credit/scores", caller, bodies[form], Content_Type=kind, Accept="application/json"
        )
        assert answer["answers"] == []
        told.append(json.dumps(answer["failed"]).replace(party, "-"))
    assert told[0] == told[1]


@pytest.mark.parametrize("mode", ["check", "take"])
def test_a_row_handed_in_for_anothers_business_fails_in_the_words_for_one_nobody_knows(
    two: Two, mode: str
) -> None:
    caller = two.app.caller(Role.STEWARD, OURS)
    told = []
    for exposure in (two.their.one("exposure_id"), f"{MARK}X9"):
        for payment in (f"{MARK}PAY1", f"{MARK}PAY9"):  # the first is in an upload of the other company
            rows = f"payment_id,exposure_id,paid_on,amount,known_at\n{payment},{exposure},2025-03-01,100,2025-03-02\n"
            answer = two.app.done(
                "POST", f"/v1/intake/payments?mode={mode}", caller, rows.encode(), Content_Type="text/csv"
            )
            shown = {name: answer[name] for name in ("rows", "good", "failed", "problems", "quality")}
            told.append(json.dumps(shown, ensure_ascii=False).replace(exposure, "-").replace(payment, "-"))
    assert len(set(told)) == 1, told


def test_the_group_key_is_told_what_the_other_is_not(two: Two) -> None:
    """The marks are there to be found: or the tests above would pass for nothing."""
    app = two.app
    for route in ("GET /v1/decisions", "GET /v1/credit/overrides", "GET /v1/appeals", "GET /v1/jobs", "GET /v1/intake/uploads",
                  "POST /v1/demand/forecast", "POST /v1/capacity/forecast", "GET /v1/capacity/shortfall",
                  "GET /v1/demand/overrides", "GET /v1/decisions/export", "POST /v1/capacity/plan"):  # fmt: skip
        endpoint = next(one for one in app.endpoints if name_of(one) == route)
        callers = [one for one in app.callers if one.company == "*" and one.role in endpoint.roles]
        answers = [send(app, route, caller, ask) for caller in callers for ask in ASKS[route](two.their)]
        found = [
            one for answer in answers if answer.status_code == 200 for one in leaks(two, Ask("/"), answer)
        ]
        assert found, route


@pytest.mark.parametrize("role", [Role.RISK_OFFICER, Role.AUDITOR])
def test_ones_own_decision_is_read_without_what_others_have_out(two: Two, role: Role) -> None:
    app, caller = two.app, two.app.caller(role, OURS)
    whole = app.caller(role, "*")
    officer = app.caller(Role.RISK_OFFICER, OURS)
    for party in (OUR_PARTY, SHARED_PARTY):
        scored = app.done("POST", "/v1/credit/score", officer, {"party_id": party})
        path = f"/v1/decisions/{scored['decision_id']}"
        read = app.send("GET", path, caller)
        found = read.json()["decision"]
        assert leaks(two, Ask(path), read) == []
        assert [use["org_id"] for use in found["record"]["basis"]["facts"]["limit_uses"]] == [OURS]
        assert {"basis.facts.limit_uses", "basis.facts.outstanding", "basis.paths"} <= set(found["left_out"])
        assert "other_companies_left_out" in [note["code"] for note in read.json()["notes"]]
        assert found["intact"] is True
        every = app.send("GET", path, whole)
        assert {f"{GROUP_FIGURES[0]:.9g}", f"{GROUP_FIGURES[1]:.9g}", MARK} <= set(
            leaks(two, Ask(path), every)
        )
        assert every.json()["decision"]["left_out"] == []
        assert every.json()["decision"]["hash"] == found["hash"]
        replayed = app.send("POST", f"{path}/replay", caller)
        assert replayed.json()["outcome"] == "identical"
        assert leaks(two, Ask(path), replayed) == []


@pytest.mark.parametrize("kind", ["application/x-ndjson", "text/csv", "application/vnd.apache.parquet"])
def test_an_export_leaves_out_what_others_have_out(two: Two, kind: str) -> None:
    app, path = two.app, "/v1/decisions/export"
    caller, officer = app.caller(Role.AUDITOR, OURS), app.caller(Role.RISK_OFFICER, OURS)
    scored = app.done("POST", "/v1/credit/score", officer, {"party_id": OUR_PARTY})
    told = app.send("GET", path, caller, Accept=kind)
    assert scored["decision_id"] in text_of(told)
    assert "left_out" in text_of(told)
    assert not set(leaks(two, Ask(path), told)) & {f"{value:.9g}" for value in GROUP_FIGURES}
    every = app.send("GET", path, app.caller(Role.AUDITOR, "*"), Accept=kind)
    assert f"{GROUP_FIGURES[1]:.9g}" in leaks(two, Ask(path), every)


@pytest.mark.parametrize("act", ["kill", "restore", "rollback", "aliases"])
@pytest.mark.parametrize("kind", ["key", "sso"])
def test_models_of_the_group_are_not_moved_by_a_key_of_one_company(two: Two, act: str, kind: str) -> None:
    role = "operator" if act in ("kill", "restore") else "approver"
    body = {"reason": "x"} | ({"alias": "champion", "version": "credit-0"} if act == "aliases" else {})
    caller = two.app.caller(next(c.role for c in two.app.callers if c.role == role), OURS, kind)
    answer = two.app.send("POST", f"/v1/models/credit/{act}", caller, body)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:zhiheng:problem:outside-scope")


@pytest.mark.parametrize("path", ["/v1/features", "/v1/credit/schema", "/v1/models", "/v1/incidents",
                                  "/v1/models/credit/shadow", "/healthz", "/readyz", "/metrics",
                                  "/v1/intake/templates/payments"])  # fmt: skip
def test_what_is_open_names_no_company_and_no_person(two: Two, path: str) -> None:
    for caller in limited(two.app, frozenset(c.role for c in two.app.callers)):
        answer = two.app.send("GET", path, caller)
        assert leaks(two, Ask(path), answer) == [], f"{caller}"


def ask_all(app: ContractApp, their: Made, route: str) -> list[Asked]:
    endpoint = next(one for one in app.endpoints if name_of(one) == route)
    callers = limited(app, endpoint.roles)
    assert callers
    return [(caller, ask, send(app, route, caller, ask)) for ask in ASKS[route](their) for caller in callers]


def limited(app: ContractApp, roles: frozenset[str]) -> list[Caller]:
    return [one for one in app.callers if one.company == OURS and one.role in roles]


def send(app: ContractApp, route: str, caller: Caller, ask: Ask) -> httpx.Response:
    return app.send(route.partition(" ")[0], ask.path, caller, ask.body, **ask.headers)


def leaks(two: Two, ask: Ask, answer: httpx.Response) -> list[str]:
    """Return what of the other company stands in an answer, beside what was asked with."""
    text = text_of(answer)
    sent = f"{ask.path}\n{ask.body.decode() if isinstance(ask.body, bytes) else json.dumps(ask.body)}"
    marks = {MARK, THEIRS, *two.their.everything}
    found = [one for one in sorted(marks) if one in text and one not in sent]
    if MARK in sent:  # a mark that was asked with may be said again, and no other
        words = set(re.findall(rf"{MARK}[^\"',;。；“”\s]*", text)) - set(
            re.findall(rf"{MARK}[^\"',;\s]*", sent)
        )
        found += sorted(words)
    told = {f"{float(one):.9g}" for one in NUMBER.findall(text)}
    return found + sorted(told & figures())


def text_of(answer: httpx.Response) -> str:
    """Return an answer as text, whatever its kind, with its headers."""
    kind, head = answer.headers.get("content-type", ""), str(dict(answer.headers))
    if "parquet" in kind:
        return head + pl.read_parquet(io.BytesIO(answer.content)).write_ndjson()
    if "spreadsheetml" in kind:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return head + "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    return head + answer.text


def unreal(two: Two, ask: Ask) -> Ask | None:
    """Return the same request about what nobody has, None where it names no id."""
    path, body = ask.path, json.dumps(ask.body) if ask.body is not None else None
    for real in two.their.everything - {two.their.one("exposure_id")}:
        fake = _fake(real)
        path, body = path.replace(real, fake), body.replace(real, fake) if body is not None else None
    if (path, body) == (ask.path, json.dumps(ask.body) if ask.body is not None else None):
        return None
    return Ask(path, None if body is None else json.loads(body), headers=ask.headers)


def _fake(real: str) -> str:
    """Write an id of the same form."""
    return real.translate(str.maketrans("0123456789abcdef", "1234567890bcdefa"))


def words(answer: httpx.Response, two: Two) -> str:
    """Return status and text of a refusal without the ids that were asked with."""
    body = answer.json()
    text = f"{answer.status_code} {body.get('type')} {body.get('detail')} {body.get('errors')}"
    for real in two.their.everything:
        text = text.replace(real, "-").replace(_fake(real), "-")
    return text
