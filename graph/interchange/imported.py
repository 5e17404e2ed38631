"""What an import brings: party records, edge statements, and what could not be carried."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from graph.edges import EDGE_SCHEMA, checked_edges
from graph.errors import UserError
from graph.parties import PARTY_KEY, PARTY_SCHEMA, checked_parties

__all__ = ["LEFT_OUT_SCHEMA", "Imported", "LeftOut", "NotCarriedError", "imported"]

LEFT_OUT_SCHEMA: Final = pl.Schema(
    {"line": pl.Int64, "statement_id": pl.String, "problem": pl.String, "zh": pl.String, "en": pl.String}
)


@dataclass(frozen=True, eq=False)
class Imported:
    """The content of a document: `parties` (PARTY_SCHEMA), `edges` (EDGE_SCHEMA), `left_out` (LEFT_OUT_SCHEMA).

    `left_out` has a row for every statement, or part of one, that the graph does not carry. `line` is the line of
    a file of JSON lines and the place, from 1, in a JSON array; `problem` is a code, `zh` and `en` say what it is.
    """

    parties: pl.DataFrame
    edges: pl.DataFrame
    left_out: pl.DataFrame


class NotCarriedError(UserError):
    """A statement, or a part of one, that the graph does not carry; `code` names the kind of problem."""

    def __init__(self, code: str, *, zh: str, en: str) -> None:
        self.code = code
        super().__init__(zh=zh, en=en)


@dataclass(frozen=True)
class LeftOut:
    """Collects what could not be carried while a document is read."""

    rows: list[tuple[int, str | None, str, str, str]] = field(default_factory=list)

    def add(self, line: int, statement_id: str | None, problem: NotCarriedError) -> None:
        """Note what was left out of the statement on a line, and why."""
        self.rows.append((line, statement_id, problem.code, problem.zh, problem.en))

    def frame(self) -> pl.DataFrame:
        """Return the notes in the order of the document."""
        table = pl.DataFrame(self.rows, schema=LEFT_OUT_SCHEMA, orient="row")
        return table.sort("line", maintain_order=True)


def imported(
    parties: Iterable[Mapping[str, object]], edges: Iterable[Mapping[str, object]], left_out: LeftOut
) -> Imported:
    """Return checked frames, sorted by their keys; columns that a row does not name are null."""
    people = pl.DataFrame(list(parties), schema=PARTY_SCHEMA)
    table = pl.DataFrame(list(edges), schema=EDGE_SCHEMA)
    return Imported(
        parties=checked_parties(people).sort(PARTY_KEY),
        edges=checked_edges(table).sort("edge_id", "known_at"),
        left_out=left_out.frame(),
    )
