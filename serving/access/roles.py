"""The roles a caller can have, and the sign for all companies."""

from enum import StrEnum
from typing import Final

__all__ = ["ALL_COMPANIES", "Role"]

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
