"""An answer as it will be sent, with the record of it that must be durable before."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from serving.access.caller import Caller
from serving.ledger.chain import Json

__all__ = ["Answered", "write_answer"]


@dataclass(frozen=True)
class Answered:
    """An answer as it will be sent, and the record that must be durable before it is."""

    body: BaseModel
    text: str
    record: Mapping[str, Json]
    status: int = 200


def write_answer(
    route: str,
    answer: BaseModel,
    request: BaseModel | Mapping[str, Json],
    planner: Caller,
    *,
    said: Mapping[str, Json],
    at: datetime,
    subject: str = "",
) -> Answered:
    """Write an answer out, and the record that goes before it: who asked what about whom, and what was said."""
    text = answer.model_dump_json()
    asked = request.model_dump(mode="json", exclude_none=True) if isinstance(request, BaseModel) else request
    record: Mapping[str, Json] = {
        "decision_id": getattr(answer, "decision_id", ""),
        "recorded_at": at.isoformat(),
        "route": route,
        **planner.recorded,
        "subject": subject,
        "request": asked,
        "answer": said,
        "answer_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    return Answered(answer, text, record)
