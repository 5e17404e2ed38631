"""Keys, tokens, limits and risky use as a caller meets them."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from serving.access.key_terms import KeyTerms
from serving.access.keys import KeyStore
from serving.access.limits import KeyLimits
from serving.access.risk_events import RiskKind
from serving.access.roles import Role
from serving.ledger.database import Database
from tests.serving.http.bare_app import BareApp, Reply, open_bare

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

KEY = rsa.generate_private_key(65537, 2048)
NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    public = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{**public, "kid": "k1"}]}))
    return tmp_path


@pytest.fixture
def bare(home: Path) -> Iterator[BareApp]:
    opened = open_bare(
        home,
        sso_jwks=home / "jwks.json",
        sso_issuer="https://sso.example",
        watch_refusals=5,
        watch_out_of_scope=3,
        watch_parties=2,
    )
    yield opened
    opened.deployment.stop()


def token(*roles: str, companies: object = ("*",), **changed: object) -> str:
    now = int(time.time())
    said = {
        "iss": "https://sso.example",
        "aud": "zhiheng",
        "sub": "王芳",
        "iat": now,
        "exp": now + 60,
        **changed,
    }
    said |= {"roles": list(roles), "companies": companies}
    return jwt.encode(said, KEY, algorithm="RS256", headers={"kid": "k1"})


def risky(bare: BareApp, header: str, query: str = "") -> Reply:
    return bare.call("GET", "/v1/audit/risky-use", [("authorization", f"Bearer {header}")], query=query)


def kinds(bare: BareApp) -> list[str]:
    found: list[dict[str, Any]] = risky(bare, bare.keys[Role.AUDITOR]).json["events"]
    return [item["kind"] for item in found]


def make_key(home: Path, *companies: str, role: Role = Role.AUDITOR, **terms: Any) -> tuple[str, str]:  # noqa: ANN401
    database = Database(home / "ledger.db")
    try:
        made, text = KeyStore(database).create(
            "t", [role], companies=companies, now=NOW, terms=KeyTerms(**terms)
        )
    finally:
        database.close()
    return made.key_id, text


def test_token_of_the_sign_on_opens_what_its_roles_may(bare: BareApp) -> None:
    assert risky(bare, token("auditor")).status == 200
    assert (refused := risky(bare, token("planner"))).status == 403
    assert refused.slug == "forbidden"
    assert risky(bare, token("auditor", companies=[])).slug == "no-companies"
    assert risky(bare, token("auditor", "approver")).slug == "token-roles"
    for wrong in (token("auditor", aud="x"), token("auditor") + "x", "a.b.c"):
        reply = risky(bare, wrong)
        assert (reply.status, reply.slug) == (401, "unauthorized")


def test_tokens_are_not_taken_where_no_sign_on_is_set(tmp_path: Path) -> None:
    bare = open_bare(tmp_path)
    try:
        assert risky(bare, token("auditor")).slug == "unauthorized"
        assert "sso" not in bare.call("GET", "/healthz").json["parts"]
    finally:
        bare.deployment.stop()


def test_broken_file_of_the_sign_on_is_said_and_keys_open_all_the_same(bare: BareApp, home: Path) -> None:
    assert bare.call("GET", "/readyz").json["parts"]["sso"]["count"] == 1
    (home / "jwks.json").write_text("{")
    time.sleep(1.1)
    part = bare.call("GET", "/readyz").json["parts"]["sso"]
    assert (part["ready"], part["count"]) == (True, 1)
    assert "JWKS" in part["problem_en"]
    assert risky(bare, token("auditor")).status == 200
    assert risky(bare, bare.keys[Role.AUDITOR]).status == 200


def test_names_and_tokens_are_in_no_log(bare: BareApp, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    sent = token("planner")
    with caplog.at_level("DEBUG"):
        risky(bare, sent)
        risky(bare, bare.keys[Role.PLANNER])
    bare.deployment.stop()
    written = caplog.text + "".join(file.read_text() for file in (home / "logs").rglob("*") if file.is_file())
    assert "/v1/audit/risky-use" in written, "the access log names the route"
    for secret in (
        "王芳",
        sent,
        sent.rpartition(".")[2],
        bare.keys[Role.PLANNER],
        bare.keys[Role.PLANNER][16:],
    ):
        assert secret not in written


def test_key_with_few_requests_is_told_when_to_come_again(bare: BareApp, home: Path) -> None:
    _, text = make_key(home, "*", limits=KeyLimits(requests_per_minute=2))
    assert [risky(bare, text).status for _ in range(2)] == [200, 200]
    reply = risky(bare, text)
    assert (reply.status, reply.slug) == (429, "limit-exceeded")
    assert 1 <= int(reply.headers["retry-after"]) <= 30
    assert reply.json["errors"][0]["rule"] == "requests_per_minute"
    assert risky(bare, bare.keys[Role.AUDITOR]).status == 200


def test_body_limit_of_a_key_is_its_own(bare: BareApp, home: Path) -> None:
    _, text = make_key(home, "*", role=Role.RISK_OFFICER, limits=KeyLimits(body_bytes=50))
    score = next(one for one in bare.endpoints if one.path == "/v1/credit/score")
    body = json.dumps({"features": {"x" * 60: 1}}).encode()
    assert bare.post(score, body, authorization=f"Bearer {text}").slug == "body-too-large"
    assert bare.post(score, body).slug != "body-too-large"


def test_keys_that_ended_are_refused_in_the_same_words_and_shown_to_the_auditor(
    bare: BareApp, home: Path
) -> None:
    withdrawn, first = make_key(home, "ORG-03")
    _, second = make_key(home, "ORG-03", expires_at=NOW + timedelta(seconds=1))
    database = Database(home / "ledger.db")
    KeyStore(database).revoke(withdrawn, now=NOW)
    database.close()
    time.sleep(1.1)
    unknown = risky(bare, "zh_" + "0" * 12 + "_" + "0" * 64).json["detail"]
    for text in (first, second, first):
        reply = risky(bare, text)
        assert (reply.status, reply.json["detail"]) == (401, unknown)
    assert sorted(kinds(bare)) == [RiskKind.EXPIRED_KEY_USED, RiskKind.WITHDRAWN_KEY_USED]


def test_a_key_that_is_refused_again_and_again_is_shown_to_the_auditor(bare: BareApp) -> None:
    for _ in range(4):
        risky(bare, bare.keys[Role.PLANNER])
    assert kinds(bare) == []
    risky(bare, bare.keys[Role.PLANNER])
    assert kinds(bare) == [RiskKind.MANY_REFUSALS]


def test_auditor_of_one_company_sees_its_keys_alone_and_pages_hold_together(
    bare: BareApp, home: Path
) -> None:
    _, own = make_key(home, "ORG-03")
    for org in ("ORG-03", "ORG-04"):
        _, text = make_key(home, org, role=Role.PLANNER)
        for _ in range(5):
            risky(bare, text)
    assert len(kinds(bare)) == 2
    (item,) = risky(bare, own).json["events"]
    assert (item["companies"], item["kind"], item["rows"]) == (["ORG-03"], "many_refusals", 5)
    assert item["text_zh"]
    page = risky(bare, bare.keys[Role.AUDITOR], "limit=1").json
    rest = risky(bare, bare.keys[Role.AUDITOR], f"limit=1&cursor={page['cursor']}").json
    assert [page["events"][0]["companies"], rest["events"][0]["companies"]] == [["ORG-04"], ["ORG-03"]]
    assert rest["cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        "kind=x",
        "limit=0",
        "limit=201",
        "since=2026-13-01",
        "since=2026-01-01T00:00:00",
        "cursor=0",
        "cursor=99999999999999999999",
        "key_id=%27--",
        "no=1",
    ],
)
def test_wrong_filters_are_named(bare: BareApp, query: str) -> None:
    reply = risky(bare, bare.keys[Role.AUDITOR], query)
    assert (reply.status, reply.slug) == (422, "invalid-request")
    assert reply.json["errors"][0]["field"] == query.partition("=")[0]


def test_key_of_one_company_may_not_ask_about_others_parties(
    world: "World", make_client: "MakeClient"
) -> None:
    """No party of this book has business with ORG-99, and an unknown one is refused in the same words."""
    _, text = make_key(world.home, "ORG-99", role=Role.RISK_OFFICER)
    client: Client = make_client(world.home, text)
    known, unknown = (client.score({"party_id": party}) for party in ("P0000000", "P9999999"))
    assert known.status_code == unknown.status_code
    assert known.json()["detail"] == unknown.json()["detail"]
    assert known.status_code in (403, 503), "503 where the book does not say whose parties they are"
