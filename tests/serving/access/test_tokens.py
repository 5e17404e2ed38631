"""Tokens of the single sign-on: only those that its keys signed, for us, now; what they open is what they say."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from serving.access.errors import NoCompaniesError, TokenFileError, TokenRolesError, UnauthorizedError
from serving.access.identity import Identity
from serving.access.jwks_file import JwksFile, read_jwks
from serving.access.roles import Role
from serving.access.tokens import TokenRules, Tokens

ISSUER, AUDIENCE = "https://sso.example", "zhiheng"
RSA_KEY = rsa.generate_private_key(65537, 2048)
OTHER_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def jwk(key: PrivateKeyTypes, kid: str, **more: object) -> dict[str, object]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        told = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        told = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        assert isinstance(public, ed25519.Ed25519PublicKey)
        told = OKPAlgorithm.to_jwk(public, as_dict=True)
    told.pop("key_ops", None)
    return {**told, "kid": kid, "use": "sig", **more}


def claims(**changed: object) -> dict[str, object]:
    now = int(time.time())
    usual: dict[str, object] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "wang.fang", "iat": now, "nbf": now, "exp": now + 300,
        "roles": ["risk_officer"], "companies": ["ORG-03"],
    }  # fmt: skip
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def sign(
    said: Mapping[str, object], key: PrivateKeyTypes = RSA_KEY, *, alg: str = "RS256", kid: str | None = "k1"
) -> str:
    token: str = jwt.encode(dict(said), key, algorithm=alg, headers={"kid": kid} if kid else None)  # type: ignore[arg-type]
    return f"Bearer {token}"


def raw(header: Mapping[str, object], said: Mapping[str, object], secret: bytes | None) -> str:
    """Write a token by hand, as a forger would."""

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    head = part(header) + b"." + part(said)
    signature = hmac.new(secret, head, hashlib.sha256).digest() if secret is not None else b"x"
    return "Bearer " + (head + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@dataclass
class Place:
    path: Path
    seconds: float = 0.0
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.put(jwk(RSA_KEY, "k1"), jwk(EC_KEY, "k2"), jwk(ED_KEY, "k3"))
        timer = lambda: self.seconds  # noqa: E731
        self.tokens = Tokens(JwksFile(self.path, timer=timer), TokenRules(ISSUER, AUDIENCE), timer=timer)

    def put(self, *keys: Mapping[str, object]) -> None:
        self.path.write_text(json.dumps({"keys": list(keys)}))

    def later(self) -> None:
        self.seconds += 1.0

    def check(self, header: str) -> Identity:
        return self.tokens.check(header)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "jwks.json")


@pytest.mark.parametrize(
    ("key", "alg", "kid"),
    [(RSA_KEY, "RS256", "k1"), (RSA_KEY, "PS512", "k1"), (EC_KEY, "ES256", "k2"), (ED_KEY, "EdDSA", "k3")],
)
def test_token_opens_with_what_it_says(place: Place, key: PrivateKeyTypes, alg: str, kid: str) -> None:
    found = place.check(
        sign(claims(roles=["risk_officer", "king"], companies="ORG-03 ORG-04"), key, alg=alg, kid=kid)
    )
    assert found.roles == {Role.RISK_OFFICER}
    assert found.companies == ("ORG-03", "ORG-04")
    assert found.name == "wang.fang"
    assert found.key_id.startswith("sso:")
    assert "wang" not in found.key_id
    assert place.check(sign(claims())).key_id == found.key_id, "one person has one id"
    assert place.check(sign(claims(sub="other"))).key_id != found.key_id


NOW = int(time.time())


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(sign(claims(), OTHER_KEY), id="another key"),
        pytest.param(sign(claims(), kid=None), id="no kid"),
        pytest.param(sign(claims(), kid="k9"), id="unknown kid"),
        pytest.param(sign(claims(), EC_KEY, alg="ES256", kid="k1"), id="algorithm of another kind of key"),
        pytest.param(sign(claims(exp=NOW - 60)), id="expired"),
        pytest.param(sign(claims(nbf=NOW + 600)), id="not yet valid"),
        pytest.param(sign(claims(iat=NOW + 600)), id="issued in the future"),
        pytest.param(sign(claims(aud="another")), id="for another service"),
        pytest.param(sign(claims(iss="https://evil.example")), id="of another issuer"),
        pytest.param(sign(claims(exp=None)), id="no end"),
        pytest.param(sign(claims(iat=None)), id="no iat"),
        pytest.param(sign(claims(sub=None)), id="no subject"),
        pytest.param(sign(claims(sub=" ")), id="empty subject"),
        pytest.param(sign(claims(sub="a\0b")), id="subject with NUL"),
        pytest.param(sign(claims(sub="a\ud800b")), id="subject with half a character"),
        pytest.param(sign(claims(aud=None)), id="no audience"),
        pytest.param(raw({"alg": "none", "kid": "k1"}, claims(), None), id="no signature"),
        pytest.param(
            raw({"alg": "nOnE", "kid": "k1"}, claims(), None), id="no signature, written differently"
        ),
        pytest.param(sign(claims(padding="x" * 9000)), id="huge"),
        pytest.param(sign(claims()) + "x", id="changed signature"),
        pytest.param(sign(claims()).rpartition(".")[0] + ".", id="empty signature"),
        pytest.param("Bearer a.b.c", id="no base64"),
        pytest.param("Bearer " + "." * 100, id="dots"),
        pytest.param("Bearer ", id="nothing"),
    ],
)
def test_what_is_not_signed_for_us_now_is_refused(place: Place, header: str) -> None:
    with pytest.raises(UnauthorizedError):
        place.check(header)


@pytest.mark.parametrize("alg", ["HS256", "RS256"])
@pytest.mark.parametrize("form", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_public_key_is_no_shared_secret(place: Place, form: serialization.Encoding, alg: str) -> None:
    """Who reads the public keys could sign with them if HMAC were taken."""
    secret = RSA_KEY.public_key().public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(UnauthorizedError):
        place.check(raw({"alg": alg, "kid": "k1"}, claims(), secret))


def test_a_key_for_one_algorithm_takes_no_other(place: Place) -> None:
    place.put(jwk(RSA_KEY, "k1", alg="RS512"))
    assert place.check(sign(claims(), alg="RS512"))
    with pytest.raises(UnauthorizedError):
        place.check(sign(claims(), alg="RS256"))


def test_clock_of_the_sign_on_may_be_a_little_off(place: Place) -> None:
    now = int(time.time())
    assert place.check(sign(claims(iat=now + 20, nbf=now + 20)))
    assert place.check(sign(claims(exp=now - 20)))


@pytest.mark.parametrize("companies", [None, [], "", [7], ["ORG 03;"]])
def test_token_without_companies_opens_nothing(place: Place, companies: object) -> None:
    with pytest.raises(NoCompaniesError, match="companies"):
        place.check(sign(claims(companies=companies)))


def test_token_of_the_group_sees_all(place: Place) -> None:
    assert place.check(sign(claims(companies=["ORG-03", "*"]))).companies == ("*",)


@pytest.mark.parametrize("roles", [None, "king", {"a": 1}])
def test_roles_nobody_knows_are_none(place: Place, roles: object) -> None:
    assert place.check(sign(claims(roles=roles))).roles == frozenset()


def test_roles_that_exclude_each_other_open_nothing(place: Place) -> None:
    with pytest.raises(TokenRolesError, match=r"approver.*risk_officer"):
        place.check(sign(claims(roles="risk_officer approver")))


def test_rotated_keys_are_taken_up_within_a_second(place: Place) -> None:
    old, new = sign(claims()), sign(claims(), OTHER_KEY, kid="k7")
    assert place.check(old)
    place.put(jwk(OTHER_KEY, "k7"))
    place.later()
    assert place.tokens.held(old) is None
    assert place.check(new)
    with pytest.raises(UnauthorizedError):
        place.check(old)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"keys": 1}', '{"keys": []}', '{"keys": [{"kty": "RSA", "kid": "a"}]}']
)
def test_a_broken_new_file_keeps_the_last_good_one_and_is_said(place: Place, text: str) -> None:
    assert place.check(sign(claims()))
    place.path.write_text(text)
    place.later()
    assert place.check(sign(claims()))
    assert place.tokens.file.problem is not None
    assert "ZHIHENG_SSO_JWKS" in place.tokens.file.problem.zh
    place.put(jwk(OTHER_KEY, "k1"))
    place.later()
    with pytest.raises(UnauthorizedError):
        place.check(sign(claims()))
    assert place.tokens.file.problem is None


def test_a_file_that_is_gone_keeps_the_last_good_one(place: Place) -> None:
    assert place.check(sign(claims()))
    place.path.unlink()
    place.later()
    assert place.check(sign(claims(sub="a")))
    assert place.tokens.file.problem is not None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}], "no public key"),
        ([{**RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "a"}], "no public key"),
        ([jwk(RSA_KEY, "a"), jwk(EC_KEY, "a")], "kid"),
        ([jwk(RSA_KEY, "")], "kid"),
        ([jwk(RSA_KEY, "a", use="enc")], "no key for signatures"),
    ],
)
def test_keys_that_must_not_be_in_the_file_are_named(
    tmp_path: Path, keys: list[dict[str, Any]], said: str
) -> None:
    for key in keys:
        key.pop("key_ops", None)
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": keys}))
    with pytest.raises(TokenFileError, match=said):
        read_jwks(path)


def test_a_token_in_use_is_not_checked_again_within_a_second(place: Place) -> None:
    header = sign(claims())
    assert place.tokens.held(header) is None
    found = place.check(header)
    assert place.tokens.held(header) is found
    assert header.partition(" ")[2] not in repr(vars(place.tokens._held))
    place.later()
    assert place.tokens.held(header) is None
