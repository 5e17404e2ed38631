"""What the group's dated policies say of a scored party: rule hits, the advice and who decided it, points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from models.credit.coverage import CoverageFile
from models.credit.points import PointScales
from models.credit.policy import Advice, Policies
from models.credit.rules.evaluate import RuleHit, decide, evaluate_rules
from models.credit.rules.facts import facts_of_row
from models.credit.rules.policy import RuleFile

__all__ = ["Advised", "DatedPolicies", "day_of"]


@dataclass(frozen=True)
class Advised:
    """The advice, what the grade alone would have got, and what decided: the grade or the codes of rules."""

    policy: str
    advice: Advice
    of_grade: Advice
    decided_by: tuple[str, ...]


@dataclass(frozen=True)
class DatedPolicies:
    """The policies by date; the day of an answer is the group's local day, not UTC's."""

    advice: Policies
    rules: RuleFile
    points: PointScales
    coverage: CoverageFile

    def hits(self, facts: Mapping[str, object], *, at: datetime) -> tuple[RuleHit, ...]:
        """Return the rules that a party's facts break, and those that could not be checked, worst first."""
        return evaluate_rules(facts_of_row(facts), self.rules, day_of(at))

    def advise(
        self, grade: str, hits: Sequence[RuleHit], *, at: datetime, full_quality: bool, in_default: bool
    ) -> Advised:
        """Return the worst of the grade's advice and the rules'."""
        policy = self.advice.on(day_of(at))
        of_grade = policy.advise(grade, full_quality=full_quality, in_default=in_default)
        decision = decide(of_grade, hits)
        return Advised(policy.name, decision.advice, of_grade, decision.decided_by)

    def points_of(self, log_odds: float, *, at: datetime) -> int:
        """Return the whole points of log-odds; more points are less risk."""
        exact = self.points.on(day_of(at)).points(np.array([log_odds]))[0]
        return int(np.floor(exact + 0.5))


def day_of(at: datetime) -> date:
    """Return the group's local day of a moment."""
    return at.astimezone().date()
