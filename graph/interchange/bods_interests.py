"""Interests of the Beneficial Ownership Data Standard 0.4, read as claims of the graph's relation kinds."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from graph.interchange.imported import NotCarriedError
from graph.interchange.json_documents import Document
from graph.interchange.partial_dates import first_day
from graph.ontology import RELATIONS

__all__ = ["Claim", "Ends", "claims_of", "read_share"]

_POSITIONS: Final = {
    "boardMember": ("director", None),
    "boardChair": ("director", "board_chair"),
    "seniorManagingOfficial": ("executive", None),
}
_CONTROLLING: Final = frozenset(
    {
        "appointmentOfBoard",
        "otherInfluenceOrControl",
        "settlor",
        "trustee",
        "protector",
        "rightsGrantedByContract",
        "conditionalRightsGrantedByContract",
        "controlViaCompanyRulesOrArticles",
        "controlByLegalFramework",
        "nominator",
    }
)
# Economic rights often repeat a shareholding; as ownership they would be counted twice.
_RELATED: Final = frozenset(
    {
        "beneficiaryOfLegalArrangement",
        "rightsToSurplusAssetsOnDissolution",
        "rightsToProfitOrIncome",
        "enjoymentAndUseOfAssets",
        "rightToProfitOrIncomeFromAssets",
        "nominee",
        "unknownInterest",
        "unpublishedInterest",
    }
)
_DIRECTNESS: Final = {"direct": True, "indirect": False}
_ABOVE: Final = (
    0.01  # percentage points by which an exclusive minimum is exceeded: more than 50 % stays a majority
)
_UNKNOWN: Final = 0.5  # what an interest of unknown nature or extent leaves of the confidence


@dataclass(frozen=True)
class Ends:
    """The two ends of a relationship: the interested party and the subject, each with its kind of node."""

    src: str
    dst: str
    src_kind: str
    dst_kind: str

    def fit(self, kind: str) -> bool:
        """Tell whether the ontology lets a relation of a kind join these ends."""
        relation = RELATIONS[kind]
        return self.src_kind in relation.source and self.dst_kind in relation.target


class Claim(NamedTuple):  # a dataclass takes four times as long to change a field of
    """What a statement says of one edge; `detail` tells several edges of a kind in one relationship apart."""

    kind: str
    detail: str = ""
    share: float | None = None
    voting: float | None = None
    direct: bool | None = None
    role: str | None = None
    basis: str | None = None
    reason: str | None = None
    certainty: float = 1.0
    started: date | None = None
    ended: date | None = None


@dataclass(frozen=True)
class _Share:
    value: float | None
    certainty: float
    text: str


def read_share(share: object) -> _Share:
    """Return a percentage share as a ratio, how certain it is (0 to 1), and its text.

    Of a range the lower bound is taken, what is held at least, so that the owners of a company never add up to
    more than it has; an exclusive one is exceeded by 0.01 percentage points. Certainty falls by half the width of the
    range (25 % to 50 %: 0.875). A range without a lower bound, or no share at all, leaves the share unknown at certainty 0.5.
    Raises NotCarriedError for a bound that is no number from 0 to 100, or a minimum above the maximum.
    """
    if share is None:
        return _Share(None, _UNKNOWN, "")
    if not isinstance(share, dict):
        raise _bad_share(share)
    names = ("exact", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
    exact, least, above, most, below = (_percentage(share.get(name)) for name in names)
    if exact is not None:
        return _Share(exact / 100, 1.0, f"{exact:g}%")
    low = least if least is not None else above
    high = next((bound for bound in (most, below) if bound is not None), 100.0)
    if low is None:
        return _Share(None, _UNKNOWN, f"0-{high:g}%")
    if low > high:
        raise _bad_share(share)
    held = low if least is not None else min(low + _ABOVE, high)
    return _Share(round(held / 100, 6), 1 - (high - low) / 200, f"{low:g}-{high:g}%")


def _percentage(bound: object) -> float | None:
    if bound is None:
        return None
    try:
        number = math.nan if isinstance(bound, bool) else float(str(bound))
    except ValueError:
        number = math.nan
    if not 0 <= number <= 100:  # noqa: PLR2004 - percent
        raise _bad_share(bound)
    return number


def _bad_share(found: object) -> NotCarriedError:
    return NotCarriedError(
        "share_out_of_range",
        zh=f"持股或表决权比例“{found}”不是 0 到 100 之间的数或区间，该项权益未导入。请更正后重新导入。",
        en=f"share '{found}' is no number or range from 0 to 100; the interest was left out. Correct it and import again.",
    )


def claims_of(interests: Sequence[object], ends: Ends) -> tuple[list[Claim], list[NotCarriedError]]:
    """Return what interests claim, told apart by kind and detail, and what of them the graph does not carry.

    Shareholding and voting rights become one `owns` where their directness and period agree; positions of persons
    `holds_position`; powers over a company, and the roles that rule a trust, `controls` with their basis; economic
    rights, nominees and unknown interests `related_to` with the interest and its share as reason.
    """
    claims: list[Claim] = []
    problems: list[NotCarriedError] = []
    for interest in interests or [{"type": "unknownInterest"}]:
        try:
            if not isinstance(interest, dict):
                raise _unknown_type(interest)
            claim = _claim(interest, ends)
            claims.append(claim)
            name = str(interest.get("type"))
            if claim.kind != _kind(name):
                problems.append(_weakened(name, ends))
        except NotCarriedError as problem:
            problems.append(problem)
    return _numbered(_with_votes(claims)), problems


def _claim(interest: Document, ends: Ends) -> Claim:
    name = str(interest.get("type"))
    kind = _kind(name)
    share = read_share(interest.get("share"))
    started, ended = _day(interest, "startDate"), _day(interest, "endDate")
    claim = Claim(kind, _snake(name), started=started, ended=ended)
    flags = ["beneficial_owner"] if interest.get("beneficialOwnershipOrControl") is True else []
    if not ends.fit(kind) or kind == "related_to":
        said = " ".join([_snake(name), share.text]).strip()
        certainty = _UNKNOWN if name.startswith("un") else 1.0
        return claim._replace(kind="related_to", reason="; ".join([said, *flags]), certainty=certainty)
    if kind == "holds_position":
        role, title = _POSITIONS[name]
        return claim._replace(role=role, reason="; ".join([title, *flags] if title else flags) or None)
    claim = claim._replace(reason="; ".join(flags) or None)
    if kind == "controls":
        return claim._replace(basis=_snake(name))
    direct = _DIRECTNESS.get(str(interest.get("directOrIndirect")))
    owned = claim._replace(direct=direct, certainty=share.certainty)
    if direct is False:
        owned = owned._replace(detail=f"indirect {owned.detail}")
    return owned._replace(share=share.value) if name == "shareholding" else owned._replace(voting=share.value)


def _kind(interest_type: str) -> str:
    if interest_type in ("shareholding", "votingRights"):
        return "owns"
    if interest_type in _POSITIONS:
        return "holds_position"
    if interest_type in _CONTROLLING:
        return "controls"
    if interest_type in _RELATED:
        return "related_to"
    raise _unknown_type(interest_type)


def _unknown_type(found: object) -> NotCarriedError:
    return NotCarriedError(
        "unknown_interest_type",
        zh=f"权益类型“{found}”不在 BODS 0.4 代码表中，该项权益未导入。",
        en=f"interest type '{found}' is not in the code list of BODS 0.4; the interest was left out.",
    )


def _weakened(name: str, ends: Ends) -> NotCarriedError:
    return NotCarriedError(
        "carried_as_related",
        zh=f"“{name}”不能连接 {ends.src_kind} 与 {ends.dst_kind}，只作为“关联”导入，原类型和比例写在 reason 中。",
        en=f"'{name}' cannot join a {ends.src_kind} and a {ends.dst_kind}; carried as related_to, with type and share as its reason.",
    )


def _day(interest: Document, name: str) -> date | None:
    written = interest.get(name)
    if written is None:
        return None
    day = first_day(written)
    if day is None:
        raise NotCarriedError(
            "bad_date",
            zh=f"{name} 的日期“{written}”无法识别，应为 YYYY-MM-DD，该项权益未导入。",
            en=f"{name} '{written}' is no date (YYYY-MM-DD); the interest was left out.",
        )
    return day


def _with_votes(claims: Sequence[Claim]) -> list[Claim]:
    """Join each shareholding with the voting rights of the same directness and period.

    Where voting rights are stated but match no shareholding, a shareholding carries none: null would mean that it
    votes with its share, and the votes would count twice.
    """
    owning = [claim for claim in claims if claim.kind == "owns"]
    votes = [claim for claim in owning if claim.detail.endswith("voting_rights")]
    joined: list[Claim] = [claim for claim in claims if claim.kind != "owns"]
    for shares in (claim for claim in owning if claim.detail.endswith("shareholding")):
        match = next((vote for vote in votes if _same_period(shares, vote)), None)
        if match is None:
            separate = any(vote.direct == shares.direct for vote in votes)
            joined.append(shares._replace(voting=0.0) if separate else shares)
            continue
        votes.remove(match)
        joined.append(_joined(shares, match))
    return [*joined, *votes]


def _same_period(one: Claim, other: Claim) -> bool:
    days = ((one.started, other.started), (one.ended, other.ended))
    return one.direct == other.direct and all(None in pair or pair[0] == pair[1] for pair in days)


def _joined(shares: Claim, votes: Claim) -> Claim:
    return shares._replace(
        voting=votes.voting,
        reason=shares.reason or votes.reason,
        certainty=min(shares.certainty, votes.certainty),
        started=shares.started or votes.started,
        ended=shares.ended or votes.ended,
    )


def _numbered(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims by their beginning, a second one of the same kind and detail with a number."""
    seen: dict[tuple[str, str], int] = {}
    told_apart = []
    for claim in sorted(claims, key=lambda claim: (claim.kind, claim.detail, claim.started or date.min)):
        slot = (claim.kind, claim.detail)
        seen[slot] = seen.get(slot, 0) + 1
        suffix = f" {seen[slot]}" if seen[slot] > 1 else ""
        told_apart.append(claim._replace(detail=claim.detail + suffix))
    return told_apart


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", lambda found: "_" + found[1].lower(), name)
