"""Policy by date: from a grade to advice; rules are dated data (`policy.toml`), apart from the model."""

import tomllib
from datetime import date
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import PolicyError

__all__ = ["Advice", "AdvicePolicy", "Policies", "load_policies"]


class Advice(StrEnum):
    """What the policy advises; a person decides."""

    PASS = "pass"  # noqa: S105 - an advice, no password
    MANUAL_REVIEW = "manual_review"
    DECLINE = "decline"


class AdvicePolicy(BaseModel):
    """Advice per grade from a date on."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str
    valid_from: date
    source: str
    pass_: frozenset[str] = Field(alias="pass")
    manual_review: frozenset[str]
    decline: frozenset[str]

    @model_validator(mode="after")
    def _one_advice_a_grade(self) -> Self:
        named = len(self.pass_) + len(self.manual_review) + len(self.decline)
        if named != len(self.pass_ | self.manual_review | self.decline):
            raise ValueError(f"policy {self.name}: a grade stands under two kinds of advice")
        return self

    def advise(self, grade: str, *, full_quality: bool = True, in_default: bool = False) -> Advice:
        """Return the advice for a grade.

        A party in default is declined whatever its grade; less than full quality is never better than manual review.
        """
        if in_default or grade in self.decline:
            return Advice.DECLINE
        if grade in self.pass_ and full_quality:
            return Advice.PASS
        if grade in self.pass_ or grade in self.manual_review:
            return Advice.MANUAL_REVIEW
        raise PolicyError(
            zh=f"政策“{self.name}”没有等级 {grade} 的处理意见。请在政策文件中补充该等级。",
            en=f"Policy '{self.name}' gives no advice for grade {grade}. Add the grade to the policy file.",
        )


class Policies(BaseModel):
    """All dated policies of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: tuple[AdvicePolicy, ...]

    def on(self, day: date) -> AdvicePolicy:
        """Return the policy in force on a day. Raises PolicyError when none is yet."""
        in_force = [entry for entry in self.policy if entry.valid_from <= day]
        if not in_force:
            raise PolicyError(
                zh=f"{day} 尚无生效的政策。请在政策文件中补充 valid_from 不晚于该日的条目。",
                en=f"No policy is in force on {day}. Add an entry whose valid_from is not after it.",
            )
        return max(in_force, key=lambda entry: entry.valid_from)


def load_policies(path: Path | None = None) -> Policies:
    """Read a policy file; without a path the one that stands beside this module."""
    file = path if path is not None else resources.files("models.credit").joinpath("policy.toml")
    try:
        return Policies.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (ValidationError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(
            zh=f"政策文件 {file} 无法使用：{error}。请按注释修正。",
            en=f"Policy file {file} cannot be used: {error}. Correct it as its comments say.",
        ) from error
