"""Along which relations a default travels, and how hard it hits (the truth, not what is known of it)."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_group.columns import Codes, Flags, Floats, Ints, Singles
from sample_group.links import KINDS, Links
from sample_group.population import GROUP, Population

__all__ = ["CHANNELS", "Channels", "channels"]

CHANNELS: Final = (
    "guaranteed",
    "customer",
    "parent",
    "subsidiary",
)  # what the defaulted party is to the one hit

# added monthly intensity in the month after the default, for a full-size link; it then decays (see latent.py)
GUARANTEE_WEIGHT: Final = 0.080
CUSTOMER_WEIGHT: Final = 0.055
PARENT_WEIGHT: Final = 0.040
SUBSIDIARY_WEIGHT: Final = 0.028
LEAST_WEIGHT: Final = 0.002  # weaker links carry nothing


@dataclass(frozen=True, eq=False)
class Channels:
    """Directed ways from a defaulted `source` to the party `hit`, open from `start` to `end`."""

    source: Ints
    hit: Ints
    weight: Singles
    channel: Codes
    start: Ints
    end: Ints

    def open_on(self, day: int) -> Flags:
        """Tell which ways are open on a day."""
        return (self.start <= day) & (day < self.end)


def channels(relations: Links, people: Population) -> Channels:
    """Derive the ways from the relations; the group's own companies neither default nor pass it on."""
    parts = [_of_guarantees(relations, people), _of_customers(relations, people), *_of_owners(relations)]
    source, hit, weight, channel, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    keep = (weight >= LEAST_WEIGHT) & (source >= GROUP) & (hit >= GROUP)
    return Channels(
        source=source[keep].astype(np.int32), hit=hit[keep].astype(np.int32),
        weight=weight[keep].astype(np.float32), channel=channel[keep].astype(np.int8),
        start=relations.start[at[keep]], end=relations.end[at[keep]],
    )  # fmt: skip


_Part = tuple[Ints, Ints, Floats, Ints, Ints]


def _part(name: str, source: Ints, hit: Ints, weight: Floats, at: Ints) -> _Part:
    return source, hit, weight, np.full(len(at), CHANNELS.index(name), dtype=np.int32), at


def _of_guarantees(relations: Links, people: Population) -> _Part:
    at = np.flatnonzero(relations.kind == KINDS.index("guarantees")).astype(np.int32)
    burden = relations.amount[at] / (0.6 * people.capital[relations.src[at]])
    return _part(
        "guaranteed", relations.dst[at], relations.src[at], GUARANTEE_WEIGHT * np.minimum(burden, 1), at
    )


def _of_customers(relations: Links, people: Population) -> _Part:
    at = np.flatnonzero(relations.kind == KINDS.index("supplies")).astype(np.int32)
    share = relations.amount[at] / people.revenue[relations.src[at]]
    weight = CUSTOMER_WEIGHT * np.minimum(share / 0.5, 1)
    return _part("customer", relations.dst[at], relations.src[at], weight, at)


def _of_owners(relations: Links) -> list[_Part]:
    at = np.flatnonzero(relations.kind == KINDS.index("owns")).astype(np.int32)
    owner, owned, share = relations.src[at], relations.dst[at], relations.share[at]
    return [
        _part("parent", owner, owned, PARENT_WEIGHT * share, at),
        _part("subsidiary", owned, owner, SUBSIDIARY_WEIGHT * share, at),
    ]
