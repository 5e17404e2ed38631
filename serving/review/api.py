"""HTTP of what people do about credit decisions: overrides, appeals, notices, notes."""

from collections.abc import Mapping

from serving.http.api import Api, Handler
from serving.http.openapi import Endpoint
from serving.review.appeal_api import AppealApi, appeals_handlers
from serving.review.notice_api import NoticeApi, notices_handlers
from serving.review.override_api import OverrideApi, overrides_handlers
from serving.review.parts import ReviewParts

__all__ = ["review_handlers"]


def review_handlers(api: Api, parts: ReviewParts) -> Mapping[Endpoint, Handler]:
    """Say who answers which endpoint."""
    return {
        **overrides_handlers(OverrideApi(api, parts.overrides)),
        **appeals_handlers(AppealApi(api, parts.appeals)),
        **notices_handlers(NoticeApi(api, parts.notices, parts.annotations)),
    }
