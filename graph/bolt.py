"""What the store needs of a connection over Bolt, and reads that never see a load in part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from graph.cypher import STAMP
from graph.errors import GraphChangedError, UnfinishedLoadError

__all__ = ["Connection", "Row", "Run", "Stamp", "read_since", "read_stamp", "read_whole"]

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

    def write(self, work: Callable[[Run], T]) -> T:
        """Do work in one writing transaction, all or nothing, again where the failure may pass."""

    def define(self, text: str) -> None:
        """Run a statement about the schema by itself."""


@dataclass(frozen=True)
class Stamp:
    """How many loads were begun, and whether the last one is unfinished."""

    number: int
    open: bool


def read_stamp(run: Run) -> Stamp:
    """Return the present stamp; a database that never took a load has number 0."""
    number, unfinished = run(STAMP, {})[0]
    return Stamp(int(str(number or 0)), bool(unfinished))


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


def read_since(connection: Connection, work: Callable[[Run], T], since: Stamp) -> T:
    """Read a graph that must be as it was at a stamp of no open load; else as `read_whole` raises.

    One look afterwards is enough: a load counts itself before it writes anything.
    """

    def still(run: Run) -> T:
        result = work(run)
        now = read_stamp(run)
        if now.open:
            raise UnfinishedLoadError(connection.uri)
        if now != since:
            raise GraphChangedError(connection.uri)
        return result

    return connection.read(still)
