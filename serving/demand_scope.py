"""Which series a key may see: those of its companies; sums over other companies are not among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from serving.auth import ApiKey
from serving.credit import Call
from serving.errors import OutsideScopeError
from serving.roles import ALL_COMPANIES

__all__ = ["Planner", "planner_of"]


@dataclass(frozen=True)
class Planner:
    """Who asks, by name, and for which companies."""

    call: Call
    name: str
    companies: tuple[str, ...]

    @property
    def sees_all(self) -> bool:
        """Whether the key is for the whole group."""
        return ALL_COMPANIES in self.companies

    def sees(self, org_id: str | None) -> bool:
        """Tell whether a series of this company (None: of several) may be shown."""
        return self.sees_all or (org_id is not None and org_id in self.companies)

    def seen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Keep the rows of the key's companies."""
        return frame if self.sees_all else frame.filter(pl.col("org_id").is_in(self.companies))

    def require(self, company: str | None) -> None:
        """Refuse a company that the key does not cover. Raises OutsideScopeError."""
        if company is not None and not self.sees(company):
            raise OutsideScopeError(self.companies)


def planner_of(key: ApiKey, request_id: str) -> Planner:
    """Return who holds the key."""
    call = Call(request_id, key.key_id, _roles(key))
    return Planner(call, key.name, key.companies)


def _roles(key: ApiKey) -> tuple[str, ...]:
    roles: Sequence[str] = sorted(key.roles)
    return tuple(roles)
