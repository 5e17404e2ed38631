"""What an edge says, as a sentence in Chinese and English."""

from collections.abc import Mapping
from typing import Final

from graph.edge_words import BASES, DECLARED_BASES, GUARANTEE_KINDS, ROLES
from graph.ontology import RELATIONS, Wording

__all__ = ["amount_text", "edge_sentence"]

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "owns": ("{src} 持有 {dst}{zh_share}股权", "{src} owns {en_share}{dst}"),
    "controls": ("{src} 控制 {dst}", "{src} controls {dst}"),
    "acts_in_concert": ("{src} 与 {dst} 一致行动", "{src} acts in concert with {dst}"),
    "holds_position": ("{src} 在 {dst} 任职", "{src} holds a position in {dst}"),
    "family_of": ("{src} 与 {dst} 为亲属", "{src} is family of {dst}"),
    "guarantees": ("{src} 为 {dst} 担保{zh_amount}", "{src} guarantees {dst}{en_amount}"),
    "lends_to": ("{src} 向 {dst} 出借{zh_amount}", "{src} lends to {dst}{en_amount}"),
    "leases_to": ("{src} 向 {dst} 出租{zh_amount}", "{src} leases to {dst}{en_amount}"),
    "supplies": ("{src} 向 {dst} 供货{zh_amount}", "{src} supplies {dst}{en_amount}"),
    "pays": ("{src} 向 {dst} 付款{zh_amount}", "{src} pays {dst}{en_amount}"),
    "related_to": ("{src} 与 {dst} 关联", "{src} is related to {dst}"),
    "suspected_link": ("{src} 与 {dst} 疑似关联", "{src} is suspected to be linked to {dst}"),
    "same_as": ("{src} 与 {dst} 为同一主体", "{src} is the same as {dst}"),
    "involved_in": ("{src} 涉及 {dst}{zh_amount}", "{src} is involved in {dst}{en_amount}"),
    "owes": ("{src} 在 {dst} 项下承债{zh_amount}", "{src} owes under {dst}{en_amount}"),
    "pledges": ("{src} 以 {dst} 作押品", "{src} puts up {dst} as collateral"),
    "secures": ("{src} 为 {dst} 提供抵质押担保{zh_amount}", "{src} secures {dst}{en_amount}"),
}
_DETAILS: Final = ("role", "guarantee_kind", "basis", "reason", "contract")
# Words of the code lists of the edge table; free text is told as it stands.
_WORDS_ZH: Final[Mapping[str, str]] = {**ROLES, **GUARANTEE_KINDS, **BASES, **DECLARED_BASES}
_UNITS_ZH: Final = ((1e8, " 亿元"), (1e4, " 万元"), (1.0, " 元"))
_UNITS_EN: Final = ((1e9, " bn"), (1e6, " m"), (1e3, " k"), (1.0, ""))


def edge_sentence(edge: Mapping[str, object], names: Mapping[str, str]) -> Wording:
    """Return what an edge (a row of EDGE_SCHEMA, columns may be absent) says, its ends by `names`, else by id.

    Shares are written in percent, amounts in yuan in the unit that fits ("A 为 B 担保 500 万元"); role, kind of guarantee,
    basis, reason and contract follow in brackets.
    """
    share, amount = edge.get("share"), edge.get("amount")
    size = amount_text(amount) if isinstance(amount, float) else None
    part = f"{share:.4%}".rstrip("%").rstrip("0").rstrip(".") + "%" if isinstance(share, float) else None
    clauses = {
        "src": names.get(str(edge["src"]), str(edge["src"])),
        "dst": names.get(str(edge["dst"]), str(edge["dst"])),
        "zh_share": f" {part} " if part else " ",
        "en_share": f"{part} of " if part else "",
        "zh_amount": f" {size.zh}" if size else "",
        "en_amount": f" for {size.en}" if size else "",
    }
    zh, en = _template(str(edge["kind"]))
    details = [str(edge[name]) for name in _DETAILS if edge.get(name)]
    zh_details = "，".join(_WORDS_ZH.get(word, word) for word in details)
    en_details = ", ".join(word.replace("_", " ") if word in _WORDS_ZH else word for word in details)
    return Wording(
        zh=zh.format(**clauses) + (f"（{zh_details}）" if details else ""),
        en=en.format(**clauses) + (f" ({en_details})" if details else ""),
    )


def amount_text(yuan: float) -> Wording:
    """Return an amount in yuan as people say it: 5000000.0 is 500 万元 and CNY 5 m."""
    return Wording(zh=_in_unit(yuan, _UNITS_ZH), en=f"CNY {_in_unit(yuan, _UNITS_EN)}")


def _in_unit(yuan: float, units: tuple[tuple[float, str], ...]) -> str:
    size, name = next((unit for unit in units if abs(yuan) >= unit[0]), units[-1])
    number = f"{yuan / size:,.2f}".rstrip("0").rstrip(".")
    return f"{number}{name}"


def _template(kind: str) -> tuple[str, str]:
    """Return the sentence of a kind; one without a sentence of its own is told by its label in the ontology."""
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    label = RELATIONS[kind].label if kind in RELATIONS else Wording(zh=kind, en=kind)
    return f"{{src}} {label.zh} {{dst}}", f"{{src}} {label.en} {{dst}}"
