"""The master scale: from a calibrated PD to a grade."""

import tomllib
from importlib import resources
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Grade", "MasterScale", "group_master_scale"]


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
        bounds = np.array([grade.pd_below for grade in self.grades[:-1]])
        names = np.array([grade.name for grade in self.grades])
        return names[np.searchsorted(bounds, pd, side="right")]


def group_master_scale() -> MasterScale:
    """Read the group's scale that stands beside this module."""
    text = resources.files("models.credit").joinpath("master_scale.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return MasterScale(name=table["name"], grades=tuple(Grade(**grade) for grade in table["grade"]))
