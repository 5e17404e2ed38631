"""Nothing personal and nothing secret in any log or metric, whatever route it was sent through and however that ended."""

import json
import re
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl
import pytest

from serving.access.roles import Role
from serving.uploads.media import TableKind
from tests.serving.conftest import make_key
from tests.serving.credit.books.book_client import body

if TYPE_CHECKING:
    from tests.serving.conftest import Answer, Service

PARTY, NAME, IDENTITY, PHONE = "P0000007", "张三丰", "11010119900307001X", "13800138000"
INTAKE, MODES = ("parties", "payments"), ("check", "take")
FEATURE, AMOUNT, QUERY = "planted_feature", "7654321.125", "planted-query-value"
# Shaped like a token of the single sign-on; signed by nobody.
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJuYW1lIjoicGxhbnRlZCJ9.cGxhbnRlZC1zaWduYXR1cmU"
BODIES = (
    {"party_id": PARTY, "line": "leasing", "stage": "before"},
    {"party_id": NAME, "reason": f"{NAME} {IDENTITY}", "phone": PHONE, "asked_by": NAME},
    {"features": {FEATURE: float(AMOUNT), "age_of_firm": float(AMOUNT)}},
    {"reason": f"{NAME} called from {PHONE}", "decision_id": IDENTITY, "name": NAME, "until": "2026-12-31"},
)
BROKEN = (f'{{"party_id": "{IDENTITY}', f'{{"party_id": "{PARTY}", "x": NaN}}', f"{NAME},{PHONE}")


def sheets() -> list[tuple[str, bytes]]:
    """Return tables as they are handed in, sound ones and broken ones, where names and numbers of people arrive."""
    parties = pl.DataFrame(
        {
            "party_id": [PARTY, IDENTITY],
            "kind": ["person", "person"],
            "name": [NAME, NAME],
            "id_hash": [IDENTITY, "-"],
            "phone_hash": [PHONE, PHONE],
            "valid_from": ["2025-01-01", PHONE],
            "known_at": ["2025-01-01", NAME],
        }
    )
    book = pl.DataFrame(
        {"party_id": [PARTY, NAME, IDENTITY], "key": [PHONE, NAME, IDENTITY], FEATURE: [AMOUNT, PHONE, "x"]}
    )
    payments = pl.DataFrame(
        {
            "payment_id": [NAME, PHONE],
            "exposure_id": [IDENTITY, PARTY],
            "paid_on": ["2025-03-01", NAME],
            "amount": [AMOUNT, PHONE],
            "known_at": ["2025-03-02", IDENTITY],
        }
    )
    frames = (parties, book, book.select("party_id", "key"), payments)
    sent = [
        (kind.media_type, body(frame, kind)) for frame in frames for kind in (TableKind.CSV, TableKind.XLSX)
    ]
    broken = f'party_id,"{NAME}\n{PHONE},{IDENTITY},{PARTY}\n'.encode()
    return [*sent, (TableKind.CSV.media_type, broken), (TableKind.XLSX.media_type, broken)]


def hand_in(service: "Service", steward: str) -> list["Answer"]:
    """Send the tables through every route that takes some, by who may and by who may not."""
    officer = service.world.officer
    routes = [
        "/v1/credit/scores",
        *(f"/v1/intake/{table}?mode={mode}" for table in (*INTAKE, NAME, PHONE) for mode in MODES),
    ]
    answers = []
    for route, (media_type, content), key in product(routes, sheets(), (officer, steward)):
        headers = {"Authorization": f"Bearer {key}", "Content_Type": media_type}
        answers.append(service.call("POST", quote(route, safe="/?="), content, **headers))
    return answers


def planted(service: "Service") -> list[str]:
    key = service.world.officer
    return [PARTY, NAME, IDENTITY, PHONE, FEATURE, AMOUNT, QUERY, TOKEN, key, key.rsplit("_", 1)[1]]


def call_everything(service: "Service") -> list["Answer"]:
    """Send planted values through every route there is, by callers known and unknown."""
    paths = json.loads(service.call("GET", "/openapi.json").text)["paths"]
    credentials = (service.world.officer, service.world.planner, f"{service.world.officer}0", TOKEN)
    bodies = [json.dumps(body, ensure_ascii=False).encode() for body in BODIES] + [b.encode() for b in BROKEN]
    answers = []
    for (path, methods), credential in product(paths.items(), credentials):
        place = quote(PARTY if credential == service.world.officer else NAME)
        address = re.sub(r"\{\w+\}", place, path) + f"?party_id={PARTY}&q={QUERY}"
        headers = {"Authorization": f"Bearer {credential}", "Content_Type": "application/json"}
        for method in methods:
            # Every body with one credential; with the others one is enough to see what refusing them writes.
            sent = (
                [None] if method == "get" else bodies if credential == service.world.officer else bodies[:1]
            )
            answers += [service.call(method.upper(), address, body, **headers) for body in sent]
    answers.append(service.call("GET", f"/v1/{PARTY}/{quote(NAME)}?q={QUERY}"))
    answers.append(service.call("BREW", f"/v1/credit/score?q={QUERY}", bodies[1]))
    return answers


def written(service: "Service") -> dict[str, bytes]:
    """Return everything that the service wrote for people and machines to look at, by name."""
    home = service.world.home
    logs = [service.log, *(path for path in (home / "logs").rglob("*") if path.is_file())]
    counted = [path for path in Path(home / "run").rglob("*") if path.is_file()]
    pages = {"/metrics": service.call("GET", "/metrics").text.encode()}
    return pages | {path.name: path.read_bytes() for path in [*logs, *counted]}


def test_no_log_and_no_metric_holds_anything_personal_or_secret(service: "Service") -> None:
    answers = call_everything(service)
    assert {200, 401, 403, 404, 405, 422} <= {answer.status for answer in answers}
    tables = hand_in(service, make_key(service.world.home, Role.STEWARD))
    assert {answer.status for answer in tables} == {200, 403, 422}, "or nothing of them was read"
    found = written(service)
    assert {"/metrics", "service.log"} < set(found)
    leaks = [
        (name, text)
        for name, content in found.items()
        for text in planted(service)
        if text.encode() in content or quote(text).encode() in content or json.dumps(text).encode() in content
    ]
    assert leaks == []


def test_every_answer_has_one_line_in_the_access_log(service: "Service") -> None:
    ids = [f"counted-{number:04}" for number in range(20)]
    for one in ids:
        service.score({"party_id": PARTY}, X_Request_ID=one, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    end = time.monotonic() + 10
    while len(new := [line for line in lines(service) if line["request_id"] in ids]) < len(ids):
        assert time.monotonic() < end, "lines are missing"
        time.sleep(0.05)
    assert sorted(str(line["request_id"]) for line in new) == ids
    assert {(line["route"], line["method"], line["status"], line["trace_id"]) for line in new} == {
        ("/v1/credit/score", "POST", 200, "ab" * 16)
    }
    assert {line["key_id"] for line in new} == {service.world.officer.split("_")[1]}


def lines(service: "Service") -> list[dict[str, object]]:
    """Read the access log; every line of it is JSON."""
    files = (service.world.home / "logs").glob("access-*.jsonl")
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_every_line_of_the_process_log_is_json_with_time_level_and_event(service: "Service") -> None:
    found = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert found
    assert all({"timestamp", "level", "event", "logger"} <= set(line) for line in found)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_that_go_well_are_not_logged(service: "Service", path: str) -> None:
    service.call("GET", path, X_Request_ID=f"probe{path.replace('/', '-')}")
    assert f"probe{path.replace('/', '-')}" not in {line["request_id"] for line in lines(service)}
