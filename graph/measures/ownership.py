"""Who owns how much of whom through all paths: economic look-through, with cycles."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from graph.errors import MeasureArgumentError
from graph.measures.arcs import expanded, row_numbers
from graph.measures.cross_holdings import CrossHoldings, factors
from graph.policy import ControlPolicy
from graph.snapshot import Snapshot

__all__ = ["Ownership", "ShareProblem", "reached"]

_NOISE: Final = 1e-12
"""Integrated shares below this are the rounding of the solver."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SCHEMA: Final = {"direct": pl.Float64, "integrated": pl.Float64, "flag": pl.String}


class ShareProblem(StrEnum):
    """What is wrong with the shares in a company. Through all but the last no look-through passes."""

    SHARES_ABOVE_ONE = "shares_above_one"
    NEGATIVE_SHARE = "negative_share"
    CLOSED_LOOP = "closed_loop"
    MISSING_SHARE = "missing_share"


_REMEDY: Final = {
    ShareProblem.SHARES_ABOVE_ONE: (
        "“{id}”的持股比例合计为 {sum:.4f}，超过 1。请核对各股东的比例与起止日期，撤回重复或过期的记录",
        "The shares in '{id}' sum to {sum:.4f}, above 1. "
        "Check each holder's share and dates, and retract what is double or out of date",
    ),
    ShareProblem.NEGATIVE_SHARE: (
        "“{id}”有负的持股比例。比例应在 0 与 1 之间，请更正该记录",
        "'{id}' has a negative share. Shares lie between 0 and 1; correct the record",
    ),
    ShareProblem.CLOSED_LOOP: (
        "“{id}”所在的循环持股由环内企业持有全部股份，没有环外股东。请补录环外股东或更正比例",
        "'{id}' is in a loop of companies that hold all shares of one another. "
        "Record the holders outside the loop or correct the shares",
    ),
    ShareProblem.MISSING_SHARE: (
        "“{id}”有股东的持股比例未知，经其路径的份额按 0 计。请补录比例",
        "A holder's share in '{id}' is unknown and counts as 0. Record the share",
    ),
}


@dataclass(frozen=True, eq=False)
class Ownership:
    """The ownership of a snapshot, ready to be looked through.

    With W[i, j] the direct share of i in j and Z = (I − W)⁻¹ = I + W + W² + …, the integrated share of i in j is

        y[i, j] = Z[i, j] / Z[i, i]  (i ≠ j),      y[i, i] = 1 − 1 / Z[i, i].

    It is the part of each unit of j's distributed profit that arrives at i, directly or through any chain of
    holdings, counted when it first arrives: paths that pass i again would count i's holding in itself twice. It lies
    between 0 and 1, and for parties that nobody owns it equals (Z W)[i, j], so such owners' shares of a company
    whose shares are all known sum to 1.

    Sources: Brioschi, Buzzacchi & Colombo (1989), Risk capital financing and the separation of ownership and control
    in business groups, J. Banking & Finance 13, 747-772 (Z W); Baldone, Brioschi & Paleari (1998), Ownership measures
    among firms connected by cross-shareholdings (y); Vitali, Glattfelder & Battiston (2011), The network of global
    corporate control, PLoS ONE 6(10) e25995, supporting information 3 (D Z W with D = diag(Z)⁻¹, the same y).

    Shares that sum to between 1 and `tolerance` are rounding and are scaled to 1. Through companies with a
    ShareProblem other than `missing_share` no answer is given: a share is null wherever a path to it passes one.
    """

    snapshot: Snapshot
    direct: csr_array
    """Direct shares as recorded (n × n), row owners."""
    flow: csr_array
    """Direct shares that are looked through: those in unsound companies are left out, rounding is scaled away."""
    unsound: Bools
    """Companies whose owners cannot be looked through (n)."""
    problems: pl.DataFrame
    """[id, share_sum, problem, zh, en], a row for each company whose shares have a problem, in the order of ids."""
    tolerance: float

    @classmethod
    def of(cls, snapshot: Snapshot, *, tolerance: float) -> "Ownership":
        """Prepare the relation `owns` of a snapshot; `tolerance` is ControlPolicy.sum_tolerance, such as 1.0001.

        Raises UnknownRelationError when the snapshot has no such relation and MeasureArgumentError for a tolerance
        below 1.
        """
        if tolerance < 1:
            raise MeasureArgumentError("tolerance", "应不小于 1", "must not be below 1")
        owns = snapshot.relation("owns")
        direct = owns.weights
        sums = _column_sums(direct)
        flow = _scaled(direct, np.where((sums > 1) & (sums <= tolerance), 1 / np.maximum(sums, 1), 1.0))
        marks = {
            ShareProblem.NEGATIVE_SHARE: _columns_with(direct, direct.data < 0),
            ShareProblem.SHARES_ABOVE_ONE: sums > tolerance,
        }
        bad = np.logical_or.reduce(list(marks.values()))
        flow = _scaled(flow, (~bad).astype(np.float64))
        marks[ShareProblem.CLOSED_LOOP] = _closed(flow, tolerance - 1)
        unsound = bad | marks[ShareProblem.CLOSED_LOOP]
        flow = _scaled(flow, (~unsound).astype(np.float64)).copy()  # the pattern is the snapshot's own
        flow.eliminate_zeros()
        marks[ShareProblem.MISSING_SHARE] = _columns_with(direct, direct.data == 0)
        return cls(snapshot, direct, flow, unsound, _problems(snapshot, sums, marks), tolerance)

    @classmethod
    def under(cls, snapshot: Snapshot, policy: ControlPolicy) -> "Ownership":
        """Prepare the relation `owns` with the tolerance of a dated policy."""
        return cls.of(snapshot, tolerance=policy.sum_tolerance)

    def owners_of(self, company: str | int) -> pl.DataFrame:
        """Return [id, direct, integrated, flag], a row for each direct or indirect owner of a company.

        `direct` is 0 for indirect owners; `integrated` is null, and `flag` names the problem, where a path from the
        owner to the company passes an unsound company. Sorted by integrated share, then id. Raises UnknownPartyError.
        """
        place = self._place(company)
        owners = reached(self._direct_t, place)
        above = np.union1d(owners, place)
        column = self._local(above, place, transposed=False)[
            np.searchsorted(above, owners)
        ] / self._cross.self_flow(owners)
        own = owners == place[0]
        column[own] = 1 - 1 / self._cross.self_flow(place)
        blocked = reached(self._direct_t, above[self.unsound[above]])
        direct = _at(self._direct_t, place, owners)
        return self._answer(owners, direct, column, np.isin(owners, blocked))

    def holdings_of(self, owner: str | int) -> pl.DataFrame:
        """Return [id, direct, integrated, flag], a row for each company that a party holds directly or indirectly.

        Columns, nulls and order as in `owners_of`. Raises UnknownPartyError.
        """
        place = self._place(owner)
        companies = reached(self.direct, place)
        below = np.union1d(companies, place)
        row = self._local(below, place, transposed=True)
        flow = row[np.searchsorted(below, place)]
        integrated = row[np.searchsorted(below, companies)] / flow
        integrated[companies == place[0]] = 1 - 1 / flow
        bad = companies[self.unsound[companies]]
        blocked = np.union1d(reached(self.direct, bad), bad)
        direct = _at(self.direct, place, companies)
        return self._answer(companies, direct, integrated, np.isin(companies, blocked))

    def look_through(self, companies: pl.Series, *, least: float = 0.0) -> pl.DataFrame:
        """Return [company, owner, direct, integrated, flag] for many companies: their rows of `owners_of`.

        Rows whose integrated share is below `least` are left out, those that are null are kept. Work and memory grow
        with the rows asked for, not with n². Raises UnknownPartyError.
        """
        frames = [
            self.owners_of(company)
            .filter(pl.col("integrated").is_null() | (pl.col("integrated") >= least))
            .select(
                pl.lit(company, dtype=self.snapshot.ids.dtype).alias("company"),
                pl.col("id").alias("owner"),
                *_SCHEMA,
            )
            for company in companies.to_list()
        ]
        ids = self.snapshot.ids.dtype
        return pl.concat(frames) if frames else pl.DataFrame(schema={"company": ids, "owner": ids, **_SCHEMA})

    def held_values(self, values: Floats) -> Floats:
        """Return, per party, the sum over other parties of its integrated share times their value: Σ y[i, j] v[j] (n).

        `values` (n) are such as net assets in CNY, in the order of ids, an unknown one 0. NaN where a path from the
        party enters an unsound company. Raises MeasureArgumentError for another length or a value that is not finite.
        """
        if values.shape != (self.snapshot.parties,) or not np.isfinite(values).all():
            raise MeasureArgumentError(
                "values",
                "应按图中主体的顺序给出同样多的有限数值",
                "must be as many finite numbers as the graph has parties, in their order",
            )
        everyone = np.arange(self.snapshot.parties)
        order, solved = self._cross.order, np.empty(self.snapshot.parties)
        solved[order] = factors(self.flow[order][:, order]).solve(values[order])
        held: Floats = solved / self._cross.self_flow(everyone) - values
        held[self._enters_unsound] = np.nan
        return held

    def beneficial_owners(self, company: str | int, persons: pl.Series, *, least: float) -> pl.DataFrame:
        """Return the rows of `owners_of` for natural persons who hold `least` or more, or whose share cannot be told.

        `least` is ControlPolicy.beneficial_owner. Shares only: those who control otherwise are told by
        `graph.measures.control`. Source: 受益所有人信息管理办法 (People's Bank and SAMR Order 2024 No. 3), 25 %.
        """
        held = pl.col("integrated").is_null() | (pl.col("integrated") >= least - _NOISE)
        return self.owners_of(company).filter(held & pl.col("id").is_in(persons.implode()))

    def _place(self, party: str | int) -> Ints:
        return self.snapshot.positions(pl.Series("id", [party], dtype=self.snapshot.ids.dtype))

    def _answer(self, parties: Ints, direct: Floats, integrated: Floats, blocked: Bools) -> pl.DataFrame:
        frame = pl.DataFrame(
            {
                "id": self.snapshot.ids.gather(parties),
                "direct": direct,
                "integrated": pl.Series(np.clip(integrated, 0.0, 1.0), nan_to_null=False),
                "blocked": blocked,
            }
        ).with_columns(
            integrated=pl.when(~pl.col("blocked")).then("integrated"),
            flag=pl.when("blocked").then(pl.lit("unsound_path")),
        )
        worth = pl.col("blocked") | (pl.col("integrated") > _NOISE) | (pl.col("direct") != 0)
        answer = frame.filter(worth).select("id", *_SCHEMA)
        return answer.sort(["integrated", "id"], descending=[True, False], nulls_last=True)

    def _local(self, inside: Ints, place: Ints, *, transposed: bool) -> Floats:
        """Solve for one party within parties that hold all its owners, or all its holdings: no path leaves them."""
        order = np.argsort(self._cross.components[inside], kind="stable")
        ordered = inside[order]
        unit, solved = (ordered == place[0]).astype(np.float64), np.empty(len(inside))
        solved[order] = factors(self.flow[ordered][:, ordered]).solve(unit, trans="T" if transposed else "N")
        return solved

    @cached_property
    def _direct_t(self) -> csr_array:
        return self.direct.T.tocsr()

    @cached_property
    def _cross(self) -> CrossHoldings:
        return CrossHoldings(self.flow)

    @cached_property
    def _enters_unsound(self) -> Bools:
        return _mask(reached(self._direct_t, np.flatnonzero(self.unsound)), self.snapshot.parties)


def reached(graph: csr_array, starts: Ints) -> Ints:
    """Return the nodes that one step or more along the stored entries leads to from any of `starts`, sorted."""
    seen = np.zeros(graph.shape[0], dtype=np.bool_)
    frontier, found = np.asarray(starts, dtype=np.int64), [np.zeros(0, dtype=np.int64)]
    while len(frontier):
        following = np.unique(expanded(graph, frontier)[1])
        frontier = following[~seen[following]]
        seen[frontier] = True
        found.append(frontier)
    return np.sort(np.concatenate(found))


def _at(matrix: csr_array, row: Ints, columns: Ints) -> Floats:
    """Return the values of one row at the columns, which are sorted."""
    one = matrix[row]
    values = np.zeros(len(columns))
    values[np.searchsorted(columns, one.indices)] = one.data
    return values


def _mask(places: Ints, size: int) -> Bools:
    mask = np.zeros(size, dtype=np.bool_)
    mask[places] = True
    return mask


def _column_sums(matrix: csr_array) -> Floats:
    return np.bincount(matrix.indices, weights=matrix.data, minlength=matrix.shape[1]).astype(np.float64)


def _columns_with(matrix: csr_array, entries: Bools) -> Bools:
    return _mask(matrix.indices[entries], matrix.shape[1])


def _scaled(matrix: csr_array, factors: Floats) -> csr_array:
    """Return the matrix with each column times its factor."""
    return csr_array(
        (matrix.data * factors[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
    )


def _closed(flow: csr_array, rounding: float) -> Bools:
    """Tell which companies belong to a cycle whose members hold all shares of one another, up to rounding (n)."""
    kept = flow.copy()
    kept.eliminate_zeros()
    count, component = connected_components(kept, connection="strong")
    rows = row_numbers(kept)
    within = component[rows] == component[kept.indices]
    inside = np.bincount(kept.indices[within], weights=kept.data[within], minlength=kept.shape[1])
    leaks = np.bincount(component, weights=np.maximum(1 - inside, 0.0), minlength=count)
    several = np.bincount(component, minlength=count) > 1
    closed: Bools = ((leaks <= rounding) & several)[component] if count else np.zeros(0, dtype=np.bool_)
    return closed


def _problems(snapshot: Snapshot, sums: Floats, marks: dict[ShareProblem, Bools]) -> pl.DataFrame:
    frames = [_problem(snapshot, sums, problem, np.flatnonzero(mask)) for problem, mask in marks.items()]
    return pl.concat(frames).sort("id", "problem")


def _problem(snapshot: Snapshot, sums: Floats, problem: ShareProblem, places: Ints) -> pl.DataFrame:
    zh, en = _REMEDY[problem]
    told = [{"id": str(snapshot.ids[int(place)]), "sum": float(sums[place])} for place in places]
    return pl.DataFrame(
        {
            "id": snapshot.ids.gather(places),
            "share_sum": sums[places],
            "problem": pl.Series([str(problem)] * len(places), dtype=pl.String),
            "zh": pl.Series([zh.format(**one) for one in told], dtype=pl.String),
            "en": pl.Series([en.format(**one) for one in told], dtype=pl.String),
        }
    )
