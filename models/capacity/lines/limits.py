"""What an industry's profile says of a line: its bottleneck, the maintenance that stops it, its hours and restarts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["NO_LIMITS", "LineLimits", "ProfileLike", "limits_of"]


class _Bottleneck(Protocol):
    @property
    def hours(self) -> float: ...


class _Constraints(Protocol):
    @property
    def bottleneck(self) -> _Bottleneck | None: ...
    @property
    def restart_hours(self) -> float | None: ...


class _Calendar(Protocol):
    @property
    def week(self) -> tuple[float, ...]: ...


class ProfileLike(Protocol):
    """What is read of a profile; `models.capacity.profiles.Profile` has it."""

    @property
    def calendar(self) -> _Calendar:
        """The usual hours."""

    @property
    def constraints(self) -> _Constraints:
        """Bottleneck and restarts."""

    @property
    def stopping_maintenance(self) -> Sequence[str]:
        """Kinds of maintenance that stop a line."""


@dataclass(frozen=True)
class LineLimits:
    """Limits of one line; without any, all is learnt from its history."""

    bottleneck_hours: float | None = None
    """Hours of the planned rate that the bottleneck can finish on a day."""
    restart_hours: float = 0.0
    """Hours of the planned rate lost on the first day after a shutdown, until the history shows what they are."""
    stopping: tuple[str, ...] = ()
    """Kinds of maintenance during which the line stands."""
    week: tuple[float, ...] | None = None
    """Planned hours of Monday to Sunday, for a line without history."""


NO_LIMITS = LineLimits()


def limits_of(profiles: Mapping[str, ProfileLike], names: Sequence[str | None]) -> tuple[LineLimits, ...]:
    """Return the limits of lines by the names of their profiles; none for a profile that is not given."""
    return tuple(_limits(profiles.get(name or "")) for name in names)


def _limits(profile: ProfileLike | None) -> LineLimits:
    if profile is None:
        return NO_LIMITS
    held = profile.constraints
    return LineLimits(
        bottleneck_hours=None if held.bottleneck is None else float(held.bottleneck.hours),
        restart_hours=float(held.restart_hours or 0.0),
        stopping=tuple(profile.stopping_maintenance),
        week=tuple(map(float, profile.calendar.week)),
    )
