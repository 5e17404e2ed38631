"""The truth behind the tables: a monthly process of failing, of one's own accord or pulled down by others.

    failing in month t:  p = 1 - (1 - own) (1 - contagion)
    own       = logistic(a + u(t)),   u(t) = 0.96 u(t-1) + innovation (own health and the industry's cycle)
    contagion = 1 - exp(-e(t)),       e(t) = 0.88 e(t-1) + sum of weights of linked parties that defaulted in t-1

A party that fails in month t stops paying then; it is in default (90 days later) in month t + 3.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sample_group.columns import Codes, Flags, Floats, Ints, Singles, positions
from sample_group.contagion import Channels
from sample_group.population import GROUP, Population
from sample_group.streams import Streams
from sample_group.true_pd import OwnSurvival
from sample_group.window import Window

__all__ = ["DECAY", "LAG", "PERSISTENCE", "SPREAD", "AtRisk", "Latent", "own_hazard", "simulate"]

PERSISTENCE: Final = 0.96  # of distress, month to month; one value, so that health plus cycle is again AR(1)
HEALTH_SD: Final = 2.0
CYCLE_SD: Final = 0.35
SPREAD: Final = float(np.hypot(HEALTH_SD, CYCLE_SD))
FRAILTY_SD: Final = 0.35
INTERCEPT: Final = -7.9
SIZE_EFFECT: Final = np.array([0.45, 0.2, -0.1, -0.5, 0.1])  # micro, small, medium, large, person
OWNERSHIP_EFFECT: Final = np.array([-0.5, 0.1, 0.0, 0.0, 0.0])  # state, private, foreign, mixed, person
INDUSTRY_EFFECT: Final = np.array(
    [0.0, 0.1, 0.0, -0.4, 0.35, 0.15, 0.0, 0.3, -0.1, 0.0, 0.45, 0.1, -0.1, -0.2, 0.0, 0.0]
)
DECAY: Final = 0.88  # of the excitation, month to month
LAG: Final = 3  # months from stopping to pay to being in default
HORIZON: Final = 12


@dataclass(frozen=True, eq=False)
class Latent:
    """Month by party arrays of the state, and per party when it failed and why."""

    base: Singles  # a
    distress: Singles  # u(t) over its standard deviation
    excitation: Singles  # e(t)
    pd_12m: Singles  # chance that default_on falls into the 12 months after the month's end
    failed: Ints  # month of stopping to pay; the number of months where it never comes
    by_contagion: Flags
    via: Ints
    channel: Codes


@dataclass(frozen=True, eq=False)
class AtRisk:
    """Who can fail when: a company always, a person only in months with an installment due."""

    always: Flags
    persons: Ints
    months: Flags  # month by person

    def in_month(self, month: int) -> Flags:
        """Return one flag per party."""
        now = self.always.copy()
        now[self.persons] = self.months[month]
        return now

    def share_of(self, months: range) -> Singles:
        """Return per party the share of the months in which it can fail; beyond the window as in its last month."""
        share = self.always.astype(np.float32)
        rows = np.minimum(np.array(months), len(self.months) - 1)
        share[self.persons] = self.months[rows].mean(axis=0, dtype=np.float32)
        return share


def own_hazard(base: Singles, distress: Singles) -> Singles:
    """Return the monthly hazard of a party's own making."""
    return (1 / (1 + np.exp(-(base + np.float32(SPREAD) * distress)))).astype(np.float32)


def simulate(streams: Streams, window: Window, people: Population, ways: Channels, at_risk: AtRisk) -> Latent:
    """Run the process over the whole graph, month by month."""
    base = _base(streams, people)
    run = _Run(streams, people, base, window.months)
    survival = OwnSurvival(base[GROUP:], PERSISTENCE, SPREAD, HORIZON - LAG)
    starts = window.month_starts()
    for month in range(window.months):
        open_now = positions(ways.open_on(int(starts[month])))
        run.excite(month, ways, open_now)
        run.fail(month, at_risk.in_month(month))
        run.look_ahead(month, ways, open_now, survival, at_risk)
    return run.finished()


def _base(streams: Streams, people: Population) -> Singles:
    frailty = streams.of("frailty").normal(0, FRAILTY_SD, people.count)
    base = (INTERCEPT + SIZE_EFFECT[people.size] + OWNERSHIP_EFFECT[people.ownership]
            + INDUSTRY_EFFECT[people.industry] + frailty)  # fmt: skip
    base[:GROUP] = -30.0  # the group's own companies do not fail
    return np.asarray(base, dtype=np.float32)


class _Run:
    """The state of the simulation while it runs."""

    def __init__(self, streams: Streams, people: Population, base: Singles, months: int) -> None:
        self.rng = streams.of("latent")
        self.people, self.base, self.months = people, base, months
        shape = (months, people.count)
        self.distress, self.excitation, self.pd = (np.zeros(shape, dtype=np.float32) for _ in range(3))
        self.failed = np.full(people.count, months, dtype=np.int32)
        self.by_contagion = np.zeros(people.count, dtype=np.bool_)
        self.via = np.full(people.count, -1, dtype=np.int32)
        self.channel = np.full(people.count, -1, dtype=np.int8)
        self.strength = np.zeros(people.count, dtype=np.float32)
        self.health = self.rng.standard_normal(people.count, dtype=np.float32)
        self.cycle = self.rng.standard_normal(len(INDUSTRY_EFFECT), dtype=np.float32)
        self.risk = np.zeros(people.count, dtype=np.float32)

    def excite(self, month: int, ways: Channels, open_now: Ints) -> None:
        """Move health and cycles on, and let last month's defaults reach those linked to them."""
        self._drift(month)
        if month == 0:
            return
        now = self.excitation[month - 1] * np.float32(DECAY)
        self.strength *= np.float32(DECAY)
        hits = open_now[self.failed[ways.source[open_now]] == month - 1 - LAG]
        now += np.bincount(ways.hit[hits], ways.weight[hits], minlength=len(now)).astype(np.float32)
        self.excitation[month] = now
        hits = hits[np.argsort(ways.weight[hits], kind="stable")]  # the strongest is written last and stays
        still = self.failed[ways.hit[hits]] == self.months  # what comes later did not bring it down
        hits = hits[still & (ways.weight[hits] > self.strength[ways.hit[hits]])]
        target = ways.hit[hits]
        self.strength[target], self.via[target] = ways.weight[hits], ways.source[hits]
        self.channel[target] = ways.channel[hits]

    def _drift(self, month: int) -> None:
        if month:
            keep, new = np.float32(PERSISTENCE), np.float32(np.sqrt(1 - PERSISTENCE**2))
            self.health = keep * self.health + new * self.rng.standard_normal(
                len(self.health), dtype=np.float32
            )
            self.cycle = keep * self.cycle + new * self.rng.standard_normal(len(self.cycle), dtype=np.float32)
        mixed = HEALTH_SD * self.health + CYCLE_SD * self.cycle[self.people.industry]
        self.distress[month] = (mixed / SPREAD).astype(np.float32)

    def fail(self, month: int, at_risk: Flags) -> None:
        """Draw who fails this month and of which cause."""
        own = own_hazard(self.base, self.distress[month])
        pulled = 1 - np.exp(-self.excitation[month])
        draw = self.rng.random((2, len(own)), dtype=np.float32)
        alive = at_risk & (self.failed == self.months)
        by_own, by_others = draw[0] < own, draw[1] < pulled
        falls = alive & (by_own | by_others)
        self.failed[falls] = month
        self.by_contagion[falls] = ~by_own[falls]
        self.risk = np.where(alive & ~falls, own + pulled, 0).astype(np.float32)

    def look_ahead(
        self, month: int, ways: Channels, open_now: Ints, survival: OwnSurvival, at_risk: AtRisk
    ) -> None:
        """Write the true 12-month PD at the end of the month (see true_pd.py for what is exact in it)."""
        reach = HORIZON - LAG
        source = _coming(self.failed, self.risk, month, reach)
        sent = ways.weight[open_now] * source[ways.source[open_now]]
        pull = np.bincount(ways.hit[open_now], sent, minlength=self.people.count)
        pull += self.excitation[month] * sum(DECAY**step for step in range(1, reach + 1))
        alone = np.log(survival.of(self.base, self.distress[month] * np.float32(SPREAD)))
        ahead = at_risk.share_of(range(month + 1, month + reach + 1))
        self.pd[month] = np.where(self.failed <= month, 1.0, -np.expm1((alone - pull) * ahead))
        self.pd[month, :GROUP] = 0.0

    def finished(self) -> Latent:
        """Return what the run left behind."""
        return Latent(self.base, self.distress, self.excitation, self.pd, self.failed, self.by_contagion, self.via,
                      self.channel)  # fmt: skip


def _coming(failed: Ints, risk: Singles, month: int, reach: int) -> Floats:
    # what a default k months ahead adds to the hazards of the months up to `reach`; sealed ones are certain,
    # later ones happen at today's monthly risk
    added = [sum(DECAY**step for step in range(reach - ahead)) for ahead in range(reach)]
    coming = risk.astype(np.float64) * sum(added[LAG + 1 :])
    for ahead in range(LAG + 1):
        coming[failed == month + ahead - LAG] += added[ahead]
    return coming
