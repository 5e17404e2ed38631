"""API keys `zh_<id>_<secret>` with roles and a company scope: made, rotated, withdrawn, checked; only hashes are stored."""

import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from serving.access.errors import (
    ForbiddenError,
    RefusedKeyError,
    UnauthorizedError,
    UnknownKeyError,
    WithdrawnKeyError,
)
from serving.access.held_keys import HeldRows
from serving.access.identity import Identity
from serving.access.key_acts import KeyAct, KeyVerb, TellAct, unrecorded
from serving.access.key_terms import PLAIN_TERMS, KeyTerms, checked_scope, checked_terms, utc_text
from serving.access.limits import NO_LIMITS_OF_ITS_OWN, KeyLimits
from serving.access.roles import Role
from serving.clock import utc_now
from serving.ledger.database import Database
from serving.ledger.tables import api_keys
from serving.moments import moment_of

__all__ = ["ApiKey", "KeyStore", "require_role"]

_FORMAT: Final = re.compile(r"zh_([0-9a-f]{12})_([0-9a-f]{64})")
_BEARER: Final = "bearer "
_MOMENTS: Final = ("created_at", "expires_at", "rotated_at", "previous_until", "revoked_at")
_BY_ID: Final = select(api_keys).where(api_keys.c.key_id == bindparam("key_id"))


@dataclass(frozen=True)
class ApiKey(Identity):
    """A key as it is known to the service: never its secret."""

    created_at: str = ""
    revoked_at: str | None = None
    expires_at: str | None = None
    rotated_at: str | None = None
    previous_until: str | None = None
    made_by: str = ""
    combination_reason: str = ""


@dataclass(frozen=True)
class _Held:
    """What a check needs of a key; `key` is None for an id that does not exist."""

    key: ApiKey | None
    secret_hash: str
    previous_hash: str | None
    previous_until: datetime | None
    expires_at: datetime | None


class KeyStore:
    """Make, list, rotate, withdraw and check keys."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], datetime] = utc_now,
        timer: Callable[[], float] = time.monotonic,
        told: TellAct = unrecorded,
    ) -> None:
        """Take `told`, which hears of every act in its transaction."""
        self._database, self._clock, self._timer, self._told = database, clock, timer, told
        self._reading = threading.Lock()
        # Ids that do not exist are held apart, so that trying many of them pushes no key in use out.
        self._held: HeldRows[_Held] = HeldRows(timer=timer)
        self._unknown: HeldRows[_Held] = HeldRows(timer=timer)

    def create(
        self,
        name: str,
        roles: Sequence[Role],
        *,
        companies: Sequence[str],
        now: datetime,
        terms: KeyTerms = PLAIN_TERMS,
    ) -> tuple[ApiKey, str]:
        """Make a key and return it with its text, which cannot be had again.

        Raises KeyArgumentError, and RoleCombinationError for roles that exclude each other and no reason for it.
        """
        scope = checked_scope(name, roles, companies)
        checked_terms(roles, terms, now=now)
        key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
        values = {
            "key_id": key_id,
            "secret_hash": _hash(key_id, secret),
            "name": name.strip(),
            "roles": json.dumps(sorted(set(roles))),
            "companies": json.dumps(list(scope)),
            "created_at": utc_text(now),
            "expires_at": utc_text(terms.expires_at) if terms.expires_at else None,
            "made_by": terms.made_by,
            "combination_reason": terms.combination_reason.strip(),
            "limits": terms.limits.model_dump_json(exclude_none=True),
        }
        with self._database.writing() as connection:
            connection.execute(insert(api_keys).values(values))
            key = self._done(connection, KeyVerb.CREATE, key_id, now)
        return key, _text(key_id, secret)

    def all(self) -> list[ApiKey]:
        """Return every key, the withdrawn ones too, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)
            ).all()
        return [_key(row) for row in rows]

    def rotate(self, key_id: str, *, now: datetime, overlap: timedelta) -> tuple[ApiKey, str]:
        """Give a key a new secret; the old one opens until the overlap has passed.

        A secret that was being replaced already ends at once: at most two are valid. Raises UnknownKeyError and
        WithdrawnKeyError.
        """
        secret = secrets.token_hex(32)
        with self._database.writing() as connection:
            row = connection.execute(_BY_ID, {"key_id": key_id}).first()
            if row is None:
                raise UnknownKeyError(key_id)
            if row.revoked_at is not None:
                raise WithdrawnKeyError(key_id)
            changed = {
                "secret_hash": _hash(key_id, secret),
                "previous_hash": row.secret_hash,
                "previous_until": utc_text(now + overlap),
                "rotated_at": utc_text(now),
            }
            connection.execute(update(api_keys).where(api_keys.c.key_id == key_id).values(changed))
            key = self._done(connection, KeyVerb.ROTATE, key_id, now)
        self._held.forget(key_id)
        return key, _text(key_id, secret)

    def limit(self, key_id: str, limits: KeyLimits, *, now: datetime) -> None:
        """Replace the limits of a key. Raises UnknownKeyError."""
        values = {"limits": limits.model_dump_json(exclude_none=True)}
        with self._database.writing() as connection:
            wanted = update(api_keys).where(api_keys.c.key_id == key_id)
            if connection.execute(wanted.values(values)).rowcount == 0:
                raise UnknownKeyError(key_id)
            self._done(connection, KeyVerb.LIMIT, key_id, now)
        self._held.forget(key_id)

    def revoke(self, key_id: str, *, now: datetime) -> None:
        """Withdraw a key; every worker refuses it within a second. Raises UnknownKeyError."""
        at = utc_text(now)
        with self._database.writing() as connection:
            wanted = update(api_keys).where(api_keys.c.key_id == key_id)
            if connection.execute(_BY_ID, {"key_id": key_id}).first() is None:
                raise UnknownKeyError(key_id)
            # One that is withdrawn stays so since then: nothing is done, and nothing told.
            if connection.execute(
                wanted.where(api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
            ).rowcount:
                self._done(connection, KeyVerb.REVOKE, key_id, now)
        self._held.forget(key_id)

    def check(self, authorization: str | None) -> ApiKey:
        """Return the key of an Authorization header.

        Raises UnauthorizedError, never telling the caller why; RefusedKeyError says it to the service alone.
        """
        key_id, secret = _parts(authorization)
        return self._opened(self._lately(key_id) or self._read(key_id), secret)

    def held(self, authorization: str | None) -> ApiKey | None:
        """Check without the database: None where the key was not read lately. Raises as `check` does."""
        key_id, secret = _parts(authorization)
        held = self._lately(key_id)
        return None if held is None else self._opened(held, secret)

    def _done(self, connection: Connection, verb: KeyVerb, key_id: str, now: datetime) -> ApiKey:
        key = _key(connection.execute(_BY_ID, {"key_id": key_id}).one())
        moments = {name: getattr(key, name) for name in _MOMENTS}
        self._told(connection, KeyAct(verb, key, now, moments, key.combination_reason))
        return key

    def _lately(self, key_id: str) -> _Held | None:
        return self._held.get(key_id) or self._unknown.get(key_id)

    def _read(self, key_id: str) -> _Held:
        with self._reading:  # of many requests that miss the same moment one reads
            held = self._lately(key_id)
            if held is not None:
                return held
            began = self._timer()
            with self._database.reading() as connection:
                row = connection.execute(_BY_ID, {"key_id": key_id}).first()
            held = _Held(None, "", None, None, None) if row is None else _held(row)
            (self._unknown if row is None else self._held).put(key_id, held, since=began)
            return held

    def _opened(self, held: _Held, secret: str) -> ApiKey:
        # The hash is made for unknown ids too, so that an id cannot be told from the time taken.
        key_id = held.key.key_id if held.key is not None else "0" * 12
        given = _hash(key_id, secret)
        now = self._clock()
        fresh = hmac.compare_digest(held.secret_hash, given)
        older = held.previous_hash is not None and hmac.compare_digest(held.previous_hash, given)
        if held.key is None or not (fresh or older):
            raise UnauthorizedError
        if held.key.revoked_at is not None:
            raise RefusedKeyError(held.key, "withdrawn")
        if held.expires_at is not None and held.expires_at <= now:
            raise RefusedKeyError(held.key, "expired")
        if not fresh and (held.previous_until is None or held.previous_until <= now):
            raise RefusedKeyError(held.key, "rotated")
        return held.key


def require_role(key: Identity, allowed: frozenset[Role]) -> None:
    """Refuse a caller that has none of the roles. Raises ForbiddenError."""
    if not key.roles & allowed:
        raise ForbiddenError(sorted(allowed))


def _parts(authorization: str | None) -> tuple[str, str]:
    header = authorization or ""
    match = _FORMAT.fullmatch(header[len(_BEARER) :].strip())
    if match is None or not header[: len(_BEARER)].lower() == _BEARER:
        raise UnauthorizedError
    return match[1], match[2]


def _text(key_id: str, secret: str) -> str:
    return f"zh_{key_id}_{secret}"


def _hash(key_id: str, secret: str) -> str:
    """Hash a secret with its key's id as salt.

    A fast hash is right here: the secret has 256 random bits, which nobody can try through, whereas a slow one
    (scrypt, argon2 protect passwords people choose) would cost every request tens of milliseconds.
    """
    return hashlib.blake2b(secret.encode(), salt=key_id.encode(), person=b"zhiheng-api-key").hexdigest()


def _held(row: Row[tuple[object, ...]]) -> _Held:
    return _Held(
        key=_key(row),
        secret_hash=row.secret_hash,
        previous_hash=row.previous_hash,
        previous_until=moment_of(row.previous_until),
        expires_at=moment_of(row.expires_at),
    )


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        name=row.name,
        roles=frozenset(Role(role) for role in json.loads(row.roles)),
        companies=tuple(json.loads(row.companies)),
        limits=KeyLimits.model_validate_json(row.limits)
        if len(row.limits) > len("{}")
        else NO_LIMITS_OF_ITS_OWN,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        expires_at=row.expires_at,
        rotated_at=row.rotated_at,
        previous_until=row.previous_until,
        made_by=row.made_by,
        combination_reason=row.combination_reason,
    )
