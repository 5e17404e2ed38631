"""Count answers about credit for those who operate the service."""

from collections.abc import Mapping
from typing import cast

from serving.ledger.chain import Json
from serving.operations.metrics import observed_score

__all__ = ["count_score"]


def count_score(record: Mapping[str, Json]) -> None:
    """Count an answer that is durable by what its record says: grade, advice, quality with its notes, age, PD."""
    answer = cast("Mapping[str, Json]", record["answer"])
    quality = cast("Mapping[str, Json]", answer["quality"])
    pd = cast("float | None", answer.get("pd"))
    notes = cast("list[str]", quality.get("notes", []))
    aged = cast("list[Mapping[str, str]]", answer.get("warnings", []))
    observed_score(
        cast("str | None", answer.get("grade")),
        str(answer.get("advice", "none")),
        str(quality.get("level", "none")),
        pd,
        flags=list(dict.fromkeys([*notes, *(note["code"] for note in aged)])),
    )
