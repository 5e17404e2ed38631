"""The roles a caller can have, which of them exclude each other, and which companies cover which."""

from collections.abc import Collection
from enum import StrEnum
from itertools import combinations
from typing import Final

__all__ = ["ALL_COMPANIES", "Role", "conflicts", "covers"]

ALL_COMPANIES: Final = "*"
"""The sign for all companies."""


class Role(StrEnum):
    """What a caller is; duties are separated, so no role contains another."""

    RISK_OFFICER = "risk_officer"
    PLANNER = "planner"
    DATA_SCIENTIST = "data_scientist"
    APPROVER = "approver"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    STEWARD = "steward"


# An auditor looks at what the others did, and an approver decides on what they ask for: neither may do it too.
# The others may meet in one pair of hands in a small company: nothing that one of them asks for is decided by another.
_JUDGES: Final = frozenset({Role.AUDITOR, Role.APPROVER})


def conflicts(roles: Collection[Role]) -> list[tuple[Role, Role]]:
    """Return the pairs of these roles that one person must not have together."""
    return [pair for pair in combinations(sorted(set(roles)), 2) if _JUDGES & set(pair)]


def covers(own: Collection[str], named: Collection[object]) -> bool:
    """Tell whether who is for `own` companies may see what is of all those `named`; what names none is the whole group's."""
    return ALL_COMPANIES in own or (bool(named) and all(one in own for one in named))
