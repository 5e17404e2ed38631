"""True relations between parties as arrays: what holds from when to when, whoever knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sample_group.columns import NO_DAY, Codes, Floats, Ints

__all__ = ["KINDS", "ROLES", "Links", "concat", "links"]

KINDS: Final = ("owns", "guarantees", "supplies", "holds_position", "family_of")
ROLES: Final = ("legal_representative", "director", "supervisor", "executive")


@dataclass(frozen=True, eq=False)
class Links:
    """Relations src -> dst; `end` is NO_DAY while one still holds, NaN and -1 mean not applicable."""

    kind: Codes
    src: Ints
    dst: Ints
    start: Ints
    end: Ints
    share: Floats
    amount: Floats
    role: Codes

    def __len__(self) -> int:
        return len(self.src)

    def take(self, where: slice) -> "Links":
        """Return a slice of the relations."""
        return Links(*(getattr(self, field)[where] for field in self.__dataclass_fields__))


def links(kind: str, src: Ints, dst: Ints, start: Ints, **optional: Floats | Ints | Codes) -> Links:
    """Return relations of one kind; give `end`, `share`, `amount`, `role` where they apply. Self-loops fall out."""
    count, keep = len(src), src != dst
    columns: dict[str, NDArray[Any]] = {
        "kind": np.full(count, KINDS.index(kind), dtype=np.int8),
        "src": src.astype(np.int32),
        "dst": dst.astype(np.int32),
        "start": start.astype(np.int32),
        "end": np.asarray(optional.get("end", np.full(count, NO_DAY)), dtype=np.int32),
        "share": np.asarray(optional.get("share", np.full(count, np.nan)), dtype=np.float64),
        "amount": np.asarray(optional.get("amount", np.full(count, np.nan)), dtype=np.float64),
        "role": np.asarray(optional.get("role", np.full(count, -1)), dtype=np.int8),
    }
    return Links(**{name: column[keep] for name, column in columns.items()})


def concat(parts: Sequence[Links]) -> Links:
    """Return all relations one after another."""
    fields = Links.__dataclass_fields__
    return Links(**{field: np.concatenate([getattr(part, field) for part in parts]) for field in fields})
