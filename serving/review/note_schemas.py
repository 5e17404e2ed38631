"""Shapes of what people note on a decision: a text beside it that changes nothing."""

from pydantic import ConfigDict, Field

from serving.review.free_text import FreeText
from serving.review.schemas import Acted, Reading
from serving.schemas import StrictModel

__all__ = ["DecisionNote", "NoteAnswer", "NoteRequest"]


class NoteRequest(StrictModel):
    """给一条决策加批注。 / Note something on a decision."""

    note: FreeText = Field(
        description="批注，不得含联系方式或证件号；写入后不可修改 / the text; no contact and no identity number; it cannot be "
        "changed afterwards"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"note": "已电话核实保证金到账 / the deposit was confirmed by telephone"}]
        }
    )


class DecisionNote(StrictModel):
    """一条批注；不改变任何结果。 / A note; it changes no answer."""

    note_id: str
    of_decision: str
    note: str
    by: Acted


class NoteAnswer(Reading):
    """已写入的批注。 / The note as it was kept."""

    annotation: DecisionNote
