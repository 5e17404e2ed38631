"""How far an answer could be relied on, as its record keeps it: codes, as texts are read with the answer."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from serving.ledger.json_text import Json
from serving.schemas import Note, QualityLevel

__all__ = ["NotedQuality", "quality_codes"]


class NotedQuality(Protocol):
    """The quality of any family's answers."""

    @property
    def level(self) -> QualityLevel:
        """How far they can be relied on."""

    @property
    def notes(self) -> Sequence[Note]:
        """Why."""


def quality_codes(quality: NotedQuality) -> Mapping[str, Json]:
    """Return a quality as the ledger keeps it."""
    return {"level": str(quality.level), "notes": [note.code for note in quality.notes]}
