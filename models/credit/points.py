"""Points: a linear view of the log-odds that a person can add up; more points mean lower risk."""

import math
import tomllib
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import PointScaleError

__all__ = ["PointParts", "PointScale", "PointScales", "WholePoints", "apportion", "load_point_scales"]

_LEVELS: Final = 65_535
_TOLERANCE: Final = 1e-6  # log-odds; what the contributions of a row may miss its log-odds by


@dataclass(frozen=True)
class PointParts:
    """Points of n rows without rounding: base + contributions.sum(axis=1) = points, to float accuracy."""

    points: NDArray[np.float64]
    base: float
    contributions: NDArray[np.float64]


@dataclass(frozen=True)
class WholePoints:
    """Whole points of n rows: base + contributions.sum(axis=1) = points, exactly, with one base for every row."""

    points: NDArray[np.int64]
    base: int
    contributions: NDArray[np.int64]


class PointScale(BaseModel):
    """base_points at base_odds (good : bad), pdo points to double the odds.

    Source: Siddiqi (2017), Intelligent Credit Scoring, chapter 10: points = offset + factor · ln(good : bad), with
    factor = pdo ÷ ln 2 and offset = base_points − factor · ln(base_odds). Log-odds here are those of default, ln(bad : good).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    valid_from: date
    source: str
    base_points: float = Field(allow_inf_nan=False)
    base_odds: float = Field(gt=0, allow_inf_nan=False)
    pdo: float = Field(gt=0, allow_inf_nan=False)

    @property
    def factor(self) -> float:
        """Return the points lost per unit of log-odds of default."""
        return self.pdo / math.log(2.0)

    @property
    def offset(self) -> float:
        """Return the points at even odds."""
        return self.base_points - self.factor * math.log(self.base_odds)

    def points(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the points of log-odds of default, same shape."""
        return self.offset - self.factor * log_odds

    def log_odds(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of default of points, same shape: the inverse of `points`."""
        return (self.offset - points) / self.factor

    def parts(
        self, log_odds: NDArray[np.float64], base_log_odds: float, contributions: NDArray[np.float64]
    ) -> PointParts:
        """Return points (n,), the base and contributions (n, k) in points of a score that is a sum.

        log_odds (n,) = base_log_odds + contributions.sum(axis=1). Raises PointScaleError where that does not hold, as
        points that do not add up explain nothing.
        """
        gap = np.abs(base_log_odds + contributions.sum(axis=1) - log_odds)
        if not np.all(gap <= _TOLERANCE):  # written so that NaN is refused too
            row = int(np.argmax(~(gap <= _TOLERANCE)))
            raise PointScaleError(
                zh=f"第 {row + 1} 行的基准与贡献之和不等于对数几率（差 {gap[row]:.3g}），不能换算成分数。请核查模型的解释。",
                en=f"Row {row + 1}: base and contributions miss the log-odds by {gap[row]:.3g}, so points would not add "
                "up. Check the model's explanation.",
            )
        base = float(self.points(np.array(base_log_odds)))
        return PointParts(self.points(log_odds), base, -self.factor * contributions)

    def whole(
        self, log_odds: NDArray[np.float64], base_log_odds: float, contributions: NDArray[np.float64]
    ) -> WholePoints:
        """Return `parts` in whole points that add up exactly.

        The total is the points rounded half up, the base likewise; what their rounding leaves open goes by one point each
        to the contributions with the largest remainders (Hamilton's method), the earlier feature first among equals. No
        contribution is moved by a point or more, and one that is zero stays zero.
        """
        exact = self.parts(log_odds, base_log_odds, contributions)
        total = np.floor(exact.points + 0.5).astype(np.int64)
        base = math.floor(exact.base + 0.5)
        return WholePoints(total, base, apportion(exact.contributions, total - base))


def apportion(parts: NDArray[np.float64], totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Round parts (n, k) up or down to whole numbers (n, k) so that each row sums to its total (n,).

    The largest remainders are rounded up, the earlier first among those equal to 1/65,535 (Hamilton's method). A total that is more than
    rounding away from the sum of its row belongs to other parts; nobody is to see those as if they added up, so give the
    total of these. Raises PointScaleError where there is a total but no part.
    """
    down = np.floor(parts)
    whole = down.astype(np.int64)
    columns = parts.shape[1]
    open_ = totals - whole.sum(axis=1)
    # Sixteen bits are sorted by radix, twelve times as fast as floats; ceil keeps every remainder above none at all.
    small = _LEVELS - np.ceil((parts - down) * _LEVELS)
    order = np.argsort(small.astype(np.uint16), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(columns), order.shape), axis=1)
    whole += ranks < open_[:, None]
    # A total that float error pushed over a half leaves one point that no remainder asks for.
    left = totals - whole.sum(axis=1)
    for row in np.flatnonzero(left).tolist():
        if columns == 0:
            raise PointScaleError(
                zh="没有任何特征贡献，却有分数需要分摊。请核查模型的解释。",
                en="There are points to share out but no contributions. Check the model's explanation.",
            )
        whole[row, int(np.argmax(np.abs(parts[row])))] += left[row]
    return whole


class PointScales(BaseModel):
    """All dated scales of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: tuple[PointScale, ...]

    def on(self, day: date) -> PointScale:
        """Return the scale in force on a day. Raises PointScaleError when none is yet."""
        in_force = [entry for entry in self.scale if entry.valid_from <= day]
        if not in_force:
            raise PointScaleError(
                zh=f"{day} 尚无生效的分数标尺。请在文件中补充 valid_from 不晚于该日的条目。",
                en=f"No scale of points is in force on {day}. Add an entry whose valid_from is not after it.",
            )
        return max(in_force, key=lambda entry: entry.valid_from)


def load_point_scales(path: Path | None = None) -> PointScales:
    """Read a file of dated scales; without a path the one that stands beside this module."""
    file = path if path is not None else resources.files("models.credit").joinpath("point_scale.toml")
    try:
        return PointScales.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValidationError, tomllib.TOMLDecodeError) as error:
        raise PointScaleError(
            zh=f"分数标尺文件 {file} 无法使用：{error}。请按注释修正。",
            en=f"The file of point scales {file} cannot be used: {error}. Correct it as its comments say.",
        ) from error
