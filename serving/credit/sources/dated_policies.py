"""What the group's dated policies say of a scored party: rule hits, the advice and who decided it, points."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

from pydantic import BaseModel

from models.credit.coverage import CoverageFile
from models.credit.points import PointScale, PointScales
from models.credit.policy import Advice, AdvicePolicy, Policies
from models.credit.rules.evaluate import RuleHit, decide, evaluate_rules
from models.credit.rules.facts import RuleFacts
from models.credit.rules.policy import RuleFile
from serving.credit.sources.kept import KeptByIdentity

__all__ = ["Advised", "DatedPolicies"]

_MOST_DAYS: Final = 4


@dataclass(frozen=True)
class Advised:
    """The advice, what the grade alone would have got, and what decided: the grade or the codes of rules."""

    policy: str
    advice: Advice
    of_grade: Advice
    decided_by: tuple[str, ...]


@dataclass(frozen=True)
class DatedPolicies:
    """The policies by date; the day of an answer is that of its basis: the local one of its zone."""

    advice: Policies
    rules: RuleFile
    points: PointScales
    coverage: CoverageFile

    @cached_property
    def sha256(self) -> str:
        """Return the hash of what the policies say, whatever files they were read from."""
        content = [self.advice, self.rules, self.points, self.coverage]
        text = json.dumps(
            [_plain(part) for part in content], sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def hits(self, facts: RuleFacts, *, on: date) -> tuple[RuleHit, ...]:
        """Return the rules that a party's facts break, and those that could not be checked, worst first."""
        return self._on(on).hits(facts)

    def advise(
        self, grade: str, hits: Sequence[RuleHit], *, on: date, full_quality: bool, in_default: bool
    ) -> Advised:
        """Return the worst of the grade's advice and the rules'."""
        policy = self._on(on).advice
        of_grade = policy.advise(grade, full_quality=full_quality, in_default=in_default)
        decision = decide(of_grade, hits)
        return Advised(policy.name, decision.advice, of_grade, decision.decided_by)

    def points_of(self, log_odds: float, *, on: date) -> int:
        """Return the whole points of log-odds; more points are less risk."""
        scale = self._on(on).points
        return math.floor(scale.offset - scale.factor * log_odds + 0.5)

    @cached_property
    def _days(self) -> dict[date, "_OfDay"]:
        return {}

    def _on(self, day: date) -> "_OfDay":
        """Return what is in force on a day; kept for today, and for the last few days that were asked about again."""
        found = self._days.get(day)
        if found is None:
            found = _OfDay(self, day)
            while len(self._days) >= _MOST_DAYS:
                self._days.pop(next(iter(self._days), day), None)
            self._days[day] = found
        return found


class _OfDay:
    """What is in force on a day: the advice by grade, the scale of points, and what rules say of facts."""

    def __init__(self, policies: DatedPolicies, day: date) -> None:
        self._policies, self._day = policies, day
        self.hits = KeptByIdentity(self._evaluated)

    @cached_property
    def advice(self) -> AdvicePolicy:
        return self._policies.advice.on(self._day)

    @cached_property
    def points(self) -> PointScale:
        return self._policies.points.on(self._day)

    def _evaluated(self, facts: RuleFacts) -> tuple[RuleHit, ...]:
        return evaluate_rules(facts, self._policies.rules, self._day)


def _plain(value: object) -> object:
    """Return JSON values that are the same in every process: what has no order is put into one."""
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
