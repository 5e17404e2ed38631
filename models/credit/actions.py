"""What follows from a grade: how often it is reviewed, how closely watched, who approves; dated (`actions.toml`)."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.dated import Dated, latest, read_dated
from graph.ontology import Wording
from models.errors import PolicyError

__all__ = ["GradeAction", "GradeActions", "Monitoring", "actions_as_of"]

_BESIDE: Final = Path(__file__).with_name("actions.toml")


class Monitoring(StrEnum):
    """How closely a party is watched between reviews."""

    STANDARD = "standard"
    ENHANCED = "enhanced"
    INTENSIVE = "intensive"


_WATCHED: Final = {
    Monitoring.STANDARD: Wording(zh="常规监测", en="standard monitoring"),
    Monitoring.ENHANCED: Wording(zh="加强监测", en="enhanced monitoring"),
    Monitoring.INTENSIVE: Wording(zh="重点监测", en="intensive monitoring"),
}


class GradeAction(BaseModel):
    """What follows from some grades."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grades: tuple[str, ...] = Field(min_length=1)
    review_months: Annotated[int, Field(ge=1, le=36)]
    monitoring: Monitoring
    approval: Wording

    def text(self, language: str) -> str:
        """Return what follows as a line ("zh…" is Chinese, anything else English)."""
        watched = _WATCHED[self.monitoring].text(language)
        if language.lower().startswith("zh"):
            return f"审批：{self.approval.zh}；每 {self.review_months} 个月复评，{watched}"
        return f"Approval: {self.approval.en}; review every {self.review_months} months, {watched}"


class GradeActions(Dated):
    """What follows from each grade from a day on."""

    name: str
    grade: tuple[GradeAction, ...]

    @model_validator(mode="after")
    def _one_action_a_grade(self) -> Self:
        named = [name for action in self.grade for name in action.grades]
        if len(named) != len(set(named)):
            raise ValueError(f"actions {self.name}: a grade is named twice")
        return self

    def of(self, grade: str) -> GradeAction:
        """Return what follows from a grade. Raises PolicyError for one that the table does not name."""
        for action in self.grade:
            if grade in action.grades:
                return action
        raise PolicyError(
            zh=f"分级管理表“{self.name}”没有等级 {grade}。请在 actions.toml 中补充该等级。",
            en=f"Actions '{self.name}' name no grade {grade}. Add it to actions.toml.",
        )

    def lacking(self, grades: Iterable[str]) -> tuple[str, ...]:
        """Return the grades that the table does not name."""
        named = {name for action in self.grade for name in action.grades}
        return tuple(grade for grade in grades if grade not in named)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actions: tuple[GradeActions, ...]


def actions_as_of(day: date, path: Path | None = None) -> GradeActions:
    """Return the actions in force on a day. Raises PolicyError when the file cannot be used or has none for the day."""
    return latest(read_dated(_File, _BESIDE if path is None else path).actions, day, "actions")
