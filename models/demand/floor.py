"""Why a series gets the naive floor, in words for a planner."""

from dataclasses import dataclass

from models.demand.profile import Kind

__all__ = ["FloorReason", "floor_reason"]


@dataclass(frozen=True)
class FloorReason:
    """A reason in Chinese and in English."""

    zh: str
    en: str


_CONSTANT = FloorReason(
    "历史只有一个值（或全为零），按该值给出",
    "its history holds one value only, or zeros; that value is given",
)
_UNTESTED = FloorReason(
    "历史太短，无法回测，按季节性朴素给出",
    "its history is too short to be tested; the seasonal naive is given",
)
_BEATEN = FloorReason(
    "回测中没有方法胜过季节性朴素，按朴素给出", "in backtests nothing beat the seasonal naive, which is given"
)


def floor_reason(kind: Kind, *, served: bool, tested: bool) -> FloorReason | None:
    """Return the reason, None where something better than the floor is served."""
    if not served:
        return None
    if kind == Kind.CONSTANT:
        return _CONSTANT
    return _BEATEN if tested else _UNTESTED
