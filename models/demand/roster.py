"""The members by name; each is imported when it is first asked for, as their libraries take seconds."""

from importlib import import_module
from typing import Final

from models.demand.member import Member
from models.errors import UnknownMemberError

__all__ = ["MEMBERS", "ON_REQUEST", "find_member"]

_PLACES: Final = {
    "naive": ("models.demand.members.naive", "NAIVE"),
    "ets": ("models.demand.members.ets", "ETS"),
    "theta": ("models.demand.members.theta", "THETA"),
    "airline": ("models.demand.members.airline", "AIRLINE"),
    "trees": ("models.demand.members.trees", "TREES"),
    "prophet": ("models.demand.members.prophet", "PROPHET"),
    "tsb": ("models.demand.members.intermittent", "TSB"),
    "smoothed_mean": ("models.demand.members.intermittent", "SMOOTHED_MEAN"),
    "croston_sba": ("models.demand.members.intermittent", "CROSTON_SBA"),
    "croston_optimised": ("models.demand.members.intermittent", "CROSTON_OPTIMISED"),
    "auto_arima": ("models.demand.members.on_request", "AUTO_ARIMA"),
    "auto_ces": ("models.demand.members.on_request", "AUTO_CES"),
}
ON_REQUEST: Final = ("auto_arima", "auto_ces", "croston_sba", "croston_optimised")
MEMBERS: Final = tuple(_PLACES)


def find_member(name: str) -> Member:
    """Return a member. Raises UnknownMemberError that lists the names."""
    if name not in _PLACES:
        raise UnknownMemberError(name, MEMBERS)
    module, attribute = _PLACES[name]
    member: Member = getattr(import_module(module), attribute)
    return member
