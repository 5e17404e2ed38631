"""Who controls a company in the end: votes, agreements and acting in concert, followed up to the last controller."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.arcs import row_numbers
from graph.measures.blocs import BASES, NONE, ROUNDING, Basis, Blocs, Votes, resolve
from graph.ontology import PartyKind
from graph.policy import ControlPolicy
from graph.snapshot import Snapshot

__all__ = ["Basis", "Control", "ControlFlag", "find_control"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class ControlFlag(StrEnum):
    """Why no controller is named."""

    NONE_FOUND = "none_found"
    AMBIGUOUS = "ambiguous"
    CYCLE = "cycle"
    MISSING_VOTES = "missing_votes"
    SHARES_ABOVE_ONE = "shares_above_one"


@dataclass(frozen=True, eq=False)
class Control:
    """Who controls each party of a snapshot.

    `frame`: a row for each party in the order of ids, with
    - `id`; `controller`, the ultimate controller, or for a group acting in concert the member with the most votes;
    - `members`, all parties of that group (one where a party controls alone); `controller_kind` where known;
    - `basis`, on what the last step to the party rests (`Basis`); `votes`, the part of the party's votes that its
      controller's bloc holds (0..1, 0 where control is only declared); `chain_length`, the number of steps;
    - `flag` (`ControlFlag`), given instead of a controller. Parties that nobody can control (persons, government, funds)
      have neither controller nor flag.
    """

    snapshot: Snapshot
    frame: pl.DataFrame
    via: Ints
    """The position of the party that the control of each party runs through directly, -1 where there is none (n)."""
    exempt: Bools
    """Parties whose controller was left out as a barrier (n)."""
    _blocs: Blocs

    def chain(self, party: str | int, statements: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return [company, holder, direct_votes, votes, basis, stated_basis], the steps from a party up.

        Each step names the strongest direct holder of the controlling bloc, its own votes and those of the whole bloc.
        `statements`, visible edges, give the stated basis of declared control. No row where nobody controls the party.
        Raises UnknownPartyError.
        """
        steps, place = [], int(self.snapshot.positions(pl.Series([party], dtype=self.snapshot.ids.dtype))[0])
        while self.via[place] != NONE:
            steps.append(place)
            place = int(self.via[place])
        companies = np.array(steps, dtype=np.int64)
        ids, holders = self.snapshot.ids, self.via[companies]
        direct = self._direct_votes(holders, companies)
        frame = pl.DataFrame(
            {"company": ids.gather(companies), "holder": ids.gather(holders), "direct_votes": direct}
        )
        told = self.frame[companies].select("votes", "basis")
        return pl.concat([frame, told], how="horizontal").with_columns(self._stated(frame, statements))

    @cached_property
    def controlled(self) -> Bools:
        """Tell which parties somebody controls (n)."""
        return np.asarray(self.via != NONE)

    def _direct_votes(self, holders: Ints, companies: Ints) -> Floats:
        votes = self._blocs.votes
        size = votes.size
        keys = votes.company * size + votes.holder
        order = np.argsort(keys, kind="stable")
        wanted = companies * size + holders
        place = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
        if not len(keys):
            return np.zeros(len(wanted))
        found: Floats = np.where(keys[order][place] == wanted, votes.votes[order][place], 0.0)
        return found

    def _stated(self, frame: pl.DataFrame, statements: pl.DataFrame | None) -> pl.Series:
        if statements is None or "basis" not in statements.columns:
            return pl.Series("stated_basis", [None] * frame.height, dtype=pl.String)
        stated = statements.filter(pl.col("kind") == "controls").select(
            pl.col("src").alias("holder"),
            pl.col("dst").alias("company"),
            pl.col("basis").alias("stated_basis"),
        )
        one = stated.unique(["holder", "company"], keep="first", maintain_order=True)
        return frame.join(one, on=["holder", "company"], how="left", maintain_order="left")["stated_basis"]


def find_control(
    snapshot: Snapshot,
    policy: ControlPolicy,
    *,
    parties: pl.DataFrame | None = None,
    barriers: frozenset[PartyKind] = frozenset(),
) -> Control:
    """Return the ultimate controller of each party, or a flag where the data does not bear an answer.

    Control is all or nothing along a chain: whoever controls a company casts all of its votes. In turn, until nothing
    more is found: relations `controls` as recorded; more than `majority` of the votes, alone, then by those acting in
    concert (components of `acts_in_concert`, over everything they hold); then more than `relative` with every other
    bloc below `comparable` of the largest, more than `known_above` of the votes known and no holder's unknown. A finding of
    the last kind that the final blocs do not bear out is withdrawn. Circles that only control themselves, companies
    whose votes sum above `sum_tolerance` and controllers recorded against one another are flagged.

    `parties` [party_id, kind] tells who is a person, government or fund: nobody controls those. `barriers` names kinds
    whose control is not followed: a company they control stands for itself (two state-owned companies are not one
    group because the state owns both). Without `parties` both have no effect.

    Sources: 《上市公司收购管理办法》 arts. 83-84 (concert; above 50 %, above 30 %, more than half of the board);
    《公司法》 (2023) art. 265 (2)-(3); the fixpoint is the company control problem of Ceri, Gottlob & Tanca (1990), Logic
    Programming and Databases. Raises UnknownRelationError for a snapshot without owns, controls or acts_in_concert,
    UnknownMeasureError for one of edges with neither votes nor shares, MeasureArgumentError for parties without the two
    columns.
    """
    kinds = _kinds(snapshot, parties)
    ends, walls = _among(kinds, policy.ultimate_kinds), _among(kinds, barriers)
    matrix = snapshot.relation("owns").measure("voting").T.tocsr()
    votes, unsound, sums = _votes(snapshot, matrix, policy, ends, walls)
    blocs = resolve(votes, policy)
    return _told(snapshot, blocs, kinds, _Doubts(unsound, votes.missing, sums))


@dataclass(frozen=True, eq=False)
class _Doubts:
    unsound: Bools
    missing: Bools
    sums: Floats


def _kinds(snapshot: Snapshot, parties: pl.DataFrame | None) -> pl.Series:
    if parties is None:
        return pl.Series("kind", [None] * snapshot.parties, dtype=pl.String)
    for column in ("party_id", "kind"):
        if column not in parties.columns:
            raise MeasureArgumentError("parties", f"缺少列“{column}”", f"lacks the column '{column}'")
    return snapshot.aligned(parties.select("party_id", pl.col("kind").cast(pl.String)), key="party_id")[
        "kind"
    ]


def _among(kinds: pl.Series, wanted: frozenset[PartyKind]) -> Bools:
    found: Bools = kinds.is_in([str(kind) for kind in wanted]).fill_null(value=False).to_numpy()
    return found


def _votes(
    snapshot: Snapshot, matrix: csr_array, policy: ControlPolicy, ends: Bools, walls: Bools
) -> tuple[Votes, Bools, Floats]:
    size = snapshot.parties
    company, holder = row_numbers(matrix).astype(np.int64), matrix.indices.astype(np.int64)
    sums = np.bincount(company, weights=matrix.data, minlength=size).astype(np.float64)
    unsound = sums > policy.sum_tolerance
    unsound[company[matrix.data < 0]] = True
    missing = np.zeros(size, dtype=np.bool_)
    missing[company[matrix.data == 0]] = True
    kept = (matrix.data > 0) & ~unsound[company] & ~ends[company]
    scaled = matrix.data / np.maximum(sums, 1.0)[company]
    left, right = _pairs(snapshot, "acts_in_concert")
    free = ~walls[left] & ~walls[right]
    votes = Votes(
        holder=holder[kept],
        company=company[kept],
        votes=scaled[kept],
        agreed=(left[free], right[free]),
        declared=_pairs(snapshot, "controls"),
        missing=missing,
        ends=ends,
        barriers=walls,
    )
    return votes, unsound, sums


def _pairs(snapshot: Snapshot, kind: str) -> tuple[Ints, Ints]:
    edges = snapshot.relation(kind).edges
    return row_numbers(edges).astype(np.int64), edges.indices.astype(np.int64)


def _told(snapshot: Snapshot, blocs: Blocs, kinds: pl.Series, doubts: _Doubts) -> Control:
    size = snapshot.parties
    root = blocs.root[:size]
    under = (blocs.parent[:size] != NONE) & ~_circular(blocs, root)
    via = np.where(under, blocs.via, NONE)
    heads = np.where(under, root, NONE)
    controller, members = _heads(snapshot, blocs, heads)
    votes = _bloc_votes(blocs)
    bases = np.where(under, _bases(blocs, votes), len(BASES))
    basis = pl.Series([*BASES, None], dtype=pl.String).gather(bases)
    held = pl.Series(votes).set(pl.Series(~under), None)
    length = pl.Series(_lengths(via)).set(pl.Series(~under), None)
    frame = pl.DataFrame(
        {
            "id": snapshot.ids,
            "controller": controller,
            "members": members,
            "basis": basis,
            "votes": held,
            "chain_length": length,
            "flag": _flags(blocs, under, doubts),
        }
    )
    kind_of = pl.DataFrame({"controller": snapshot.ids, "controller_kind": kinds})
    told = frame.join(kind_of, on="controller", how="left", maintain_order="left")
    ordered = ["id", "controller", "members", "controller_kind", "basis", "votes", "chain_length", "flag"]
    return Control(snapshot, told.select(ordered), via, blocs.exempt, blocs)


def _circular(blocs: Blocs, root: Ints) -> Bools:
    """Tell whose root is no controller: a circle, or a group acting in concert whose members all lie in one (n)."""
    empty = blocs.looped.copy()
    for node in np.unique(root[root >= blocs.votes.size]):
        empty[node] = not len(blocs.members(int(node)))
    circular: Bools = empty[root]
    return circular


def _heads(snapshot: Snapshot, blocs: Blocs, heads: Ints) -> tuple[pl.Series, pl.Series]:
    ids, size = snapshot.ids, snapshot.parties
    alone = (heads != NONE) & (heads < size)
    place = np.where(alone, heads, NONE)
    groups: dict[int, list[int]] = {}
    for node in np.unique(heads[heads >= size]):
        groups[int(node)] = _by_votes(blocs, int(node))
        place[heads == node] = groups[int(node)][0]
    listed = [ids.gather(sorted(members)).to_list() for members in groups.values()]
    single = ids.reshape((-1, 1)).arr.to_list() if size else pl.Series(dtype=pl.List(ids.dtype))
    several = pl.concat([single, pl.Series(listed, dtype=pl.List(ids.dtype))])
    # Gathered, not joined: Polars makes room for a list in every row where only one row is joined.
    row = place.copy()
    for number, node in enumerate(groups):
        row[heads == node] = size + number
    return ids.gather(_or_null(place)), several.gather(_or_null(row))


def _or_null(place: Ints) -> pl.Series:
    return pl.Series(place).set(pl.Series(place == NONE), None)


def _by_votes(blocs: Blocs, node: int) -> list[int]:
    """Return the members of a group, who casts most votes in the companies it controls first, then by id."""
    votes = blocs.votes
    inside = blocs.group[blocs.root[votes.company]] == blocs.group[node]
    cast = np.bincount(blocs.root[votes.holder[inside]], weights=votes.votes[inside], minlength=blocs.nodes)
    return sorted(blocs.members(node).tolist(), key=lambda member: (-cast[member], member))


def _bloc_votes(blocs: Blocs) -> Floats:
    votes = blocs.votes
    grouped = np.where(blocs.root >= votes.size, blocs.group[blocs.root], blocs.root)
    ours = np.where(
        blocs.root[votes.company] >= votes.size,
        blocs.group[blocs.root[votes.holder]] == blocs.group[blocs.root[votes.company]],
        grouped[votes.holder] == grouped[votes.company],
    )
    return np.bincount(votes.company[ours], weights=votes.votes[ours], minlength=votes.size).astype(
        np.float64
    )


def _bases(blocs: Blocs, votes: Floats) -> Ints:
    """Return the place in BASES of each party's basis (n): relative control may turn out to be a majority of its bloc."""
    bases = blocs.basis.copy()
    rules = blocs.rules
    for relative, majority in (
        (Basis.RELATIVE, Basis.MAJORITY),
        (Basis.CONCERT_RELATIVE, Basis.CONCERT_MAJORITY),
    ):
        found = (bases == BASES.index(relative)) & (votes > rules.majority + ROUNDING)
        more = found & (votes - _votes_beneath(blocs, found) > rules.majority + ROUNDING)
        bases[more] = BASES.index(majority)
    return bases


def _votes_beneath(blocs: Blocs, wanted: Bools) -> Floats:
    """Return the votes in each company wanted that companies under its own control hold (n)."""
    votes = blocs.votes
    rows = np.flatnonzero(wanted[votes.company])
    company, above = votes.company[rows], votes.holder[rows]
    beneath = np.zeros(len(rows), dtype=np.bool_)
    while (above != NONE).any():
        beneath |= above == company
        above = np.where((above == NONE) | beneath, NONE, blocs.parent[above])
    held = np.bincount(company[beneath], weights=votes.votes[rows[beneath]], minlength=votes.size)
    return held.astype(np.float64)


def _lengths(via: Ints) -> Ints:
    """Return the number of steps from each party up to the end of its chain (n), by pointer doubling."""
    pointer = np.append(np.where(via == NONE, len(via), via), len(via))
    steps = np.append((via != NONE).astype(np.int64), 0)
    while (pointer != len(via)).any():
        steps = steps + steps[pointer]
        pointer = pointer[pointer]
    return steps[:-1]


def _flags(blocs: Blocs, under: Bools, doubts: _Doubts) -> pl.Series:
    size = blocs.votes.size
    rules = blocs.rules
    company, _, votes = blocs.sums(blocs.group[blocs.root], np.ones(size, dtype=np.bool_))
    largest = np.zeros(size)
    np.maximum.at(largest, company, votes)
    circular = blocs.looped[:size] | ((blocs.parent[:size] != NONE) & ~under)
    thin = (doubts.sums > 0) & (doubts.sums <= rules.known_above + ROUNDING)
    reasons = (
        (ControlFlag.CYCLE, circular),
        (ControlFlag.SHARES_ABOVE_ONE, doubts.unsound),
        (ControlFlag.AMBIGUOUS, blocs.disputed),
        (ControlFlag.MISSING_VOTES, doubts.missing | thin),
        (ControlFlag.AMBIGUOUS, largest >= rules.relative),
    )
    none = under | blocs.votes.ends | blocs.exempt
    chosen = np.select(
        [none, *(mask for _, mask in reasons)], [0, *range(1, len(reasons) + 1)], len(reasons) + 1
    )
    names = [None, *(str(flag) for flag, _ in reasons), str(ControlFlag.NONE_FOUND)]
    return pl.Series(names, dtype=pl.String).gather(chosen)
