"""JWTs of the group's single sign-on, checked against a local file of its public keys."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from serving.access.errors import NoCompaniesError, TokenRolesError, UnauthorizedError
from serving.access.held_keys import HeldRows
from serving.access.identity import Identity
from serving.access.jwks_file import JwksFile
from serving.access.roles import ALL_COMPANIES, Role, conflicts
from serving.storable_text import text_problem

if TYPE_CHECKING:
    from jwt import PyJWK

__all__ = ["ALGORITHMS", "TokenRules", "Tokens"]

# Signatures of a key pair alone: with a shared secret, or none, whoever reads the file could sign.
ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
_RSA: Final = frozenset(name for name in ALGORITHMS if name[:2] in ("RS", "PS"))
_MOST_CHARACTERS: Final = 8192
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_COMPANY: Final = re.compile(r"[A-Za-z0-9-]{1,32}")
_REQUIRED: Final = ["exp", "iat", "iss", "aud", "sub"]
_BEARER: Final = "bearer "
_HELD: Final = 1024


@dataclass(frozen=True)
class TokenRules:
    """What a token must say, and where it says who may do what."""

    issuer: str
    audience: str
    roles_claim: str = "roles"
    companies_claim: str = "companies"
    leeway_seconds: float = 30.0


class Tokens:
    """Find who sent a token."""

    def __init__(
        self, file: JwksFile, rules: TokenRules, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self.file, self._rules, self._timer = file, rules, timer
        # Checking a signature costs 50 to 150 µs; what was found holds as long as a key that was read.
        self._held: HeldRows[Identity] = HeldRows(timer=timer, most=_HELD)

    def held(self, authorization: str) -> Identity | None:
        """Return who sent a token that was checked within the last second, else None."""
        return self._held.get(_digest(authorization))

    def check(self, authorization: str) -> Identity:
        """Return who sent a token.

        Raises UnauthorizedError without saying why, NoCompaniesError and TokenRolesError for a valid token that
        opens nothing.
        """
        began = self._timer()
        token = authorization[len(_BEARER) :].strip()
        if len(token) > _MOST_CHARACTERS or not _COMPACT.fullmatch(token):
            raise UnauthorizedError
        found = self._identity(self._claims(token))
        self._held.put(_digest(authorization), found, since=began)
        return found

    def _claims(self, token: str) -> Mapping[str, object]:
        import jwt  # noqa: PLC0415 - with cryptography 15 MB, for those who have a sign-on

        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = self._key(header)
            claims: Mapping[str, object] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                issuer=self._rules.issuer,
                audience=self._rules.audience,
                leeway=self._rules.leeway_seconds,
                options={"require": _REQUIRED},
            )
        except (jwt.exceptions.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise UnauthorizedError from error
        return claims

    def _key(self, header: Mapping[str, object]) -> tuple["PyJWK", str]:
        """Return the file's key that a header names, and the algorithm, which the key must be made for."""
        kid, algorithm = header.get("kid"), header.get("alg")
        key = self.file.keys().get(kid) if isinstance(kid, str) else None
        if key is None or not isinstance(algorithm, str) or algorithm not in ALGORITHMS or "crit" in header:
            raise UnauthorizedError
        said = key._jwk_data.get("alg")  # noqa: SLF001 - whether the file says it or the library guessed it
        fits = (
            algorithm in _RSA if key.key_type == "RSA" and said is None else algorithm == key.algorithm_name
        )
        if not fits:
            raise UnauthorizedError
        return key, algorithm

    def _identity(self, claims: Mapping[str, object]) -> Identity:
        subject = str(claims["sub"])
        if not subject.strip() or text_problem("sub", subject):
            raise UnauthorizedError
        known = {role.value: role for role in Role}
        roles = frozenset(known[name] for name in _names(claims, self._rules.roles_claim) if name in known)
        found = conflicts(roles)
        if found:
            raise TokenRolesError(*found[0])
        companies = self._companies(claims)
        # The length parts issuer and subject, so that no two pairs give one text.
        text = f"{len(self._rules.issuer)}:{self._rules.issuer}{subject}"
        digest = hashlib.blake2b(text.encode(), digest_size=12, person=b"zhiheng-sso").hexdigest()
        return Identity(f"sso:{digest}", subject, roles, companies)

    def _companies(self, claims: Mapping[str, object]) -> tuple[str, ...]:
        claim = self._rules.companies_claim
        names = list(dict.fromkeys(_names(claims, claim)))
        if ALL_COMPANIES in names:
            return (ALL_COMPANIES,)
        companies = tuple(name for name in names if _COMPANY.fullmatch(name))
        if not companies:
            raise NoCompaniesError(claim)
        return companies


def _names(claims: Mapping[str, object], claim: str) -> list[str]:
    """Return what a claim lists: a JSON list of texts, or one text with spaces or commas between the names."""
    said = claims.get(claim)
    if isinstance(said, str):
        return said.replace(",", " ").split()
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []


def _digest(authorization: str) -> str:
    return hashlib.blake2b(authorization.encode(errors="replace"), digest_size=32).hexdigest()
