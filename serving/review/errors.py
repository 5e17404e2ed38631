"""Errors of overrides, appeals and notices, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "NoNoticeError",
    "NotReviewableError",
    "NotYourOverrideError",
    "OpenReviewError",
    "OwnRequestError",
    "ReviewClosedError",
    "TookPartError",
    "UnknownReviewError",
]

_KINDS: Final = {"override": ("调整", "override"), "appeal": ("申诉", "appeal")}


class UnknownReviewError(ServingError):
    """There is no such override or appeal, or not for the caller's companies."""

    def __init__(self, kind: str, review_id: str) -> None:
        self.review_id = review_id
        zh, en = _KINDS[kind]
        super().__init__(
            zh=f"没有编号为“{review_id}”的{zh}，或该密钥不覆盖其企业。请核对编号。",
            en=f"There is no {en} '{review_id}', or the key does not cover its companies. Check the id.",
        )


class NotReviewableError(ServingError):
    """The decision is not one that people override or appeal against."""

    def __init__(self, decision_id: str, route: str) -> None:
        self.decision_id, self.route = decision_id, route
        super().__init__(
            zh=f"决策“{decision_id}”（{route}）不是对某一主体的信用评分，不能调整、申诉或出具通知。"
            "请给出 POST /v1/credit/score 按 party_id 得到的 decision_id。",
            en=f"Decision '{decision_id}' ({route}) is no credit score of a party: it cannot be overridden, appealed against "
            "or explained in a notice. Give the decision_id of an answer of POST /v1/credit/score about a party_id.",
        )


class OpenReviewError(ServingError):
    """There is one in its place already: an override of the party that waits, an appeal against the decision."""

    def __init__(self, kind: str, decision_id: str) -> None:
        self.decision_id = decision_id
        zh, en = _KINDS[kind]
        super().__init__(
            zh=f"决策“{decision_id}”或其主体已有一项未结束的{zh}。请先处理或撤回那一项。",
            en=f"Decision '{decision_id}', or its party, has an open {en} already. Decide on that one or withdraw it first.",
        )


class ReviewClosedError(ServingError):
    """The override or appeal is in a state in which this can no longer be done, or not yet."""

    def __init__(self, kind: str, review_id: str, state: str) -> None:
        self.review_id, self.state = review_id, state
        zh, en = _KINDS[kind]
        super().__init__(
            zh=f"{zh}“{review_id}”的状态是 {state}，不能再做此操作。请先查看它的现状。",
            en=f"The {en} '{review_id}' is {state}, so this cannot be done. Look at what became of it first.",
        )


class OwnRequestError(ServingError):
    """Two persons are needed, and this is the same one, or the same key."""

    def __init__(self) -> None:
        super().__init__(
            zh="提出者与审批者须为不同的人，并使用不同的密钥。请由另一人处理。",
            en="Who asks and who approves must be two persons with two keys. Let another person do this.",
        )


class NotYourOverrideError(ServingError):
    """Only who asked for an override that waits, or an approver, may withdraw it."""

    def __init__(self) -> None:
        super().__init__(
            zh="待批的调整由提出者本人或审批人撤回，生效的由审批人撤回。请联系审批人。",
            en="One that waits is withdrawn by who asked or an approver, one that counts by an approver. Ask an approver.",
        )


class TookPartError(ServingError):
    """The person took part in the decision that is looked at again, or is not the one it was assigned to."""

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(
            zh=f"{zh}请由未参与原决策的人复核。", en=f"{en} Let a person do it who had no part in it."
        )


class NoNoticeError(ServingError):
    """Only an adverse decision has a notice."""

    def __init__(self, decision_id: str, advice: str) -> None:
        self.decision_id, self.advice = decision_id, advice
        super().__init__(
            zh=f"决策“{decision_id}”的意见是 {advice}，不是不利决定，没有通知书。",
            en=f"The advice of decision '{decision_id}' is {advice}, which is not adverse: there is no notice.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        OwnRequestError: Problem("own-request", 403, "须由另一人审批", "Another person must approve"),
        NotYourOverrideError: Problem(
            "not-your-override", 403, "只能由提出者或审批人撤回", "Not yours to withdraw"
        ),
        TookPartError: Problem("took-part", 403, "须由未参与者复核", "Another person must re-review"),
        UnknownReviewError: Problem("unknown-review", 404, "没有该调整或申诉", "Unknown override or appeal"),
        OpenReviewError: Problem("review-open", 409, "已有未结束的一项", "One is open already"),
        ReviewClosedError: Problem("review-closed", 409, "状态不允许", "Its state does not allow this"),
        NotReviewableError: Problem("not-reviewable", 422, "不是可复核的决策", "Not a decision to review"),
        NoNoticeError: Problem("no-notice", 422, "没有通知书", "No notice"),
    }
)
