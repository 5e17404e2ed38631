"""The bases of the rows of a book that ask for more than a model's figures, and why others get none."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.errors import UserError
from models.credit.coverage import LendingStage, Line
from serving.access.errors import OutsideScopeError
from serving.credit.books.bases import Bases
from serving.credit.books.rows import BookRows
from serving.credit.errors import NoFeaturesError
from serving.credit.score.basis import Basis
from serving.credit.score.routing import Routed
from serving.credit.score.schemas import ScoreRequest
from serving.errors import FieldProblem
from serving.http.problem_table import problem_of

__all__ = ["BookLookUp", "LookedUp"]

_MOST_OUTSIDE: Final = 1_000
_STORED, _GIVEN = "stored", "given"

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LookedUp:
    """A row that is answered from a basis of its own."""

    basis: Basis
    routed: Routed | None


class BookLookUp:
    """Finds the bases of one book's rows, all of one moment."""

    def __init__(
        self,
        bases: Bases,
        features: Sequence[str],
        *,
        route: Callable[[Basis], Routed | None],
        at: datetime,
    ) -> None:
        self._bases, self._features, self._route, self._at = bases, tuple(features), route, at
        self.first: dict[str, Basis] = {}
        """The first basis of a row of features (given) and of one about a party (stored): their sources are those of all."""
        self.outside: set[str] = set()
        """Parties of others' companies that were asked about, as many as say that somebody tries."""

    def find(self, rows: BookRows, *, one_by_one: bool) -> dict[int, LookedUp]:
        """Return by place the bases of rows about parties and of those with a line, and note why others get none."""
        found: dict[int, LookedUp] = {}
        for place, (party, _, line, stage) in enumerate(rows.words.iter_rows()):
            if not (one_by_one or party is not None or line is not None) or place in rows.problems:
                continue
            try:
                basis = self.of(rows, place, (party, line, stage))
            except UserError as error:
                if isinstance(error, OutsideScopeError) and party and len(self.outside) < _MOST_OUTSIDE:
                    self.outside.add(party)
                basis = self._told(error, party)
            if isinstance(basis, FieldProblem):
                rows.fail(place, basis)
            else:
                found[place] = basis
        return found

    def of(
        self, rows: BookRows, place: int, words: tuple[str | None, str | None, str | None]
    ) -> LookedUp | FieldProblem:
        """Return what one row is answered from. Raises what the bases raise."""
        party, line, stage = words
        x = rows.x[place]
        given = None if party is not None else {
            name: value
            for name, value in zip(self._features, x.tolist(), strict=True)
            if value == value  # noqa: PLR0124 - NaN alone differs from itself
        }  # fmt: skip
        request = ScoreRequest.model_construct(
            party_id=party,
            features=given,
            line=None if line is None else Line(line),
            stage=None if stage is None else LendingStage(stage),
        )
        basis = self._bases.of_row(rows.numbers[place], request, x)
        if isinstance(basis, FieldProblem):
            return basis
        basis = replace(basis, decided_at=self._at)
        self.first.setdefault(_GIVEN if party is None else _STORED, basis)
        return LookedUp(basis, self._route(basis))

    def refuse_empty(
        self, rows: BookRows, answered: NDArray[np.bool_], found: Mapping[int, LookedUp]
    ) -> None:
        """Refuse rows without a basis of their own and without a single value: their answer would say nothing of them."""
        empty = answered & np.isnan(rows.x).all(axis=1)
        for place in np.flatnonzero(empty).tolist():
            if place not in found:
                rows.fail(place, self._told(NoFeaturesError(rows.x.shape[1]), None))
                answered[place] = False

    def _told(self, error: UserError, party: str | None) -> FieldProblem:
        field = "party_id" if party is not None else "features"
        return FieldProblem(field, problem_of(error).slug, error.zh, error.en)
