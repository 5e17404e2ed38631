"""What the rows of a book were answered from, read back from what was kept of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Final, Self

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter

from features.credit.standing import Standing
from models.credit.rules.facts import RuleFacts
from serving.credit.books.bases import BookTerms
from serving.credit.books.kept import KeptBook
from serving.credit.books.run import BASIS, INPUTS_FILE, ROWS_FILE
from serving.credit.score.basis import Basis, Bounds, Sources
from serving.credit.score.routing import Pooled
from serving.credit.score.schemas import PartyOverride, ScoreRequest
from serving.errors import FieldProblem
from serving.ledger.chain import Json

__all__ = ["KeptBases", "sources_of"]

_AT_ONCE: Final = 4_096
_ERRORS: Final = ("error_field", "error_rule", "error_message")
_SOURCES: Final = TypeAdapter(Sources)
_BOUNDS: Final = TypeAdapter(Bounds)

Floats = NDArray[np.float64]


class _Beside(BaseModel):
    """What stands in the column BASIS of a row about a party."""

    model_config = ConfigDict(extra="forbid")

    standing: Standing
    facts: RuleFacts | None
    lines: tuple[str, ...] | None
    pooled: Pooled | None
    neighbours_scored: bool
    override: PartyOverride | None = None


_GIVEN: Final = _Beside(
    standing=Standing.AT_RISK, facts=None, lines=None, pooled=None, neighbours_scored=True
)
"""Of features that a caller gives nothing else is known."""


class _Cursor:
    """The rows of a file one after the other, found by their number, which grows."""

    def __init__(self, file: pq.ParquetFile, columns: Sequence[str]) -> None:
        self._rows = _rows(file, columns)
        self._row = next(self._rows, None)

    def take(self, number: int) -> tuple[object, ...] | None:
        """Return what stands behind the number of a row, None where there is no such row."""
        while self._row is not None and int(str(self._row[0])) < number:
            self._row = next(self._rows, None)
        return self._row[1:] if self._row is not None and self._row[0] == number else None


class KeptBases:
    """Bases of that day; a row about a party that got none then gets none again, for the reason that was told."""

    def __init__(self, kept: KeptBook, terms: BookTerms) -> None:
        record, self._features = kept.decision.record, terms.features if terms.model is not None else ()
        self._folder, self._has_inputs = kept.folder, INPUTS_FILE in kept.hashes
        self._sources = sources_of(record)
        self._at = datetime.fromisoformat(kept.decision.recorded_at)
        self._bounds = {
            name: _BOUNDS.validate_python(part["bounds"]) for name, part in _kinds(record).items()
        }
        # Rules read no neighbours' scores, and say so of every row.
        self._given = _GIVEN.model_copy(update={"neighbours_scored": terms.model is not None})
        self._open = ExitStack()

    def __enter__(self) -> Self:
        told = self._open.enter_context(pq.ParquetFile(self._folder / ROWS_FILE))
        self._told = _Cursor(told, ("row", *_ERRORS))
        self._inputs: _Cursor | None = None
        if self._has_inputs:
            inputs = self._open.enter_context(pq.ParquetFile(self._folder / INPUTS_FILE))
            self._inputs = _Cursor(inputs, ("row", BASIS, *self._features))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def of_row(self, number: int, request: ScoreRequest, x: Floats) -> Basis | FieldProblem:
        """Return the basis of a row as it was, or why it got none."""
        if request.party_id is None:
            return self._basis(request, self._given, x, "given")
        found = self._inputs.take(number) if self._inputs is not None else None
        if found is None:
            return self._problem(number)
        text, *values = found
        known = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        return self._basis(request, _Beside.model_validate_json(str(text), strict=False), known, "stored")

    def _basis(self, request: ScoreRequest, beside: _Beside, values: Floats, kind: str) -> Basis:
        return Basis(
            party_id=request.party_id,
            line=request.line,
            stage=request.stage,
            features=self._features,
            values=values if self._features else np.empty(0),
            standing=beside.standing,
            facts=beside.facts,
            lines=beside.lines,
            pooled=beside.pooled,
            neighbours_scored=beside.neighbours_scored,
            paths=(),
            sources=self._sources[kind],
            bounds=self._bounds[kind],
            decided_at=self._at,
            override=beside.override,
        )

    def _problem(self, number: int) -> FieldProblem:
        field, rule, message = (
            None if part is None else str(part) for part in self._told.take(number) or (None,) * 3
        )
        if field is None or rule is None or message is None:
            return FieldProblem(
                "party_id",
                "basis_not_kept",
                "没有保留该行的依据",
                "nothing was kept of what this row was answered from",
            )
        zh, en = message.removeprefix(f"{field}："), message.removeprefix(f"{field}: ")
        return FieldProblem(field, rule, zh, en)


def sources_of(record: Mapping[str, Json]) -> dict[str, Sources]:
    """Return by kind of row (given, stored) which versions it was answered from."""
    return {name: _SOURCES.validate_python(part["sources"]) for name, part in _kinds(record).items()}


def _kinds(record: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    found = record.get("basis")
    kinds = found if isinstance(found, Mapping) else {}
    return {name: part for name, part in kinds.items() if isinstance(part, Mapping)}


def _rows(file: pq.ParquetFile, columns: Sequence[str]) -> Iterator[tuple[object, ...]]:
    for batch in file.iter_batches(_AT_ONCE, columns=list(columns), use_threads=False):
        yield from pl.DataFrame(batch).select(columns).iter_rows()
