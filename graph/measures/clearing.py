"""Who can still pay whom: the clearing vector of Eisenberg and Noe, by the fictitious default algorithm."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array, diags_array, eye_array
from scipy.sparse.linalg import bicgstab, spsolve

from graph.errors import MeasureArgumentError
from graph.neighbours import row_sums

__all__ = ["Clearing", "clear", "single_failures_cleared"]

_ROUNDING: Final = 1e-10
"""Relative shortfall below which a party has paid: what floating point makes of a party that pays exactly all."""

_DIRECT: Final = 300
"""Parties in default up to which the system is solved directly; above, its factors fill the memory of a large network."""

_PRECISION: Final = 1e-13

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Clearing:
    """What is paid when nobody can pay more than it has, in the unit of the obligations; arrays over parties (n).

    `owed` are the obligations and `paid` the greatest clearing vector; `shortfall` = owed - paid; `round` is the round
    of the algorithm in which a party defaulted (1: even if all others pay), 0 for those that pay in full; `loss` is
    what a party does not receive; `equity` what it has left after paying.
    """

    owed: Floats
    paid: Floats
    shortfall: Floats
    round: Ints
    loss: Floats
    equity: Floats

    @property
    def defaulted(self) -> Ints:
        """Return the positions of the parties that do not pay in full."""
        return np.flatnonzero(self.round > 0)


def clear(obligations: csr_array, assets: Floats) -> Clearing:
    """Return the greatest clearing vector of a network of debts, in at most n rounds, exact but for rounding.

    `obligations[i, j]` is what i owes j (n × n) and `assets` (n) what parties have from outside, both not negative and in
    one unit. Everybody pays all it owes or all it has (limited liability, absolute priority of debt), each creditor in
    proportion to what it is owed. Source: Eisenberg, Noe 2001, "Systemic Risk in Financial Systems", Management Science
    47(2): fictitious default; each round solves one sparse linear system over the parties in default so far. Among
    several clearing vectors it is the greatest. Raises MeasureArgumentError for negative or not finite input, for debts
    of a party to itself, and for assets of another length.
    """
    _check(obligations, assets)
    debts = _Debts.of(obligations)
    return _cleared(debts, assets, np.zeros(len(assets), dtype=np.int64), debts.owed)


@dataclass(frozen=True, eq=False)
class _Debts:
    """Obligations made ready: what each owes, its creditors' shares of it (n × n), and the transpose of these."""

    owed: Floats
    shares: csr_array
    shares_t: csr_array

    @classmethod
    def of(cls, obligations: csr_array) -> "_Debts":
        owed = row_sums(obligations)
        scale = np.divide(1.0, owed, out=np.zeros(len(owed)), where=owed > 0)
        shares = csr_array(diags_array(scale) @ obligations.astype(np.float64))
        return cls(owed, shares, shares.T.tocsr())


def _cleared(debts: _Debts, assets: Floats, start: Ints, guess: Floats) -> Clearing:
    """Run the algorithm from the defaults in `start` (their rounds), which must be a subset of the final ones."""
    owed, in_round = debts.owed, start.copy()
    paid = _paid(debts, assets, in_round, guess)
    while True:
        has = assets + debts.shares_t @ paid
        newly = (in_round == 0) & (has < owed * (1 - _ROUNDING))
        if not newly.any():
            break
        in_round[newly] = in_round.max(initial=0) + 1
        paid = _paid(debts, assets, in_round, paid)
    received = debts.shares_t @ paid
    return Clearing(
        owed=owed,
        paid=paid,
        shortfall=owed - paid,
        round=in_round,
        loss=np.maximum(debts.shares_t @ owed - received, 0.0),
        equity=np.maximum(assets + received - paid, 0.0),
    )


def _paid(debts: _Debts, assets: Floats, in_round: Ints, guess: Floats) -> Floats:
    """Return payments when exactly the parties with a round are in default: these pay all they have."""
    failed = np.flatnonzero(in_round)
    paid = debts.owed.copy()
    if not len(failed):
        return paid
    paid[failed] = 0.0
    sure = assets[failed] + (debts.shares_t @ paid)[failed]
    among = debts.shares_t[failed][:, failed]
    # Solvable: parties that only owe each other cannot all be short of what they owe each other.
    system = csr_array(eye_array(len(failed), format="csr") - among)
    paid[failed] = np.clip(_solved(system, sure, guess[failed]), 0.0, debts.owed[failed])
    return paid


def _solved(system: csr_array, right: Floats, guess: Floats) -> Floats:
    if len(right) > _DIRECT:
        # The system is diagonally dominant by columns, so this converges; where rounding stops it, factors are exact.
        found, trouble = bicgstab(system, right, x0=guess, rtol=_PRECISION, atol=0.0, maxiter=2000)
        if trouble == 0:
            return np.asarray(found, dtype=np.float64)
    return np.asarray(spsolve(system.tocsc(), right), dtype=np.float64)


def single_failures_cleared(
    obligations: csr_array, assets: Floats, *, parties: Ints | None = None
) -> pl.DataFrame:
    """Return what the loss of all outside assets of one party leads to, each party alone.

    `parties` (positions) chooses who fails, by default everybody that owes something. Returns [position, own_shortfall,
    others_loss, defaults, rounds]: beyond the clearing without a failure, what it pays less, what the others do not
    receive in all, how many others default in addition, and in how many rounds (1: those it brings down itself). A party
    that can pay out of what it receives is not solved for; otherwise the defaults without failure are the start, as losing
    assets only adds to them. Raises MeasureArgumentError as `clear` does.
    """
    base = clear(obligations, assets)
    debts = _Debts.of(obligations)
    failing = np.flatnonzero(base.owed > 0) if parties is None else np.asarray(parties, dtype=np.int64)
    received = debts.shares_t @ base.paid
    rows = [_failure(debts, assets, base, party, received) for party in failing.tolist()]
    return pl.DataFrame(rows, schema=_FAILURE_SCHEMA, orient="row")


_FAILURE_SCHEMA: Final = pl.Schema(
    {
        "position": pl.Int64,
        "own_shortfall": pl.Float64,
        "others_loss": pl.Float64,
        "defaults": pl.Int64,
        "rounds": pl.Int64,
    }
)


def _failure(
    debts: _Debts, assets: Floats, base: Clearing, party: int, received: Floats
) -> tuple[int, float, float, int, int]:
    if assets[party] == 0 or received[party] >= debts.owed[party]:
        return party, 0.0, 0.0, 0, 0
    left = assets.copy()
    left[party] = 0.0
    start = (base.round > 0).astype(np.int64)
    result = _cleared(debts, left, start, base.paid)
    new = (result.round > 0) & (base.round == 0)
    new[party] = False
    losses = result.loss - base.loss
    losses[party] = 0.0
    rounds = int((result.round[new] - result.round[party]).max(initial=0))
    return party, float(base.paid[party] - result.paid[party]), float(losses.sum()), int(new.sum()), rounds


def _check(obligations: csr_array, assets: Floats) -> None:
    if assets.shape != (obligations.shape[0],):
        raise MeasureArgumentError("assets", "应与主体数等长", "must have one value per party")
    for name, values in (("obligations", obligations.data), ("assets", assets)):
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            raise MeasureArgumentError(
                name,
                f"含有负值或非有限值（{values[bad][0]}）",
                f"hold a value that is negative or not finite ({values[bad][0]})",
            )
    own = np.flatnonzero(obligations.diagonal())
    if len(own):
        raise MeasureArgumentError(
            "obligations", f"中第 {own[0]} 个主体欠自身债务", f"let party {own[0]} owe itself"
        )
