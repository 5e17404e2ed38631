"""Integer ids for a column of ids: each distinct value once, sorted, and where every row's value stands."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["sorted_positions"]

Ints = npt.NDArray[np.int64]


def sorted_positions(
    values: pl.Series, digest: Callable[[pl.Series], pl.Series] = pl.Series.hash
) -> tuple[pl.Series, Ints]:
    """Return the distinct values, sorted, and the position in them of each value; there is no null among the values.

    Digests (unsigned integers, equal where values are) are sorted in place of the values, which for text is several
    times faster; where two values share a digest, the values themselves are sorted.
    """
    digests = digest(values)
    places = digests.arg_sort().to_numpy()
    in_order = digests.to_numpy()[places]
    first = np.ones(len(places), dtype=bool)
    np.not_equal(in_order[1:], in_order[:-1], out=first[1:])
    ids = values.gather(places[first]).sort()
    # The k-th group in the order of digests holds the value whose digest is the k-th among those of the ids.
    position_of_group = digest(ids).arg_sort().to_numpy()
    positions = np.empty(len(places), dtype=np.int64)
    positions[places] = position_of_group[np.cumsum(first) - 1]
    if (ids.gather(positions) == values).all():
        return ids, positions
    return _by_value(values)


def _by_value(values: pl.Series) -> tuple[pl.Series, Ints]:
    ids = values.unique().sort()
    index = ids.to_frame("id").with_row_index("position")
    found = values.to_frame("id").join(index, on="id", how="left", maintain_order="left")["position"]
    return ids, found.cast(pl.Int64).to_numpy()
