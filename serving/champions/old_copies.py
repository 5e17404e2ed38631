"""Which fetched versions may go: those that are not new, and that no pointer, no order and no answer of the last half year needs."""

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path

from models.errors import BundleError
from serving.champions.families import CREDIT, FAMILIES, Alias
from serving.champions.store import read_pointer
from serving.champions.switches import Champion, Ordered, SwitchBoard
from serving.ledger.pruning import KEEP_DAYS
from serving.moments import moment_of

__all__ = ["OldCopies", "needed_versions"]


@dataclass(frozen=True)
class OldCopies:
    """The copies below the home's models that were fetched; `keep` is how many stay because they are new."""

    models: Path
    board: SwitchBoard
    keep: int

    def clear(self, fetched: Sequence[str], now: datetime) -> list[str]:
        """Delete the copies (`<folder>/<version>`, the oldest first) that nothing needs any more, and return those that stay.

        While the orders cannot be read nothing goes: one of them may name what would be deleted.
        """
        old = self._older(fetched) - set(self._pointed())
        if not old or not self.board.refresh():
            return list(fetched)
        # Forecasts are answered from published runs; orders name those, and never what was fetched.
        versions = needed_versions(
            self.board, CREDIT, since=now - timedelta(days=KEEP_DAYS), champions=self.keep
        )
        old -= {f"{FAMILIES[CREDIT].folder}/{version}" for version in versions}
        for one in old:
            shutil.rmtree(self.models / one, ignore_errors=True)
        return [one for one in fetched if one not in old]

    def _older(self, fetched: Sequence[str]) -> set[str]:
        """Return what is not among the newest of its folder."""
        found: set[str] = set()
        for folder in {one.partition("/")[0] for one in fetched}:
            mine = [one for one in fetched if one.startswith(f"{folder}/")]
            found.update(mine[: max(0, len(mine) - self.keep)])
        return found

    def _pointed(self) -> Iterator[str]:
        for family in FAMILIES.values():
            for alias in Alias:
                with contextlib.suppress(BundleError):
                    yield f"{family.folder}/{read_pointer(family.pointer(self.models, alias)).folder}"


def needed_versions(board: SwitchBoard, family: str, *, since: datetime, champions: int) -> frozenset[str]:
    """Return the versions of a family that may not be deleted.

    Those that an order names now, those that were to answer at any time after `since` (their answers may be computed
    again), and the newest `champions` that there were, however long ago: a kill or a rollback goes back to them.
    """
    switch, history = board.of(family), board.history(family)
    named = [
        switch.version,
        *(one.version for one in (switch.champion, switch.challenger) if one is not None),
    ]
    last = list(dict.fromkeys(one.version for one in reversed(history)))[:champions]
    answered = [*_answered(history, since), *_answered(board.ordered(family), since)]
    return frozenset(one for one in (*named, *last, *answered) if one is not None)


def _answered(turns: Sequence[Champion | Ordered], since: datetime) -> Iterator[str | None]:
    """Return the versions whose turn had not ended at a moment; a turn ends where the next begins."""
    for one, after in zip_longest(turns, turns[1:]):
        end = moment_of(after.since) if after is not None else None
        if end is None or end > since:
            yield one.version
