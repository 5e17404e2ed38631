"""The lines of the factories and how each is meant to run."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from sample_group.companies import COMPANIES
from sample_group.window import Window

__all__ = ["LINES", "Line", "lines_frame"]


@dataclass(frozen=True)
class Line:
    """A line and how it runs."""

    number: int
    org: int
    name: str
    family: str
    unit: str
    planned_rate: float  # units an hour
    process: str  # cell | fibre | sea_salt | well_salt
    stops: tuple[float, ...]  # a day, by reason but planned
    good: float  # share of output that passes
    rests: tuple[tuple[int, int, int], ...]  # planned rests a year: kind, times, days

    @property
    def line_id(self) -> str:
        """Return the id."""
        return f"LINE-{self.number:02d}"

    @property
    def bottleneck(self) -> str:
        """Return what limits the output."""
        return _BOTTLENECK[self.process]

    @property
    def profile(self) -> str:
        """Return the name of the line's industry profile."""
        return _PROFILE[self.process]


_PROFILE: Final = {
    "cell": "cylindrical_cells",
    "fibre": "carbon_fibre",
    "sea_salt": "sea_salt",
    "well_salt": "well_salt",
}
_BOTTLENECK: Final = {
    "cell": "化成与老化：库位决定日产量上限",
    "fibre": "碳化炉：连续运行，停炉后须升温",
    "sea_salt": "天气：蒸发量与降雨",
    "well_salt": "真空蒸发罐",
}
_CELL: Final = (0.16, 0.30, 0.05, 0.015, 0.07)
_FIBRE: Final = (0.05, 0.03, 0.02, 0.015, 0.05)
_SALT: Final = (0.06, 0.02, 0.02, 0.01, 0.01)
LINES: Final = (  # the first of each process first: a small copy keeps these
    Line(1, 7, "圆柱电芯一线 18650", "cell", "piece", 4600, "cell", _CELL, 0.955, ((0, 1, 10), (2, 4, 1))),
    Line(2, 8, "碳纤维一线 T300", "carbon_fibre", "kg", 185, "fibre", _FIBRE, 0.935, ((0, 1, 20), (1, 2, 2))),
    Line(3, 10, "海盐一场", "salt", "t", 600, "sea_salt", _SALT, 0.975, ((0, 1, 25),)),
    Line(4, 10, "井矿盐一线", "salt", "t", 26, "well_salt", _SALT, 0.985, ((0, 1, 12), (1, 3, 1))),
    Line(5, 7, "圆柱电芯二线 21700", "cell", "piece", 6400, "cell", _CELL, 0.948, ((0, 1, 10), (2, 4, 1))),
    Line(6, 6, "圆柱电芯三线 32700", "cell", "piece", 2700, "cell", _CELL, 0.940, ((0, 1, 12), (2, 4, 1))),
    Line(
        7,
        8,
        "碳纤维二线 T700/T800",
        "carbon_fibre",
        "kg",
        120,
        "fibre",
        _FIBRE,
        0.915,
        ((0, 1, 22), (1, 2, 2)),
    ),
    Line(8, 10, "海盐二场", "salt", "t", 830, "sea_salt", _SALT, 0.970, ((0, 1, 25),)),
    Line(9, 10, "井矿盐二线", "salt", "t", 31, "well_salt", _SALT, 0.985, ((0, 1, 12), (1, 3, 1))),
)


def lines_frame(window: Window, lines: tuple[Line, ...]) -> pl.DataFrame:
    """Return the table of lines."""
    return pl.DataFrame(
        {
            "line_id": [line.line_id for line in lines],
            "org_id": [COMPANIES[line.org - 1].org_id for line in lines],
            "name": [line.name for line in lines],
            "family": [line.family for line in lines],
            "unit": [line.unit for line in lines],
            "planned_rate": [float(line.planned_rate) for line in lines],
            "bottleneck": [line.bottleneck for line in lines],
            "profile": [line.profile for line in lines],
            "known_at": [window.start] * len(lines),
        }
    )
