"""Who a caller was found to be, by an API key or by a token of the single sign-on."""

from dataclasses import dataclass

from serving.access.limits import NO_LIMITS_OF_ITS_OWN, KeyLimits
from serving.access.roles import Role

__all__ = ["Identity"]


@dataclass(frozen=True)
class Identity:
    """A caller: `key_id` is that of the key, or `sso:<hash>` of a person; `name` is never written to a log."""

    key_id: str
    name: str
    roles: frozenset[Role]
    companies: tuple[str, ...]
    limits: KeyLimits = NO_LIMITS_OF_ITS_OWN
