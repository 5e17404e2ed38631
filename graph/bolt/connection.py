"""What the store needs of a connection over Bolt, and reads that never see a load in part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from graph.bolt.cypher import STAMP
from graph.errors import GraphChangedError, UnfinishedLoadError

__all__ = ["Connection", "Row", "Run", "Stamp", "answers", "read_stamp", "read_whole"]

T = TypeVar("T")
Row = list[object]
Run = Callable[[str, Mapping[str, object]], list[Row]]
"""Runs a query with its parameters inside a transaction and returns the rows of its result."""

_TRIES: Final = 3


class Connection(Protocol):
    """A database behind a graph server; every failure of the server is a GraphServerError."""

    uri: str

    def read(self, work: Callable[[Run], T], *, bulk: bool = False) -> T:
        """Do work in one reading transaction, again where the failure may pass; `bulk` allows it more time."""

    def ask(self, text: str, given: Mapping[str, object]) -> list[Row]:
        """Ask one reading question in one message there and back, again where the failure may pass."""

    def write(self, work: Callable[[Run], T]) -> T:
        """Do work in one writing transaction, all or nothing, again where the failure may pass."""

    def define(self, text: str) -> None:
        """Run a statement about the schema by itself."""


@dataclass(frozen=True)
class Stamp:
    """How many loads were begun, and whether the last one is unfinished."""

    number: int
    open: bool


def stamp_of(cell: object) -> Stamp:
    """Return the stamp in the cell of a result; a database that never took a load has number 0."""
    if not isinstance(cell, list):
        raise TypeError(f"a stamp was expected, not {type(cell).__name__}")
    number, unfinished = cell
    return Stamp(int(number or 0), bool(unfinished))


def read_stamp(run: Run) -> Stamp:
    """Return the present stamp."""
    return stamp_of(run(STAMP, {})[0][0])


def read_whole(connection: Connection, work: Callable[[Run], T], *, bulk: bool = False) -> T:
    """Read what finished loads have written; a read that a load ran into is done again.

    Raises UnfinishedLoadError, and GraphChangedError where loads follow one another too fast.
    """

    def whole(run: Run) -> tuple[T, bool]:
        before = read_stamp(run)
        if before.open:
            raise UnfinishedLoadError(connection.uri)
        result = work(run)
        return result, read_stamp(run) == before

    for _ in range(_TRIES):
        result, undisturbed = connection.read(whole, bulk=bulk)
        if undisturbed:
            return result
    raise GraphChangedError(connection.uri)


def answers(
    connection: Connection, text: str, given: Mapping[str, object], since: Stamp | None
) -> tuple[Stamp, list[list[Row]]]:
    """Ask a query of `graph.bolt.cypher.stamped`; return the stamp and the rows of each answer.

    A load counts itself before it writes anything, so equal stamps before and after mean that none wrote meanwhile. The
    graph must be as it was at `since`. Raises UnfinishedLoadError and GraphChangedError.
    """
    (first, *cells, last) = (row[0] for row in connection.ask(text, given))
    before, after = stamp_of(first), stamp_of(last)
    if before.open or after.open:
        raise UnfinishedLoadError(connection.uri)
    if before != after or since not in (None, after):
        raise GraphChangedError(connection.uri)
    return after, [list(cell) if isinstance(cell, list) else [] for cell in cells]
