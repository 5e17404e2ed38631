"""What issue 7 asks to be reached: a figure beside its limit, met, missed or not measured."""

from dataclasses import dataclass

__all__ = ["Goal", "not_measured"]


@dataclass(frozen=True)
class Goal:
    """A figure that must not exceed `limit`; with `least` it must lie between both, with `above` it must exceed `limit`.

    A figure of None was not measured and counts as missed; `reason` says why.
    """

    work: str
    figure: float | None
    limit: float
    least: float | None = None
    above: bool = False
    reason: str = ""

    @property
    def met(self) -> bool:
        """Tell whether the figure meets the goal; NaN and what was not measured do not."""
        if self.figure is None:
            return False
        if self.above:
            return self.figure > self.limit
        return self.figure <= self.limit and (self.least is None or self.figure >= self.least)

    def line(self) -> str:
        """Write goal, figure and verdict."""
        if self.figure is None:
            return (
                f"goal {self.work} {self._asked()}: not measured{': ' + self.reason if self.reason else ''}"
            )
        return f"goal {self.work} {self._asked()}: {self.figure:.4f} {'met' if self.met else 'MISSED'}"

    def _asked(self) -> str:
        if self.least is not None:
            return f"{self.least:g} to {self.limit:g}"
        return f"{'>' if self.above else '<='} {self.limit:g}"


def not_measured(work: str, limit: float, reason: str, *, above: bool = False) -> Goal:
    """Return a goal whose figure could not be taken."""
    return Goal(work, None, limit, above=above, reason=reason)
