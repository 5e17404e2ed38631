"""Records as keys for some companies read them: figures of other companies and of the whole group are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from models.credit.reasons import is_private
from serving.access.roles import ALL_COMPANIES
from serving.credit.score.basis import CarrierPath
from serving.credit.score.schemas import Carrier
from serving.credit.score.shown import OF_THE_GROUP, hides_values, shown_carrier
from serving.credit.sources.feature_cards import feature_cards
from serving.ledger.chain import Json
from serving.schemas import Note

__all__ = ["CUT", "ScopedRecord", "scoped"]

CUT: Final = Note(
    code="other_companies_left_out",
    text_zh="记录中其他企业与全集团的数额不在密钥范围内，未列出（见 left_out）；hash 与 intact 针对台账中的完整记录，重算也用完整记录。",
    text_en="Figures of other companies and of the whole group are outside the key's companies and left out of the record (see "
    "left_out). hash and intact are of the whole record in the ledger, and a replay computes from the whole.",
)
_FACTS: Final = frozenset({*OF_THE_GROUP, "main_line"})
"""Facts that tell what companies of the group have out; the party's `lines` of live business do so too."""


_WHOSE: Final = frozenset({"business", "end_companies"})
"""Which companies know the steps and the end of a path: names of other companies."""


@dataclass(frozen=True)
class ScopedRecord:
    """A record without what a key may not see, and the paths of the fields that were cut."""

    record: Mapping[str, Json]
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> list[Note]:
        """Return the remark that it was cut, none where it is whole."""
        return [CUT] if self.left_out else []

    @property
    def exported(self) -> Mapping[str, Json]:
        """Return the record as a file holds it: with `left_out` where it was cut."""
        return {**self.record, "left_out": list(self.left_out)} if self.left_out else self.record


def scoped(record: Mapping[str, Json], companies: Sequence[str]) -> ScopedRecord:
    """Return a record as a key for some companies is shown it.

    A basis is cut to what the score itself tells such a key: limits of its companies, no sums over the group, no values that
    tell of others, and of the paths the one that the answer names. It is cut whether or not there was anything: that alone
    would tell.
    """
    basis = record.get("basis")
    if ALL_COMPANIES in companies or not isinstance(basis, Mapping):
        return ScopedRecord(record)
    left_out, cut = [], dict(basis)
    inputs = basis.get("inputs")
    if isinstance(inputs, Mapping) and hides_values(_text(basis.get("party_id")), companies):
        private = sorted(
            name for name, card in feature_cards().items() if name in inputs and is_private(card)
        )
        cut["inputs"] = {**inputs, **dict.fromkeys(private)}
        left_out += [f"basis.inputs.{name}" for name in private]
    facts = basis.get("facts")
    if isinstance(facts, Mapping):
        cut["facts"] = _facts(facts, companies)
        left_out += [f"basis.facts.{name}" for name in sorted({*_FACTS, "limit_uses"} & set(facts))]
    if "lines" in basis:
        cut["lines"] = None
        left_out.append("basis.lines")
    shown = {**record, "basis": cut}
    if "paths" in basis:
        told, answer = _told(basis["paths"], record.get("answer"), companies)
        left_out.append("basis.paths")
        cut["paths"] = told
        if answer is not record.get("answer"):
            shown["answer"] = answer
            left_out.append("answer.carrier")
    return ScopedRecord(shown, tuple(left_out))


def _facts(facts: Mapping[str, Json], companies: Sequence[str]) -> Mapping[str, Json]:
    uses = facts.get("limit_uses")
    own = [use for use in uses if _of(use, companies)] if isinstance(uses, list) else None
    return {
        name: own if name == "limit_uses" else None if name in _FACTS else value
        for name, value in facts.items()
    }


def _of(use: Json, companies: Sequence[str]) -> bool:
    return isinstance(use, Mapping) and use.get("org_id") in companies


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _told(paths: Json, answer: Json, companies: Sequence[str]) -> tuple[list[Json], Json]:
    """Return the path that the answer told its caller, none where it told none or not all of it, and the answer.

    An answer of before paths were cut is cut now. Whose business the path is stays untold: it names other companies.
    """
    carrier = answer.get("carrier") if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(paths, list) or not isinstance(carrier, Mapping):
        return [], answer
    told = (carrier.get("route"), carrier.get("end_id"))
    found = [
        path
        for path in paths
        if isinstance(path, Mapping) and (path.get("channel"), path.get("end_id")) == told
    ]
    if not found:
        return [], answer
    whole = Carrier.model_validate(carrier, strict=False)
    known = [CarrierPath.model_validate(path, strict=False).told_apart() for path in found]
    shown = shown_carrier(whole, companies, known)
    if shown is None or shown is whole:
        return [{k: v for k, v in path.items() if k not in _WHOSE} for path in found], answer
    return [], {**answer, "carrier": shown.model_dump(mode="json")}
