"""Who may call: API keys `zh_<id>_<secret>` with roles and a company scope; only a hash is stored."""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Row, bindparam, insert, select, update

from serving.access.roles import ALL_COMPANIES, Role
from serving.errors import ForbiddenError, KeyArgumentError, UnauthorizedError, UnknownKeyError
from serving.ledger.database import Database
from serving.ledger.tables import api_keys

__all__ = ["ApiKey", "KeyStore", "require_role"]

_FORMAT: Final = re.compile(r"zh_([0-9a-f]{12})_([0-9a-f]{64})")
_BEARER: Final = "bearer "
_BY_ID: Final = select(api_keys).where(api_keys.c.key_id == bindparam("key_id"))
_COMPANY: Final = re.compile(r"[A-Za-z0-9-]{1,32}")


@dataclass(frozen=True)
class ApiKey:
    """A key as it is known to the service: never its secret."""

    key_id: str
    name: str
    roles: frozenset[Role]
    companies: tuple[str, ...]
    created_at: str
    revoked_at: str | None


class KeyStore:
    """Make, list, withdraw and check keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, name: str, roles: Sequence[Role], *, companies: Sequence[str], now: datetime
    ) -> tuple[ApiKey, str]:
        """Make a key and return it with its text, which cannot be had again."""
        scope = _checked(name, roles, companies)
        key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
        made_at = now.astimezone(UTC).isoformat(timespec="seconds")
        key = ApiKey(key_id, name.strip(), frozenset(roles), scope, made_at, None)
        with self._database.writing() as connection:
            values = {
                "key_id": key_id,
                "secret_hash": _hash(key_id, secret),
                "name": key.name,
                "roles": json.dumps(sorted(key.roles)),
                "companies": json.dumps(list(scope)),
                "created_at": made_at,
            }
            connection.execute(insert(api_keys).values(values))
        return key, f"zh_{key_id}_{secret}"

    def all(self) -> list[ApiKey]:
        """Return every key, the withdrawn ones too, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)
            ).all()
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, *, now: datetime) -> None:
        """Withdraw a key; it is refused from the next request on. Raises UnknownKeyError."""
        at = now.astimezone(UTC).isoformat(timespec="seconds")
        with self._database.writing() as connection:
            wanted = update(api_keys).where(api_keys.c.key_id == key_id)
            found = connection.execute(select(api_keys.c.key_id).where(api_keys.c.key_id == key_id)).first()
            connection.execute(wanted.where(api_keys.c.revoked_at.is_(None)).values(revoked_at=at))
        if found is None:
            raise UnknownKeyError(key_id)

    def check(self, authorization: str | None) -> ApiKey:
        """Return the key of an Authorization header. Raises UnauthorizedError, never saying why."""
        header = authorization or ""
        match = _FORMAT.fullmatch(header[len(_BEARER) :].strip())
        if not header.lower().startswith(_BEARER) or match is None:
            raise UnauthorizedError
        key_id, secret = match.groups()
        with self._database.reading() as connection:
            row = connection.execute(_BY_ID, {"key_id": key_id}).first()
        # The hash is compared for unknown ids too, so that an id cannot be told from the time taken.
        stored = row.secret_hash if row is not None else _hash(key_id, "")
        same = hmac.compare_digest(stored, _hash(key_id, secret))
        if row is None or not same or row.revoked_at is not None:
            raise UnauthorizedError
        return _key(row)


def require_role(key: ApiKey, allowed: frozenset[Role]) -> None:
    """Refuse a key that has none of the roles. Raises ForbiddenError."""
    if not key.roles & allowed:
        raise ForbiddenError(sorted(allowed))


def _hash(key_id: str, secret: str) -> str:
    """Hash a secret with its key's id as salt.

    A fast hash is right here: the secret has 256 random bits, which nobody can try through, whereas a slow one
    (scrypt, argon2 protect passwords people choose) would cost every request tens of milliseconds.
    """
    return hashlib.blake2b(secret.encode(), salt=key_id.encode(), person=b"zhiheng-api-key").hexdigest()


def _checked(name: str, roles: Sequence[Role], companies: Sequence[str]) -> tuple[str, ...]:
    if not name.strip():
        raise KeyArgumentError(zh="请用 --name 写明密钥的使用者。", en="Say with --name who uses the key.")
    if not roles:
        raise KeyArgumentError(
            zh=f"请至少给出一个 --role（{'、'.join(Role)}）。",
            en=f"Give at least one --role ({', '.join(Role)}).",
        )
    scope = tuple(dict.fromkeys(companies))
    wrong = [company for company in scope if company != ALL_COMPANIES and not _COMPANY.fullmatch(company)]
    if not scope or wrong or (ALL_COMPANIES in scope and len(scope) > 1):
        raise KeyArgumentError(
            zh="请用 --company 给出企业编号（如 ORG-01，可重复），或单独给出 *。",
            en="Give company ids with --company (such as ORG-01, repeatable), or * alone.",
        )
    return scope


def _key(row: Row[tuple[str, str, str, str, str, str, str | None]]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        roles=frozenset(Role(role) for role in json.loads(row.roles)),
        companies=tuple(json.loads(row.companies)),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
