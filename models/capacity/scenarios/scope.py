"""What a part of a scenario means in a given plan: its weeks, lines and products. Unknown ones are named."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.capacity.allocation.problem import PlanLine, PlanProblem, Route
from models.capacity.scenarios.scenario import MOST_VALUABLE, DemandChange, Week
from models.errors import CapacityScenarioError

__all__ = ["Scope"]

_LISTED: Final = 8


@dataclass(frozen=True)
class Scope:
    """A scenario's name, the plan's problem that a part acts on, and the problem before all parts."""

    scenario: str
    problem: PlanProblem
    base: PlanProblem

    def error(self, zh: str, en: str) -> CapacityScenarioError:
        """Return an error that names the scenario."""
        return CapacityScenarioError(self.scenario, zh=zh, en=en)

    def week(self, week: Week) -> int:
        """Return the position of a week. Raises CapacityScenarioError outside the plan."""
        weeks = self.problem.weeks
        at = (week - weeks[0]).days // 7 if isinstance(week, date) else week - 1
        if not 0 <= at < len(weeks):
            raise self.error(
                f"计划中没有周 {week}。请给出第 1 至 {len(weeks)} 周，或 {weeks[0]} 至 {weeks[-1] + timedelta(days=6)} 之间的日期。",
                f"the plan has no week {week}. Give a number from 1 to {len(weeks)}, or a day from {weeks[0]} to "
                f"{weeks[-1] + timedelta(days=6)}.",
            )
        return at

    def span(self, first: Week, weeks: int | None) -> NDArray[np.bool_]:
        """Mark the weeks that are meant, (w,); what lies beyond the plan's end is cut off."""
        begin, count = self.week(first), len(self.problem.weeks)
        place = np.arange(count)
        return (place >= begin) & (place < (count if weeks is None else begin + weeks))

    def line(self, line_id: str) -> PlanLine:
        """Return a line by id or by `@most_valuable`. Raises CapacityScenarioError listing the lines there are."""
        if line_id == MOST_VALUABLE:
            best = max(self.base.lines, key=lambda one: (self.value(one), one.line_id))
            return self.line(best.line_id)
        found = next((one for one in self.problem.lines if one.line_id == line_id), None)
        if found is None:
            raise self._unknown("产线", "line", line_id, [one.line_id for one in self.problem.lines])
        return found

    def lines(self, line_ids: Sequence[str]) -> tuple[PlanLine, ...]:
        """Return lines by id, each once; all where none is named."""
        return tuple(map(self.line, dict.fromkeys(line_ids))) if line_ids else self.problem.lines

    def value(self, line: PlanLine) -> float:
        """Return what the hours of a line of the base could earn if each made its best product, CNY."""
        earned = [
            _hourly(self.base, route, line) for route in self.base.routes if route.line_id == line.line_id
        ]
        return float(np.max(earned, axis=0, initial=0.0) @ line.hours) if earned else 0.0

    def products(self, part: DemandChange) -> NDArray[np.bool_]:
        """Mark the products that a change of demand means, (p,). Raises CapacityScenarioError where there is none."""
        meant = np.ones(len(self.problem.products), dtype=np.bool_)
        for wanted, column, zh in (
            (part.products, "product_id", "产品"),
            (part.families, "family", "产品族"),
            (part.companies, "org_id", "企业"),
        ):
            known = [str(getattr(one, column)) for one in self.problem.products]
            for one in wanted:
                if one not in known:
                    raise self._unknown(zh, column, one, sorted(set(known)))
            meant &= np.array([not wanted or one in wanted for one in known], dtype=np.bool_)
        if not meant.any():
            raise self.error(
                "products、families、companies 合在一起不含任何产品。请去掉其中一项。",
                "no product is in all of `products`, `families` and `companies`. Leave one of them out.",
            )
        return meant

    def routes_to(self, product_id: str) -> list[Route]:
        """Return the routes of a product, the best earning first. Raises CapacityScenarioError where there is none."""
        known = {one.product_id for one in self.problem.routes}
        if product_id not in known:
            raise self._unknown("可生产的产品", "product with a route", product_id, sorted(known))
        found = list(self.problem.routes_of(product_id))
        return sorted(found, key=lambda one: (-one.margin(self.problem.objective), one.line_id))

    def cap(self, cap_id: str) -> int:
        """Return the position of a cap. Raises CapacityScenarioError listing the caps there are."""
        known = [one.cap_id for one in self.problem.caps]
        if cap_id not in known:
            raise self._unknown("限额", "cap", cap_id, known)
        return known.index(cap_id)

    def _unknown(self, zh: str, en: str, name: str, known: Sequence[str]) -> CapacityScenarioError:
        listed = ", ".join(known[:_LISTED]) + (" …" if len(known) > _LISTED else "") if known else "-"
        return self.error(
            f"计划中没有{zh}“{name}”。现有：{listed}。请改正后重试。",
            f"the plan has no {en} '{name}'. There are: {listed}. Correct it and try again.",
        )


def _hourly(problem: PlanProblem, route: Route, line: PlanLine) -> NDArray[np.float64]:
    """Return what an hour of a route earns in each week, (w,), CNY."""
    share = line.good_share if route.good_share is None else np.full_like(line.good_share, route.good_share)
    return np.asarray(route.rate * route.margin(problem.objective) * share, dtype=np.float64)
