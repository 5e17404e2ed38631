"""Blocs of votes: the fixpoint in which the votes of controlled parties count wholly for whoever controls them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graph.policy import ControlPolicy

__all__ = ["BASES", "NONE", "ROUNDING", "Basis", "Blocs", "Votes", "resolve"]

NONE: Final = -1
ROUNDING: Final = 1e-9

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Basis(StrEnum):
    """On what control rests."""

    DECLARED = "declared"
    MAJORITY = "majority"
    CONCERT_MAJORITY = "concert_majority"
    RELATIVE = "relative"
    CONCERT_RELATIVE = "concert_relative"


BASES: Final = tuple(Basis)


@dataclass(frozen=True, eq=False)
class Votes:
    """What control is found from, by position of party (n).

    `holder`, `company`, `votes`: direct votes, one row a pair, ordered by company, those in a company summing to at
    most 1; `agreed`: pairs acting in concert; `declared`: pairs (controller, company); `missing`: companies with a holder whose votes are
    unknown; `ends`: parties that nobody controls; `barriers`: parties whose control joins nobody.
    """

    holder: Ints
    company: Ints
    votes: Floats
    agreed: tuple[Ints, Ints]
    declared: tuple[Ints, Ints]
    missing: Bools
    ends: Bools
    barriers: Bools

    @property
    def size(self) -> int:
        """Return the number of parties."""
        return len(self.ends)


class Blocs:
    """Who votes with whom, as far as it has been found. Nodes n and above stand for groups acting in concert."""

    def __init__(self, votes: Votes, rules: ControlPolicy, barred: Bools) -> None:
        self.votes = votes
        self.rules = rules
        self.barred = barred
        size = votes.size
        self.nodes = size + len(np.unique(np.concatenate(votes.agreed)))
        self.parent = np.full(self.nodes, NONE)
        self.root = np.arange(self.nodes)
        self.group = np.arange(self.nodes)
        self.via = np.full(size, NONE)
        self.basis = np.full(size, NONE)
        self.looped = np.zeros(self.nodes, dtype=np.bool_)
        self.exempt = np.zeros(size, dtype=np.bool_)
        self.disputed = np.zeros(size, dtype=np.bool_)
        self._seen_roots = np.full(self.nodes, NONE)
        self._seen_groups = np.full(self.nodes, NONE)
        self._concert = votes.agreed
        self._next_group = size
        self._update()

    def run(self) -> Self:
        """Apply declared control, majorities and, where these find nothing more, relative control, to the fixpoint."""
        while True:
            while self._declared() or self._majorities():
                pass
            if not self._relative():
                return self

    def pending(self) -> Bools:
        """Return the parties that may still come to be controlled (n)."""
        alone = self.parent[: self.votes.size] == NONE
        open_to: Bools = alone & ~self.votes.ends & ~self.looped[: self.votes.size] & ~self.exempt
        return open_to

    def sums(self, label: Ints, wanted: Bools) -> tuple[Ints, Ints, Floats]:
        """Return (company, bloc, votes) of the companies wanted, votes summed by the label of the holder."""
        kept = np.flatnonzero(wanted[self.votes.company])
        company, bloc = self.votes.company[kept], label[self.votes.holder[kept]]
        keys = company * self.nodes + bloc
        # Votes come ordered by company, so that the keys are nearly in order and a stable sort is quick.
        order = np.argsort(keys, kind="stable")
        company, bloc, votes = company[order], bloc[order], self.votes.votes[kept][order]
        first = np.flatnonzero(np.diff(keys[order], prepend=-1))
        return company[first], bloc[first], np.add.reduceat(votes, first) if len(first) else votes

    def members(self, node: int) -> Ints:
        """Return the uncontrolled parties that stand for a root: itself, or those of the group acting in concert."""
        roots = np.flatnonzero((self.group == self.group[node]) & (self.parent == NONE))
        real = roots[(roots < self.votes.size) & ~self.looped[roots]]
        return real if node >= self.votes.size else np.array([node])

    def _declared(self) -> bool:
        source, target = self.votes.declared
        open_to = self.pending()[target]
        source, target = source[open_to], target[open_to]
        joined = _agreeing(target, self.root[source])
        grouped = _agreeing(target, self.group[self.root[source]]) & ~joined
        self.disputed[:] = False
        self.disputed[target[~joined & ~grouped]] = True
        found = self._join(target[joined], self.root[source[joined]], source[joined], Basis.DECLARED)
        heads = self._group_nodes(self.group[self.root[source[grouped]]])
        return self._join(target[grouped], heads, source[grouped], Basis.DECLARED) or found

    def _majorities(self) -> bool:
        wanted = self.pending() & ~self.disputed & self._moved(self.root, self._seen_roots)
        self._seen_roots = self.root
        company, bloc, votes = self.sums(self.root, wanted)
        enough = votes > self.rules.majority + ROUNDING
        company, bloc = company[enough], bloc[enough]
        self.looped[company[company == bloc]] = True
        other = company != bloc
        found = self._join(
            company[other],
            bloc[other],
            self._strongest(company[other], self.root, bloc[other]),
            Basis.MAJORITY,
        )
        return found or self._concert_majorities(self.pending() & ~self.disputed)

    def _concert_majorities(self, wanted: Bools) -> bool:
        label = self.group[self.root]
        wanted = wanted & self._held_in_concert() & self._moved(label, self._seen_groups)
        self._seen_groups = label
        company, bloc, votes = self.sums(label, wanted)
        enough = votes > self.rules.majority + ROUNDING
        company, bloc, votes = company[enough], bloc[enough], votes[enough]
        # Votes that the company's own bloc holds in it must not decide who controls it.
        mine = votes - self._own_votes(company) <= self.rules.majority + ROUNDING
        decided = mine & (self.group[company] == bloc)
        self.looped[company[decided]] = True
        company, bloc = company[~decided], bloc[~decided]
        return self._join(
            company, self._group_nodes(bloc), self._strongest(company, label, bloc), Basis.CONCERT_MAJORITY
        )

    def _relative(self) -> bool:
        wanted = self.pending() & ~self.disputed & ~self.votes.missing & ~self.barred
        company, bloc, several = self.leaders(wanted)
        alone = ~several
        label = self.group[self.root]
        strongest = self._strongest(company, label, bloc)
        heads = self._group_nodes(bloc[several])
        found = self._join(company[alone], self.root[strongest[alone]], strongest[alone], Basis.RELATIVE)
        return self._join(company[several], heads, strongest[several], Basis.CONCERT_RELATIVE) or found

    def leaders(self, wanted: Bools) -> tuple[Ints, Ints, Bools]:
        """Return (company, group, whether several of it hold votes) where a group has relative control."""
        company, bloc, votes = self.sums(self.group[self.root], wanted)
        order = np.lexsort((-votes, company))
        company, bloc, votes = company[order], bloc[order], votes[order]
        first = np.flatnonzero(np.diff(company, prepend=-1))
        known = np.add.reduceat(votes, first) if len(first) else votes
        following = np.append(votes, 0.0)[first + 1] * (np.append(company, NONE)[first + 1] == company[first])
        top = votes[first]
        rules = self.rules
        leads = (top > rules.relative + ROUNDING) & (following < rules.comparable * top)
        leads &= (known > rules.known_above + ROUNDING) & (bloc[first] != self.group[company[first]])
        chosen = first[leads]
        return company[chosen], bloc[chosen], self._several(company[chosen], bloc[chosen], wanted)

    def _several(self, company: Ints, group: Ints, wanted: Bools) -> Bools:
        held, root, _ = self.sums(self.root, wanted)
        counted = np.bincount(_find(company, group, held, self.group[root]), minlength=len(company) + 1)
        return counted[: len(company)] > 1

    def _moved(self, label: Ints, seen: Ints) -> Bools:
        """Tell the companies with a holder that votes with others than when they were last looked at (n)."""
        moved = np.zeros(self.votes.size, dtype=np.bool_)
        moved[self.votes.company[label[self.votes.holder] != seen[self.votes.holder]]] = True
        return moved

    def _held_in_concert(self) -> Bools:
        """Tell the companies with a holder whose group has more than one root (n)."""
        roots = self.root[self.votes.holder]
        sizes = np.bincount(self.group[self.parent == NONE], minlength=self.nodes)
        held = np.zeros(self.votes.size, dtype=np.bool_)
        held[self.votes.company[sizes[self.group[roots]] > 1]] = True
        return held

    def _own_votes(self, company: Ints) -> Floats:
        own = self.root[self.votes.holder] == self.votes.company
        held = np.bincount(self.votes.company[own], weights=self.votes.votes[own], minlength=self.votes.size)
        return held[company].astype(np.float64)

    def _strongest(self, company: Ints, label: Ints, bloc: Ints) -> Ints:
        """Return the direct holder of most votes in each company among those of a bloc; ties go to the first id."""
        target = np.full(self.votes.size, NONE)
        target[company] = bloc
        kept = np.flatnonzero(target[self.votes.company] == label[self.votes.holder])
        holder, held = self.votes.holder[kept], self.votes.company[kept]
        order = np.lexsort((-holder, self.votes.votes[kept], held))
        best = np.full(self.votes.size, NONE)
        best[held[order]] = holder[order]
        return best[company]

    def _group_nodes(self, groups: Ints) -> Ints:
        """Return the node that stands for each group, made when first needed."""
        for label in np.unique(groups[groups < self.votes.size]):
            inside = np.flatnonzero((self.group == label) & (self.parent == NONE))
            made = np.full(len(inside), self._next_group)
            self._concert = (np.append(self._concert[0], made), np.append(self._concert[1], inside))
            self.group[inside] = self.group[self._next_group] = self._next_group
            groups = np.where(groups == label, self._next_group, groups)
            self._next_group += 1
        return groups

    def _join(self, company: Ints, head: Ints, via: Ints, basis: Basis) -> bool:
        """Put companies under the heads of blocs; those under a barrier are only marked."""
        if not len(company):
            return False
        barred = np.zeros(len(company), dtype=np.bool_)
        real = head < self.votes.size
        barred[real] = self.votes.barriers[head[real]]
        self.exempt[company[barred]] = True
        itself = company == head
        self.looped[company[itself]] = True
        kept = ~barred & ~itself
        self.parent[company[kept]] = head[kept]
        self.via[company[kept]] = via[kept]
        self.basis[company[kept]] = BASES.index(basis)
        self._open_loops(company[kept])
        self._update()
        return True

    def _open_loops(self, joined: Ints) -> None:
        """Where parties just joined control one another in a circle, leave the first of them without controller."""
        fresh = np.zeros(self.nodes, dtype=np.bool_)
        fresh[joined] = True
        joined = np.flatnonzero(fresh)
        joined = joined[fresh[self.parent[joined]]]  # a circle runs through parties just joined alone
        ends, place = np.unique(np.concatenate([joined, self.parent[joined]]), return_inverse=True)
        size, count = len(ends), len(joined)
        links = coo_array((np.ones(count), (place[:count], place[count:])), shape=(size, size))
        _, circle = connected_components(links, connection="strong")
        several = np.bincount(circle)[circle] > 1
        first = np.full(size, NONE)
        first[circle[several][::-1]] = ends[several][::-1]
        leaders = first[first != NONE]
        self.parent[leaders] = self.via[leaders] = self.basis[leaders] = NONE
        self.looped[leaders] = True

    def _update(self) -> None:
        root = np.where(self.parent == NONE, np.arange(self.nodes), self.parent)
        while not np.array_equal(above := root[root], root):
            root = above
        self.root = root
        left, right = root[self._concert[0]], root[self._concert[1]]
        self.group = np.arange(self.nodes)
        ends, place = np.unique(np.concatenate([left, right]), return_inverse=True)
        if not len(ends):
            return
        links = coo_array(
            (np.ones(len(left)), (place[: len(left)], place[len(left) :])), shape=(len(ends),) * 2
        )
        _, component = connected_components(links, directed=False)
        highest = np.full(len(ends), NONE)
        np.maximum.at(highest, component, ends)
        # A group that has a node of its own is named by it, so that the label outlasts changes of its members.
        self.group[ends] = highest[component]


def resolve(votes: Votes, rules: ControlPolicy) -> Blocs:
    """Return the blocs of the fixpoint in which every finding of relative control still holds.

    Relative control depends on how the others vote, and these may come together later. A company whose finding the
    final blocs no longer bear out is barred from the rule and everything is found anew, so no answer depends on order.
    """
    barred = np.zeros(votes.size, dtype=np.bool_)
    while True:
        blocs = Blocs(votes, rules, barred).run()
        shaken = _shaken(blocs)
        if not shaken.any():
            return blocs
        barred = barred | shaken


def _shaken(blocs: Blocs) -> Bools:
    found = np.isin(blocs.basis, [BASES.index(Basis.RELATIVE), BASES.index(Basis.CONCERT_RELATIVE)])
    company, bloc, votes = blocs.sums(blocs.group[blocs.root], found)
    mine = blocs.group[blocs.root[company]] == bloc
    size = blocs.votes.size
    held = np.bincount(company[mine], weights=votes[mine], minlength=size)
    others = np.zeros(size)
    np.maximum.at(others, company[~mine], votes[~mine])
    return found & ((others >= blocs.rules.comparable * held) | (held <= blocs.rules.relative + ROUNDING))


def _agreeing(key: Ints, value: Ints) -> Bools:
    """Tell, per row, whether all rows of its key have the same value."""
    if not len(key):
        return np.zeros(0, dtype=np.bool_)
    size = int(key.max()) + 1
    low, high = np.full(size, np.iinfo(np.int64).max), np.full(size, NONE)
    np.minimum.at(low, key, value)
    np.maximum.at(high, key, value)
    agree: Bools = low[key] == high[key]
    return agree


def _find(company: Ints, group: Ints, held: Ints, label: Ints) -> Ints:
    """Return, per (held, label), the place of the same pair in (company, group), or len(company)."""
    if not len(company):
        return np.zeros(len(held), dtype=np.int64)
    width = int(max(group.max(initial=0), label.max(initial=0))) + 1
    keys, wanted = company * width + group, held * width + label
    order = np.argsort(keys)
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][place] == wanted, order[place], len(company))
