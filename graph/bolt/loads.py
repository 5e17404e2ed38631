"""Loads over Bolt: in batches, by two sessions, never read in part, taken up again after a break."""

import hashlib
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import polars as pl

from graph.bolt.connection import Connection, Row, Run
from graph.bolt.cypher import CLEAR, FENCE, LANES, LOADS, LOCK_LOADS, SET_LOADS, UNDO
from graph.errors import GraphServerError, LoadRunningError, LoadTakenOverError

__all__ = ["CLEARING", "Addition", "Batch", "Load", "Progress", "claimed", "digest", "in_lanes", "progress"]

CLEARING: Final = "clear"
"""The content of the load that removes everything."""
_NONE: Final[tuple[list[Row], ...]] = ([], [[0]])
_FEW: Final = 2000
"""Up to so many rows a second session costs more than it brings."""


@dataclass(frozen=True)
class Batch:
    """A query and its parameters, written in one transaction."""

    text: str
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Addition:
    """What a table adds: how many rows, written in phases, each phase in lanes of batches."""

    rows: int
    phases: Sequence[Sequence[Iterator[Batch]]]


@dataclass(frozen=True)
class Progress:
    """Where the loads stand: how many were begun, whether the last is unfinished, and of what content it is."""

    number: int
    unfinished: bool
    content: str
    owner: str
    quiet: float

    def touches(self, table: str) -> bool:
        """Tell whether rows of a table may be there in part."""
        return self.unfinished and self.content.partition(" ")[0] in {table, CLEARING}


@dataclass
class Load:
    """A load that this process has claimed; `number` is written on all that it adds.

    Each lane's `Load` node is locked by every batch of the lane, so another process that takes the load over waits
    for the batch at work, and the next batch here finds another owner and stops.
    """

    connection: Connection
    digest: str
    owner: str
    number: int
    open: bool

    def write(self, lanes: Sequence[Iterator[Batch]]) -> None:
        """Write batches, each lane in a session of its own; the first write is what makes reads wait."""
        if not self.open:
            self.set(open_=True, owner=self.owner)
        stop = threading.Event()
        with ThreadPoolExecutor(len(lanes)) as pool:
            running = [
                pool.submit(self._write_lane, lane, batches, stop) for lane, batches in enumerate(lanes)
            ]
            try:
                for lane in running:
                    lane.result()
            finally:
                stop.set()

    def set(self, *, open_: bool, owner: str, digest: str | None = None) -> None:
        """Record the state of the load on every lane."""
        self.connection.write(lambda run: self._set(run, open_=open_, owner=owner, digest=digest))
        self.open = open_

    def take_back(self, content: str) -> None:
        """Take back what a load of some content wrote under this number; removing everything is finished instead."""
        for text in CLEAR if content.startswith(CLEARING) else UNDO:
            self.repeat(text)
        self.set(open_=False, owner=self.owner)

    def repeat(self, text: str) -> None:
        """Repeat a query that works on some rows at a time until it counts none."""
        if not self.open:
            self.set(open_=True, owner=self.owner)
        while self._write(0, Batch(text, {})) not in _NONE:
            pass

    def _set(self, run: Run, *, open_: bool, owner: str, digest: str | None) -> None:
        for lane in range(LANES):
            self._check_owner(run, lane)
        kept = self.digest if digest is None else digest
        run(SET_LOADS, {"number": self.number, "open": open_, "digest": kept, "owner": owner})

    def _write_lane(self, lane: int, batches: Iterator[Batch], stop: threading.Event) -> None:
        try:
            for batch in batches:
                if stop.is_set():
                    return
                self._write(lane, batch)
        except BaseException:
            stop.set()
            raise

    def _write(self, lane: int, batch: Batch) -> list[Row]:
        def work(run: Run) -> list[Row]:
            self._check_owner(run, lane)
            return run(batch.text, {**batch.parameters, "load": self.number})

        return self.connection.write(work)

    def _check_owner(self, run: Run, lane: int) -> None:
        if run(FENCE, {"lane": lane}) != [[self.owner]]:
            raise LoadTakenOverError(self.connection.uri)


@contextmanager
def claimed(connection: Connection, content: str, *, lease: float) -> Iterator[Load]:
    """Claim the right to write, and record the load as finished when the block ends well.

    A load of the same `content` that broke off is taken up; one of other content is taken back first. Raises
    LoadRunningError while a writer of other content did something within `lease` seconds.
    """
    load = _claim(connection, content, lease)
    try:
        yield load
    except BaseException:
        # Left open when something was written, but nobody need wait for this writer any more.
        with suppress(GraphServerError):
            load.set(open_=load.open, owner="")
        raise
    load.set(open_=False, owner="", digest="")


def digest(name: str, table: pl.DataFrame) -> str:
    """Return a name for the content of a table, whatever the order of its rows."""
    file = table.sort(table.columns).write_ipc(None)
    return f"{name} {hashlib.sha256(file.getbuffer()).hexdigest()}"


def in_lanes(frame: pl.DataFrame, by: str) -> list[pl.DataFrame]:
    """Split rows into lanes so that no value of column `by` is in two of them."""
    if frame.height <= _FEW:
        return [frame]
    lane = frame[by].hash(seed=0) % LANES
    return [frame.filter(lane == number) for number in range(LANES)]


def progress(run: Run) -> Progress:
    """Return where the loads stand; `quiet` are the seconds since the last writer did something."""
    lanes = run(LOADS, {})
    number, unfinished, content, owner, _ = lanes[0]
    quiet = min(int(str(lane[4])) for lane in lanes) / 1000
    return Progress(int(str(number)), bool(unfinished), str(content), str(owner), quiet)


def _claim(connection: Connection, content: str, lease: float) -> Load:
    owner = secrets.token_hex(8)

    def claim(run: Run) -> Progress:
        run(LOCK_LOADS, {"owner": owner})
        found = progress(run)
        same = found.content == content
        if found.owner and not same and found.quiet < lease:
            raise LoadRunningError(connection.uri, found.quiet)
        # Should this process break off while it takes a load back, the next one must not take that load up.
        half = f"{found.content.partition(' ')[0]} in part" if found.unfinished and not same else content
        run(SET_LOADS, {"number": found.number, "open": found.unfinished, "digest": half, "owner": owner})
        return found

    found = connection.write(claim)
    load = Load(connection, content, owner, found.number, found.unfinished)
    if found.unfinished and found.content != content:
        load.digest = f"{found.content.partition(' ')[0]} in part"
        load.take_back(found.content)
        load.digest = content
    if not load.open:
        load.number += 1
    return load
