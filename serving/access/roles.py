"""The roles a caller can have, which of them exclude each other, and the sign for all companies."""

from collections.abc import Collection
from enum import StrEnum
from itertools import combinations
from typing import Final

__all__ = ["ALL_COMPANIES", "Role", "conflicts"]

ALL_COMPANIES: Final = "*"


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
