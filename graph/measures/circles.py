"""Guarantee circles: parties that guarantee one another round and round, with the amounts, and what each party is in."""

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_array

from graph.errors import MeasureArgumentError
from graph.measures.arcs import row_numbers, values_at
from graph.measures.engine import Engine
from graph.measures.simple_cycles import find_cycles, strong_components
from graph.ontology import Wording
from graph.snapshot import Snapshot

__all__ = ["LIMIT", "LONGEST", "Circles", "CirclesLeftOutWarning", "circle_columns", "circles", "mutual"]

LONGEST: Final = 6
"""The longest circle looked for: longer ones are too many to read, and the size of the component tells of them."""

LIMIT: Final = 1_000_000
"""Circles kept at most; a few dozen parties that all guarantee each other have more than anybody can list."""

_SHORTEST: Final = 2

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class CirclesLeftOutWarning(UserWarning):
    """There are more circles than the limit, so the answer leaves some out."""


@dataclass(frozen=True, eq=False)
class Circles:
    """The circles of one relation kind, each once, by length and then by the ids round the circle.

    `circles`: [circle, length, smallest, total, known_amounts]; `smallest` is the smallest amount round the circle in
    the unit of the kind (how much can go round; null where an amount is unknown), `total` the sum of the known
    amounts, `known_amounts` how many of its `length` amounts are known.
    `members`: [circle, position, id], position 0 being the smallest id, each party guaranteeing the next one and the
    last one the first. `parties`: one row per party, see `circle_columns`.
    `left_out` is None when every circle of up to `longest` parties is there, otherwise it says which are not: all of
    up to `complete_to` parties are.
    """

    kind: str
    longest: int
    complete_to: int
    left_out: Wording | None
    circles: pl.DataFrame
    members: pl.DataFrame
    parties: pl.DataFrame


def circle_columns(kind: str, longest: int = LONGEST) -> tuple[str, ...]:
    """Return the columns of `Circles.parties` besides `id`.

    `<kind>_circles_<k>`: circles of k parties it stands in, k = 2 to `longest`; `<kind>_shortest_circle`: the length
    of the shortest, null without one; `<kind>_circle_amount`: the largest `smallest` among its circles, null without
    one of known amounts; `<kind>_component`: how many parties can be reached from it and reach it, itself included.
    """
    by_length = (f"{kind}_circles_{length}" for length in range(_SHORTEST, longest + 1))
    return (*by_length, f"{kind}_shortest_circle", f"{kind}_circle_amount", f"{kind}_component")


def circles(
    snapshot: Snapshot,
    kind: str = "guarantees",
    *,
    longest: int = LONGEST,
    limit: int = LIMIT,
    engine: Engine = Engine.AUTO,
) -> Circles:
    """Return all simple circles of 2 to `longest` parties along the edges of a kind, parallel edges being one.

    Where there are more than `limit`, the shortest are kept, `left_out` says so and CirclesLeftOutWarning is issued.
    Raises UnknownRelationError, MeasureArgumentError for a length below 2 or a limit below 1, and MissingExtraError.
    """
    _check(longest, limit)
    relation = snapshot.relation(kind)
    labels = strong_components(relation.edges)
    found = find_cycles(relation.edges, labels, longest=longest, limit=limit, engine=engine)
    listed = [_amounts(rows, relation.weights) for _, rows in sorted(found.by_length.items())]
    table = pl.concat([_CIRCLE_SCHEMA.to_frame(), *listed]).with_row_index("circle")
    left_out = None if found.complete_to == longest else _left_out(limit, found.complete_to, longest)
    if left_out is not None:
        warnings.warn(left_out.en, CirclesLeftOutWarning, stacklevel=2)
    return Circles(
        kind=kind,
        longest=longest,
        complete_to=found.complete_to,
        left_out=left_out,
        circles=table.with_columns(pl.col("circle").cast(pl.Int64)),
        members=_members(found.by_length, snapshot.ids),
        parties=_parties(snapshot, kind, longest, by_length=found.by_length, table=table, labels=labels),
    )


def mutual(snapshot: Snapshot, kind: str = "guarantees") -> pl.DataFrame:
    """Return the pairs of parties with an edge each way [first, second, forth, back], `first` being the smaller id.

    `forth` is the amount from first to second and `back` that from second to first, in the unit of the kind, null
    where unknown. Raises UnknownRelationError.
    """
    relation = snapshot.relation(kind)
    rows, columns = row_numbers(relation.edges), relation.edges.indices.astype(np.int64)
    both = (rows < columns) & (values_at(relation.edges, columns, rows) > 0)
    first, second = rows[both], columns[both]
    amounts = {
        "forth": values_at(relation.weights, first, second),
        "back": values_at(relation.weights, second, first),
    }
    pairs = {"first": snapshot.ids.gather(first), "second": snapshot.ids.gather(second)}
    known = [pl.when(pl.col(name) > 0).then(name).alias(name) for name in amounts]
    return pl.DataFrame({**pairs, **amounts}).with_columns(known)


_CIRCLE_SCHEMA: Final = pl.Schema(
    {"length": pl.Int64, "smallest": pl.Float64, "total": pl.Float64, "known_amounts": pl.Int64}
)


def _check(longest: int, limit: int) -> None:
    if longest < _SHORTEST:
        raise MeasureArgumentError(
            "longest", f"应不小于 2，现为 {longest}", f"must be 2 or more, is {longest}"
        )
    if limit < 1:
        raise MeasureArgumentError("limit", f"应不小于 1，现为 {limit}", f"must be 1 or more, is {limit}")


def _left_out(limit: int, complete_to: int, longest: int) -> Wording:
    return Wording(
        zh=f"担保圈多于上限 {limit} 个：不超过 {complete_to} 个主体的圈已全部列出，"
        f"{complete_to + 1} 至 {longest} 个主体的圈未列全，各主体的计数为下限。请提高上限，或缩短圈长。",
        en=f"There are more than {limit} circles: those of up to {complete_to} parties are all listed, those of "
        f"{complete_to + 1} to {longest} are not, and counts per party are lower bounds. Raise the limit, or ask for "
        "shorter circles.",
    )


def _amounts(rows: Ints, weights: csr_array) -> pl.DataFrame:
    """Return length and amounts of the circles of one length (m × k); an amount of 0 is an unknown one."""
    count, length = rows.shape
    following = np.roll(rows, -1, axis=1)
    amounts = values_at(weights, rows.ravel(), following.ravel()).reshape(count, length)
    known = amounts > 0
    smallest = np.where(known.all(axis=1), amounts.min(axis=1), np.nan)
    columns = {
        "length": np.full(count, length),
        "smallest": smallest,
        "total": np.where(known, amounts, 0.0).sum(axis=1),
        "known_amounts": known.sum(axis=1),
    }
    return pl.DataFrame(columns, schema=_CIRCLE_SCHEMA, nan_to_null=True)


def _members(by_length: dict[int, Ints], ids: pl.Series) -> pl.DataFrame:
    """Return who stands where in which circle [circle, position, id]."""
    frames, first = [], 0
    for _, rows in sorted(by_length.items()):
        count, length = rows.shape
        number = np.repeat(np.arange(first, first + count), length)
        position = np.tile(np.arange(length), count)
        frames.append(pl.DataFrame({"circle": number, "position": position, "id": ids.gather(rows.ravel())}))
        first += count
    empty = pl.DataFrame(schema={"circle": pl.Int64, "position": pl.Int64, "id": ids.dtype})
    return pl.concat([empty, *frames])


def _parties(
    snapshot: Snapshot,
    kind: str,
    longest: int,
    *,
    by_length: dict[int, Ints],
    table: pl.DataFrame,
    labels: Ints,
) -> pl.DataFrame:
    size = snapshot.parties
    none = np.zeros(0, dtype=np.int64)
    lengths = range(_SHORTEST, longest + 1)
    counts = [np.bincount(by_length.get(k, none).ravel(), minlength=size).astype(np.float64) for k in lengths]
    shortest, amount = np.full(size, np.nan), np.full(size, -np.inf)
    for length, count in reversed(list(zip(lengths, counts, strict=True))):
        shortest[count > 0] = length
    for length, rows in by_length.items():
        smallest = table.filter(pl.col("length") == length)["smallest"].fill_null(-np.inf).to_numpy()
        np.maximum.at(amount, rows.ravel(), np.repeat(smallest, length))
    component = np.bincount(labels, minlength=1)[labels].astype(np.float64)
    figures = (*counts, shortest, np.where(np.isneginf(amount), np.nan, amount), component)
    columns = dict(zip(circle_columns(kind, longest), figures, strict=True))
    return pl.DataFrame({"id": snapshot.ids, **columns}, nan_to_null=True)
