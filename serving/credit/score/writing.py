"""Write an outcome as the text of its answer and as the record of it: each part once, what never changes ahead of time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final, TypeAlias, cast

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel

from models.credit.rules.facts import RuleFacts
from serving.access.caller import Caller
from serving.credit.score.answer import Marks, Outcome, shown_to
from serving.credit.score.basis import Basis
from serving.credit.score.quality import quality_record
from serving.credit.score.schemas import ScoreAnswer, ScoreRequest
from serving.credit.score.shown import hides_values
from serving.credit.sources.kept import KeptByIdentity
from serving.credit.sources.party_book import rule_note
from serving.credit.terms import Terms
from serving.ledger.chain import Json, canonical_json
from serving.schemas import Quality

__all__ = ["ROUTE", "Asked", "Scored", "Writer", "record_of", "written"]

ROUTE: Final = "credit/score"
Asked: TypeAlias = tuple[ScoreRequest, Caller]
"""A request, and who sent it."""
_NOT_AGAIN: Final = frozenset({"contributions", "decision_id", "decided_at", "quality"})


@dataclass(frozen=True, eq=False)
class Scored:
    """An answer as it will be sent, and the record that must be durable before it is."""

    text: bytes
    record: Mapping[str, Json]

    @cached_property
    def answer(self) -> ScoreAnswer:
        """Return the answer as a value."""
        return ScoreAnswer.model_validate_json(self.text)


class Writer:
    """Writes the answers of one model; what the catalogue says of its features is written down ahead.

    The text is, byte for byte, what `ScoreAnswer.model_dump_json` makes of `answer_of`, after `shown_to`; the record, as the
    ledger writes it, is `record_of`'s.
    """

    def __init__(self, terms: Terms) -> None:
        self._features, self._version = terms.model.features, terms.model.version
        self._terms = terms
        self._by_name = np.array(
            sorted(range(len(self._features)), key=self._features.__getitem__), dtype=np.int64
        )
        self._places = self._by_name.tolist()
        self._names = [f",{_quoted(self._features[place])}:".encode() for place in self._places]
        around = [_around(name, terms) for name in self._features]
        self._begins, self._betweens, self._ends = ([one[part] for one in around] for part in range(3))
        self._private = np.array([terms.text(name).private for name in self._features], dtype=np.bool_)
        self._any_private = bool(self._private.any())

    def write(self, outcome: Outcome, basis: Basis, marks: Marks, caller: Caller) -> Scored:
        """Return the text of an answer with its record. The basis is of this model: inputs in the order of its features."""
        outcome = shown_to(marks.companies, outcome, basis, self._terms)
        parts = outcome.figures.contributions
        values, given = _numbers(basis.values), _numbers(parts)
        body = self._body(outcome, basis, marks)
        told = values
        if self._any_private and hides_values(basis.party_id, marks.companies):
            told = _numbers(np.where(self._private, np.nan, basis.values))
        whole = {**body, "contributions": orjson.Fragment(self._contributions(parts, told, given))}
        facts = None if basis.facts is None else _FACTS(basis.facts)
        stored = basis.plain(inputs=self._object(values), facts=facts)
        record = _record(body, _QUALITY(outcome.quality)[1], self._object(given), stored, caller)
        return Scored(orjson.dumps(whole), record)

    def _body(self, outcome: Outcome, basis: Basis, marks: Marks) -> dict[str, Json]:
        """Return the answer in JSON values, in the order of its fields, `contributions` being left open."""
        sources, advised = basis.sources, outcome.advised
        return {
            "request_id": marks.request_id,
            "decision_id": marks.decision_id,
            "party_id": basis.party_id,
            **cast("Mapping[str, float | None]", outcome.figures.numbers()),
            "carrier": _plain(outcome.carrier),
            "points": outcome.points,
            "grade": outcome.grade,
            "advice": advised.advice.value,
            "grade_advice": advised.of_grade.value,
            "decided_by": list(advised.decided_by),
            "override": _plain(basis.override),
            "rules": [_plain(rule_note(hit)) for hit in outcome.hits],
            "route": _plain(outcome.routed.told(basis) if outcome.routed is not None else None),
            "policy": advised.policy,
            "contributions": [],
            "model_version": self._version,
            "data_as_of": None if sources.data_as_of is None else sources.data_as_of.isoformat(),
            "graph_as_of": None if sources.graph_as_of is None else sources.graph_as_of.isoformat(),
            "decided_at": basis.decided_at.isoformat().replace("+00:00", "Z"),
            "quality": _QUALITY(outcome.quality)[0],
            "warnings": [_plain(note) for note in outcome.warnings],
        }

    def _contributions(
        self, parts: NDArray[np.float64], values: Sequence[bytes], given: Sequence[bytes]
    ) -> bytes:
        """Write the contributions, largest first, equals by name."""
        order = self._by_name[np.argsort(-np.abs(parts[self._by_name]), kind="stable")].tolist()
        columns = (self._begins, values, self._betweens, given, self._ends)
        # Picked and joined without a step of the interpreter for each: an answer has hundreds of pieces.
        pieces = zip(*(_picked(one, order) for one in columns), strict=True)
        return b"[" + b"".join(chain.from_iterable(pieces))[:-1] + b"]"

    def _object(self, numbers: Sequence[bytes]) -> Json:
        """Return numbers by feature in the order of the names, written already: the ledger has nothing left to sort or check."""
        pairs = chain.from_iterable(zip(self._names, _picked(numbers, self._places), strict=True))
        return cast("Json", orjson.Fragment(b"{" + b"".join(pairs)[1:] + b"}"))


def record_of(answer: ScoreAnswer, basis: Basis, caller: Caller) -> Mapping[str, Json]:
    """Return what the ledger keeps of an answer: its basis whole, the answer whole but for texts of the catalogue."""
    body: dict[str, Json] = answer.model_dump(mode="json", exclude=set(_NOT_AGAIN))
    body |= {"decision_id": answer.decision_id}
    given = {part.feature: part.contribution for part in answer.contributions}
    return _record(body, quality_record(answer.quality), given, basis.plain(), caller)


def written(answer: ScoreAnswer, basis: Basis, caller: Caller) -> Scored:
    """Return an answer that is a value with its text and record."""
    return Scored(answer.model_dump_json().encode(), record_of(answer, basis, caller))


def _record(
    body: Mapping[str, Json],
    quality: Mapping[str, Json],
    contributions: Json,
    basis: Mapping[str, Json],
    caller: Caller,
) -> Mapping[str, Json]:
    call = caller.call
    return {
        "decision_id": body["decision_id"],
        "recorded_at": basis["decided_at"],
        "route": ROUTE,
        "request_id": call.request_id,
        "trace_id": call.trace_id,
        "key_id": call.key_id,
        "roles": list(call.roles),
        "companies": list(caller.companies),
        "subject": basis["party_id"] or "",
        "request": {name: basis[name] for name in ("party_id", "line", "stage")},
        "basis": basis,
        "answer": {
            **{name: value for name, value in body.items() if name not in _NOT_AGAIN},
            "quality": quality,
        },
        "contributions": contributions,
    }


def _around(feature: str, terms: Terms) -> tuple[bytes, bytes, bytes]:
    """Return what stands before a value, between it and its contribution, and behind that."""
    text = terms.text(feature)
    name, unit, zh, en = (_quoted(part) for part in (feature, text.unit, text.text_zh, text.text_en))
    private = "true" if text.private else "false"
    return (
        f'{{"feature":{name},"value":'.encode(),
        f',"unit":{unit},"contribution":'.encode(),
        f',"text_zh":{zh},"text_en":{en},"private":{private}}},'.encode(),
    )


def _picked(pieces: Sequence[bytes], places: Sequence[int]) -> Iterator[bytes]:
    return map(pieces.__getitem__, places)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _numbers(values: NDArray[np.float64]) -> Sequence[bytes]:
    """Write numbers as JSON does; NaN is null."""
    return orjson.dumps(values.tolist())[1:-1].split(b",")


def _facts(facts: RuleFacts) -> Json:
    """Write facts as the ledger does; they are those of a row that is kept, and need not be looked through again."""
    return cast("Json", orjson.Fragment(canonical_json(facts.model_dump(mode="json"))))


def _quality(quality: Quality) -> tuple[Json, Mapping[str, Json]]:
    return quality.model_dump(mode="json"), quality_record(quality)


_FACTS: Final = KeptByIdentity(_facts)
_QUALITY: Final = KeptByIdentity(_quality, most=1024)


def _plain(value: BaseModel | None) -> Json:
    found: Json = None if value is None else value.model_dump(mode="json")
    return found
