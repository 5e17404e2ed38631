"""Companies that hold one another: an order of all parties that ends cycles soonest, and what returns through a cycle."""

from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array, eye_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from graph.measures.arcs import expanded

__all__ = ["CrossHoldings", "factors"]

_SMALL: Final = 200
"""Companies of a cycle up to which its block is inverted whole."""

_LARGE: Final = 6_000
"""Companies of a cycle from which its block is never inverted whole: it would take a gigabyte."""

_CHUNK: Final = 16
"""Right-hand sides solved at once: n × 16 floats are 128 MB at a million parties."""

_ENTRIES: Final = 2_000_000
"""Entries of small blocks that are inverted at once."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class CrossHoldings:
    """The strong components of a matrix W of shares (n × n, row owners, columns summing to 1 at most)."""

    def __init__(self, flow: csr_array) -> None:
        self.flow = flow
        self.components: Ints = np.asarray(connected_components(flow, connection="strong")[1], dtype=np.int64)

    @cached_property
    def order(self) -> Ints:
        """Return the parties (n) in an order in which I − W is triangular but for the blocks of cycles.

        SciPy numbers strong components so that edges run from a higher to a lower or equal number; the factors of the
        matrix in this order fill up only inside the blocks.
        """
        return np.argsort(self.components, kind="stable")

    @cached_property
    def _sizes(self) -> Ints:
        return np.bincount(self.components, minlength=1)

    @cached_property
    def _starts(self) -> Ints:
        return np.cumsum(self._sizes) - self._sizes

    @cached_property
    def _within(self) -> Ints:
        """Return the place of each party among those of its component, by position (n)."""
        within = np.empty(len(self.order), dtype=np.int64)
        within[self.order] = np.arange(len(self.order)) - self._starts[self.components[self.order]]
        return within

    def self_flow(self, parties: Ints) -> Floats:
        """Return Z[i, i] of parties, Z = (I − W)⁻¹: 1 for all that are in no cycle."""
        flow = np.ones(len(parties))
        component = self.components[parties]
        sizes = self._sizes[component]
        for size in np.unique(sizes[(sizes > 1) & (sizes <= _SMALL)]).tolist():
            of_size = np.flatnonzero(sizes == size)
            flow[of_size] = self._small(parties[of_size], size)
        large = np.flatnonzero(sizes > _SMALL)
        for one in np.unique(component[large]).tolist():
            inside = large[component[large] == one]
            flow[inside] = self._large(one, parties[inside])
        return flow

    def _small(self, parties: Ints, size: int) -> Floats:
        """Return Z[i, i] of parties whose cycles all have one size, many blocks inverted at once."""
        cycles, place = np.unique(self.components[parties], return_inverse=True)
        at_once = max(_ENTRIES // size**2, 1)
        parts = (cycles[start : start + at_once] for start in range(0, len(cycles), at_once))
        diagonals = np.concatenate([_inverse_diagonals(self._blocks(part, size)) for part in parts])
        found: Floats = diagonals[place, self._within[parties]]
        return found

    def _blocks(self, cycles: Ints, size: int) -> Floats:
        """Return W within each of some cycles of one size (m × size × size)."""
        members = self.order[self._starts[cycles][:, None] + np.arange(size)].ravel()
        row, column, entries = expanded(self.flow, members)
        inside = self.components[column] == self.components[members[row]]
        blocks = np.zeros((len(cycles), size, size))
        place = row[inside]
        blocks[place // size, place % size, self._within[column[inside]]] = self.flow.data[entries[inside]]
        return blocks

    def _large(self, cycle: int, parties: Ints) -> Floats:
        # A walk that returns to its start never leaves the start's strong component.
        start, size = int(self._starts[cycle]), int(self._sizes[cycle])
        members, places = self.order[start : start + size], self._within[parties]
        block = self.flow[members][:, members]
        solver, found = factors(block, natural=False), np.empty(len(places))
        # Factors of tangled cycles fill up; then LAPACK inverts sooner, at three times 8 × members² bytes.
        if size <= _LARGE and 10 * solver.nnz * len(places) > size**3:
            whole: Floats = _inverse_diagonals(block.todense()[None])[0]
            return whole[places]
        for first in range(0, len(places), _CHUNK):
            chunk = places[first : first + _CHUNK]
            units = np.zeros((size, len(chunk)))
            units[chunk, np.arange(len(chunk))] = 1.0
            found[first : first + _CHUNK] = solver.solve(units)[chunk, np.arange(len(chunk))]
        return found


def factors(flow: csr_array, *, natural: bool = True) -> Any:  # noqa: ANN401 - SciPy publishes no types
    """Return SciPy's factors of I − W, in the order of the rows or, not `natural`, in one of SciPy's choice."""
    system = csc_array(eye_array(flow.shape[0], format="csr") - flow)
    # Columns of flow sum to at most 1, so I − W is an M-matrix: the diagonal is a safe pivot.
    return splu(
        system,
        permc_spec="NATURAL" if natural else "COLAMD",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def _inverse_diagonals(blocks: Floats) -> Floats:
    """Return the diagonals (m × k) of (I − W)⁻¹ of blocks W (m × k × k)."""
    inverses = np.linalg.inv(np.eye(blocks.shape[1]) - blocks)
    return np.diagonal(inverses, axis1=1, axis2=2).astype(np.float64)
