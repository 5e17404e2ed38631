"""Which schemata of FollowTheMoney the graph carries, and as what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["EDGES", "PARTIES", "EdgeSchema", "more_specific", "role_of"]

PARTIES: Final[Mapping[str, str]] = {
    "Person": "person",
    "PublicBody": "government",
    "Company": "company",
    "Organization": "company",
    "LegalEntity": "company",  # may be a person too; the schema itself leaves that open
}
_GENERAL: Final = ("LegalEntity", "Organization")  # the more general first


@dataclass(frozen=True)
class EdgeSchema:
    """How an interval between two entities reads: its ends, the relation kind, and what it says without a role."""

    src: str
    dst: str
    kind: str
    unsaid: str | None = None
    certainty: float = 1.0


EDGES: Final[Mapping[str, EdgeSchema]] = {
    "Ownership": EdgeSchema("owner", "asset", "owns"),
    "Directorship": EdgeSchema("director", "organization", "holds_position", "director"),
    "Employment": EdgeSchema("employee", "employer", "holds_position", "employee"),
    "Family": EdgeSchema("person", "relative", "family_of"),
    "Associate": EdgeSchema("person", "associate", "related_to", "associate"),
    "Membership": EdgeSchema("member", "organization", "related_to", "membership"),
    "Representation": EdgeSchema("agent", "client", "related_to", "representation"),
    "UnknownLink": EdgeSchema("subject", "object", "related_to", "unknown_link", 0.5),
    # A presumption of a matching process, not a decision that two records are one party.
    "Similar": EdgeSchema("candidate", "match", "suspected_link", "similar"),
    "Succession": EdgeSchema("successor", "predecessor", "succeeds"),
    "Payment": EdgeSchema("payer", "beneficiary", "pays"),
    "Debt": EdgeSchema("creditor", "debtor", "lends_to"),
}

_ROLES: Final = (
    ("legal_representative", ("法定代表人", "法人代表", "legal representative")),
    ("supervisor", ("监事", "supervis")),
    ("director", ("董事", "director", "board member")),
    ("executive", ("经理", "总裁", "executive", "officer", "manager", "president", "ceo", "cfo")),
)


def role_of(text: str) -> str:
    """Return the role that the text of a register means: one of the house's four where it says so, else the text.

    "总经理" and "chief executive officer" are executives; what names a director ("managing director") is a director.
    """
    lower = text.casefold()
    return next((role for role, words in _ROLES if any(word in lower for word in words)), text)


def more_specific(one: str, other: str) -> str | None:
    """Return the more specific of the schemata of two fragments of an entity, None where they contradict."""
    if one == other:
        return one
    if not {one, other} <= PARTIES.keys():
        return None
    for general in _GENERAL:
        if general in (one, other):
            specific = other if one == general else one
            return None if general == "Organization" and specific == "Person" else specific
    return None
