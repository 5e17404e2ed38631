"""The master scale: from a calibrated PD to a grade, and where in the grade it stands."""

import tomllib
from functools import cached_property
from importlib import resources
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.special import logit

__all__ = ["Grade", "MasterScale", "group_master_scale"]

_OPEN_WIDTH: Final = 1.0  # log-odds; the width of an open grade of a scale that has no closed one


class Grade(BaseModel):
    """One grade: parties whose PD lies below the bound and not below the bound before."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    pd_below: float = Field(default=1.0, gt=0, le=1)


class MasterScale(BaseModel):
    """Grades from best to worst; every PD in [0, 1] has exactly one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    grades: tuple[Grade, ...]

    @model_validator(mode="after")
    def _bounds_rise_to_one(self) -> Self:
        bounds = [grade.pd_below for grade in self.grades]
        if not bounds or bounds != sorted(set(bounds)) or bounds[-1] != 1.0:
            raise ValueError("pd_below must rise from grade to grade; leave it out in the last grade")
        return self

    def of(self, pd: NDArray[np.float64]) -> NDArray[np.str_]:
        """Return the grade of each PD, same shape."""
        return self._names[self.number(pd)]

    def number(self, pd: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the number of the grade of each PD, same shape; 0 is the best grade."""
        return np.asarray(self._bounds.searchsorted(pd, side="right"), dtype=np.int64)

    @cached_property
    def _names(self) -> NDArray[np.str_]:
        return np.array([grade.name for grade in self.grades])

    @cached_property
    def _bounds(self) -> NDArray[np.float64]:
        """Return the inner bounds, rising."""
        return np.array([grade.pd_below for grade in self.grades[:-1]], dtype=np.float64)

    def rank_within(self, pd: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where each PD stands in its grade, same shape: 0 at the better end, 1 at the worse.

        Measured in log-odds between the grade's bounds, so it needs no reference population and does not move when
        the book does. The two grades at the ends are open: each is taken to be as wide as the closed grade beside it, and
        what lies beyond has rank 0 or 1.
        """
        ends = self._ends()
        number = self.number(pd)
        with np.errstate(divide="ignore"):  # a PD of 0 or 1 lies at the end of its grade
            log_odds = logit(pd)
        width = ends[number + 1] - ends[number]
        return np.asarray(np.clip((log_odds - ends[number]) / width, 0.0, 1.0), dtype=np.float64)

    def _ends(self) -> NDArray[np.float64]:
        """Return the log-odds at which grades begin and end, shape (grades + 1,), the open ends closed."""
        inner = logit(np.array([grade.pd_below for grade in self.grades[:-1]], dtype=np.float64))
        if len(inner) == 0:
            return np.array([-_OPEN_WIDTH, _OPEN_WIDTH])
        widths = np.diff(inner) if len(inner) > 1 else np.array([_OPEN_WIDTH])
        return np.concatenate([[inner[0] - widths[0]], inner, [inner[-1] + widths[-1]]])


def group_master_scale() -> MasterScale:
    """Read the group's scale that stands beside this module."""
    text = resources.files("models.credit").joinpath("master_scale.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return MasterScale(name=table["name"], grades=tuple(Grade(**grade) for grade in table["grade"]))
