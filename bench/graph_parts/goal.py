"""One line of a benchmark's report: what was done, the figure, the goal, and whether it is met."""

from dataclasses import dataclass

__all__ = ["Goal"]


@dataclass(frozen=True)
class Goal:
    """A figure beside its goal; with `higher` the figure must reach the limit, else stay within it."""

    work: str
    figure: float
    limit: float
    unit: str
    higher: bool = False

    @property
    def met(self) -> bool:
        """Tell whether the figure meets the goal; NaN does not."""
        return self.figure >= self.limit if self.higher else self.figure <= self.limit

    def line(self) -> str:
        """Write goal, figure and verdict."""
        verdict, sign = ("met" if self.met else "MISSED"), (">=" if self.higher else "<=")
        return f"{self.work:<78} {self.figure:>10.2f} {self.unit:<4} goal {sign} {self.limit:g} {verdict}"
