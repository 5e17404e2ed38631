"""The graph that portraits are drawn from: the local copy, held outside of scoring, or Neo4j with that copy behind it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeVar

import polars as pl

from graph.errors import EmptyGraphError, GraphServerError, GraphStoreError, MissingExtraError, UserError
from serving.errors import NotReadyError

if TYPE_CHECKING:
    # networkx and the neo4j driver come with these: they are imported by the first question, not by the worker's start.
    from graph.embedded_view import EmbeddedView
    from graph.store import GraphStore, GraphView

__all__ = ["Drawn", "GraphSource", "Remote"]

T = TypeVar("T")
Question = Callable[["GraphView"], T]
Remote = Callable[[], AbstractContextManager["GraphStore"]]
Stamp = tuple[tuple[str, int, int], ...]
_PARTS: Final = "part-*.parquet"
_BYTES_OF_AN_EDGE: Final = 250
"""What an edge takes at the height of a load (measured 120 at rest, with its share of the parties)."""


@dataclass(frozen=True)
class Drawn(Generic[T]):
    """What a question gave, of which day's graph, from which store.

    `problem` says why the server did not answer, `copy_problem` why a newer local copy did not.
    """

    answer: T
    as_of: date
    valid_on: date
    store: Literal["parquet", "neo4j"]
    problem: UserError | None = None
    copy_problem: UserError | None = None


@dataclass(frozen=True)
class _Loaded:
    stamp: Stamp
    view: "EmbeddedView"


class GraphSource:
    """One copy of the graph, loaded by a thread of its own when it is first asked for and when its files change."""

    def __init__(
        self, folder: Path, *, remote: Remote | None, memory_bytes: int, wait_seconds: float
    ) -> None:
        self._folder, self._remote = folder, remote
        self._memory_bytes, self._wait_seconds = memory_bytes, wait_seconds
        self._thread = ThreadPoolExecutor(1, "graph")
        self._turn = threading.Lock()
        self._loaded: _Loaded | None = None
        self._loading: Future[_Loaded] | None = None
        self._broken: tuple[Stamp, UserError] | None = None

    def ask(self, question: Question[T]) -> Drawn[T]:
        """Ask the server where there is one, else, or where it does not answer, the local copy.

        Raises NotReadyError without a copy, while it is being loaded and where it is too large.
        """
        problem: UserError | None = None
        if self._remote is not None:
            try:
                return self._ask_server(self._remote, question)
            except (GraphServerError, EmptyGraphError, MissingExtraError) as error:
                problem = error
        view, broken = self._view()
        return Drawn(question(view), view.as_of, view.valid_on, "parquet", problem, broken)

    def _ask_server(self, remote: Remote, question: Question[T]) -> Drawn[T]:
        with remote() as store:
            newest = store.last_known()
            if newest is None:
                raise EmptyGraphError(self._folder)
            view = store.view(newest)
            return Drawn(question(view), view.as_of, view.valid_on, "neo4j")

    def _view(self) -> "tuple[EmbeddedView, UserError | None]":
        """Return the copy; while a newer one is loaded, or where it cannot be, the last one answers."""
        stamp = _stamp(self._folder)
        with self._turn:
            held = self._loaded
            if held is not None and held.stamp == stamp:
                return held.view, None
            if held is not None and self._broken is not None and self._broken[0] == stamp:
                return held.view, self._broken[1]
            if self._loading is None:
                self._loading = self._thread.submit(self._load, stamp)
            loading = self._loading
        if held is not None:
            return held.view, None
        try:
            return loading.result(self._wait_seconds).view, None
        except (EmptyGraphError, GraphStoreError) as error:
            raise NotReadyError("graph", zh=error.zh, en=error.en) from error
        except TimeoutError as error:
            raise NotReadyError(
                "graph",
                zh="关系图正在载入，请稍后重试。",
                en="the graph is being loaded; ask again in a moment.",
            ) from error

    def _load(self, stamp: Stamp) -> _Loaded:
        try:
            from graph.parquet_store import ParquetStore  # noqa: PLC0415 - imports SciPy, which scoring does not need

            store = ParquetStore(self._folder)
            newest = store.last_known()
            if newest is None:
                raise EmptyGraphError(self._folder)
            self._check_size()
            loaded = _Loaded(stamp, store.view(newest))
        except UserError as error:
            self._broken = (stamp, error)
            raise
        except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            broken = GraphStoreError(self._folder, str(error))
            self._broken = (stamp, broken)
            raise broken from error
        else:
            with self._turn:
                self._loaded = loaded
            return loaded
        finally:
            with self._turn:
                self._loading = None

    def _check_size(self) -> None:
        parts = self._folder.glob(_PARTS)
        edges = sum(int(pl.scan_parquet(part).select(pl.len()).collect().item()) for part in parts)
        needed = edges * _BYTES_OF_AN_EDGE
        if needed > self._memory_bytes:
            have, want = self._memory_bytes >> 20, needed >> 20
            raise NotReadyError(
                "graph",
                zh=f"关系图约需 {want:,} MB 内存，上限为 {have:,} MB。请运维提高 ZHIHENG_GRAPH_MEMORY_MB，"
                "或用 ZHIHENG_NEO4J_URI 指定图数据库。",
                en=f"the graph takes about {want:,} MB, {have:,} MB are allowed. Let the operators raise "
                "ZHIHENG_GRAPH_MEMORY_MB or name a graph server in ZHIHENG_NEO4J_URI.",
            )


def _stamp(folder: Path) -> Stamp:
    """Tell states of the store apart without reading it."""
    found = []
    for path in sorted(folder.rglob(_PARTS)) if folder.is_dir() else ():
        try:
            status = path.stat()
        except FileNotFoundError:  # replaced at this moment
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(found)
