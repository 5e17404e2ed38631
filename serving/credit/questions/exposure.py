"""Answer with what a party, its connected group and the companies it owns owe the group, beside the legal limits."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydantic import TypeAdapter

from features.credit.exposure_file import ExposureFile, OpenLimit
from graph.errors import UnknownPartyError, UserError
from serving.access.caller import Caller
from serving.credit.questions.desk import QuestionDesk
from serving.credit.questions.exposure_schemas import (
    ExposureAnswer,
    ExposureLine,
    GroupExposure,
    LimitLine,
    MemberLine,
    OwnedLine,
    Totals,
)
from serving.credit.questions.schemas import QuestionQuality
from serving.errors import NotReadyError
from serving.ledger.answered import Answered
from serving.ledger.quality_codes import quality_codes
from serving.schemas import Note, QualityLevel

__all__ = ["ExposureDesk"]

Row = Mapping[str, object]
_ROWS: Final = TypeAdapter(list[dict[str, object]])
_CENT: Final = 0.005
_LEFT_OUT: Final = Note(
    code="other_companies_left_out",
    text_zh="只含该密钥覆盖的企业的敞口与限额；其他企业的敞口已略去。",
    text_en="Only exposures and limits of the key's companies are given; those of other companies are left out.",
)
_NO_LIMITS: Final = Note(
    code="limits_not_computed",
    text_zh="没有企业表或基数，法定限额未计算。",
    text_en="Without the table of companies no legal limit was computed.",
)


class ExposureDesk:
    """Reads the prepared exposures party by party.

    A key for some companies sees its companies' lines and limits. Sums over all companies would tell it what the others
    have out, so it sees them only where `totals_for_companies` is set.
    """

    def __init__(self, desk: QuestionDesk, *, totals_for_companies: bool) -> None:
        self._desk, self._totals_for_companies = desk, totals_for_companies

    def exposure(self, party_id: str, caller: Caller) -> Answered:
        """Answer about a party. Raises OutsideScopeError, UnknownPartyError, NotReadyError, StaleError."""
        self._desk.require_party(caller, party_id)
        file = self._desk.exposures()
        row = _row(file, party_id)
        answer = self._answer(party_id, row, file, caller)
        said = {
            **answer.model_dump(
                mode="json", include={"lines", "total", "looked_through", "groups", "limits"}
            ),
            "data_as_of": str(answer.data_as_of),
            "graph_as_of": str(answer.graph_as_of),
            "exposures_sha256": file.basis.sha256,
            "quality": quality_codes(answer.quality),
        }
        return self._desk.write(
            "credit/exposure", answer, {"party_id": party_id}, caller, said=said, subject=party_id
        )

    def _answer(self, party_id: str, row: Row, file: ExposureFile, caller: Caller) -> ExposureAnswer:
        totals = caller.sees_all or self._totals_for_companies
        lines = [ExposureLine.model_validate(line) for line in _rows(row["lines"])]
        owned = [OwnedLine.model_validate(line) for line in _rows(row["looked_through"])]
        groups = [_group(group, caller, totals=totals) for group in _rows(row["groups"])]
        limits = _limits(row["limits"], file.basis.limits)
        seen = [line for line in lines if caller.sees(line.org_id)]
        return ExposureAnswer(
            request_id=caller.call.request_id,
            decision_id=self._desk.new_id(),
            answered_at=self._desk.now(),
            model_version=None,
            data_as_of=file.basis.data_as_of,
            graph_as_of=file.basis.graph_as_of,
            quality=self._quality(file, caller, limits=bool(limits) or row["limits"] is not None),
            party_id=party_id,
            unit="CNY",
            lines=seen,
            total=_total(lines) if totals else None,
            looked_through=[line for line in owned if caller.sees(line.org_id)],
            groups=groups,
            limits=[line for line in limits if caller.sees(line.org_id)],
            # Said to every such key, whether anything was left out or not: that alone would tell.
            other_companies_left_out=not caller.sees_all,
        )

    def _quality(self, file: ExposureFile, caller: Caller, *, limits: bool) -> QuestionQuality:
        basis = file.basis
        notes = self._desk.age_notes(data_as_of=basis.data_as_of, graph_as_of=basis.graph_as_of)
        if not limits:
            notes.append(_NO_LIMITS)
        level = QualityLevel.FALLBACK if notes else QualityLevel.FULL
        return QuestionQuality(level=level, notes=notes if caller.sees_all else [*notes, _LEFT_OUT])


def _row(file: ExposureFile, party_id: str) -> Row:
    try:
        row = file.party(party_id)
    except UserError as error:
        raise NotReadyError("exposures", zh=error.zh, en=error.en) from error
    if row is None:
        raise UnknownPartyError(party_id)
    return row


def _rows(value: object) -> list[dict[str, object]]:
    return _ROWS.validate_python(value)


def _group(group: Row, caller: Caller, *, totals: bool) -> GroupExposure:
    lines = [ExposureLine.model_validate(line) for line in _rows(group["lines"])]
    members = [MemberLine.model_validate(line) for line in _rows(group["largest"])]
    return GroupExposure.model_validate(
        {
            "group_id": group["group_id"],
            "through": group["through"],
            "members": group["members"],
            "lines": [line for line in lines if caller.sees(line.org_id)],
            "total": _total(lines) if totals else None,
            "largest": [line for line in members if caller.sees(line.org_id)],
        }
    )


def _total(lines: Sequence[ExposureLine]) -> Totals:
    return Totals(
        companies=len(lines),
        gross=round(sum(line.gross for line in lines), 2),
        net=round(sum(line.net for line in lines), 2),
    )


def _limits(used: object, unused: Iterable[OpenLimit]) -> list[LimitLine]:
    """Return the limits in use and those that bind but are not used yet, most used first."""
    rows = [] if used is None else _rows(used)
    told = {(row["org_id"], row["code"]) for row in rows}
    rows += [
        {**limit.model_dump(), "used": 0.0, "used_of_limit": 0.0 if limit.limit else None}
        for limit in unused
        if (limit.org_id, limit.code) not in told
    ]
    lines = [_limit(row) for row in rows]
    return sorted(lines, key=lambda line: (-(line.used_of_limit or 0.0), line.org_id, line.code))


def _limit(row: Row) -> LimitLine:
    limit, used = row["limit"], row["used"]
    known = isinstance(limit, float) and isinstance(used, float)
    headroom = round(limit - used, 2) if isinstance(limit, float) and isinstance(used, float) else None
    return LimitLine.model_validate(
        {
            **{name: row[name] for name in LimitLine.model_fields if name in row},
            "headroom": headroom,
            "breach": headroom < -_CENT if known and headroom is not None else None,
        }
    )
