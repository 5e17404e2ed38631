"""Who asks, and for which companies: what belongs to others, or to several of which others are one, is not shown."""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from serving.access.errors import OutsideScopeError
from serving.access.identity import Identity
from serving.access.limits import NO_LIMITS_OF_ITS_OWN, KeyLimits
from serving.access.roles import ALL_COMPANIES, covers
from serving.ledger.json_text import Json

__all__ = ["Call", "Caller", "caller_of"]


@dataclass(frozen=True)
class Call:
    """Who asks, under which request id; `os_user` is who runs a command, which has no key."""

    request_id: str
    key_id: str
    roles: tuple[str, ...]
    trace_id: str = ""
    os_user: str = ""


@dataclass(frozen=True)
class Caller:
    """Who asks, by name, and for which companies."""

    call: Call
    name: str
    companies: tuple[str, ...]
    limits: KeyLimits = NO_LIMITS_OF_ITS_OWN

    @property
    def recorded(self) -> dict[str, Json]:
        """What every record in the chain says of who asked, and under which ids."""
        call = self.call
        return {
            "request_id": call.request_id,
            "trace_id": call.trace_id,
            "key_id": call.key_id,
            "roles": list(call.roles),
            "companies": list(self.companies),
            **({"os_user": call.os_user, "name": self.name} if call.os_user else {}),
        }

    @property
    def sees_all(self) -> bool:
        """Whether the key is for the whole group."""
        return ALL_COMPANIES in self.companies

    def sees(self, org_id: str | None) -> bool:
        """Tell whether a series of this company (None: of several) may be shown."""
        return self.sees_all or (org_id is not None and org_id in self.companies)

    def covers(self, companies: Collection[str] | None) -> bool:
        """Tell whether what is of all these companies together may be shown; without any it is the whole group's."""
        return covers(self.companies, companies or ())

    def seen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep the rows of the key's companies."""
        return frame if self.sees_all else frame.filter(pl.col("org_id").is_in(self.companies))

    def require(self, company: str | None) -> None:
        """Refuse a company that the key does not cover. Raises OutsideScopeError."""
        if company is not None and not self.sees(company):
            raise OutsideScopeError(self.companies)


def caller_of(key: Identity, request_id: str, trace_id: str = "") -> Caller:
    """Return who holds the key."""
    call = Call(request_id, key.key_id, tuple(sorted(key.roles)), trace_id)
    return Caller(call, key.name, key.companies, key.limits)
