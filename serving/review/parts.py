"""Those who answer about reviews and decisions, and what they are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from features.catalogue import Feature, catalogue
from serving.access.large_exports import LargeExports
from serving.access.risk_events import RiskEvents
from serving.clock import utc_now
from serving.decisions.desk import DecisionDesk
from serving.decisions.masking import Masking, parties_of_book, pseudonym_secret
from serving.decisions.reading import DecisionReader
from serving.decisions.replay import Replayer
from serving.decisions.steady_clock import SteadyClock
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.random_bytes import new_id
from serving.review.acting import Acting
from serving.review.active_overrides import ActiveOverrides
from serving.review.appeal_desk import AppealDesk, AppealLimits
from serving.review.note_desk import NoteDesk
from serving.review.notice import NoticeDesk
from serving.review.notice_schemas import TwoLanguages
from serving.review.override_desk import OverrideDesk
from serving.review.review_store import ReviewStore
from serving.settings import ServiceSettings

__all__ = ["ReviewParts", "review_parts"]

_BOOK: Final = "credit_book.parquet"


@dataclass(frozen=True)
class ReviewParts:
    """The desks, the clock they go by, and the stores that other jobs read."""

    decisions: DecisionDesk
    overrides: OverrideDesk
    appeals: AppealDesk
    notices: NoticeDesk
    annotations: NoteDesk
    active: ActiveOverrides
    clock: SteadyClock
    override_store: ReviewStore
    appeal_store: ReviewStore


def review_parts(
    settings: ServiceSettings,
    database: Database,
    ledger: Ledger,
    *,
    replayers: Callable[[], Mapping[str, Replayer]],
    active: ActiveOverrides,
) -> ReviewParts:
    """Put the desks together; `replayers` are asked for when a decision is replayed, `active` is what scores are told."""
    zone = ZoneInfo(settings.work_zone)
    clock = SteadyClock(database, utc_now, zone=zone, tolerance_seconds=settings.clock_tolerance_seconds)
    acting = Acting(DecisionReader(database, ledger), clock, new_id, zone)
    override_store, appeal_store = (ReviewStore(database, ledger, kind) for kind in ("override", "appeal"))
    overrides = OverrideDesk(
        override_store, acting, longest_days=settings.override_longest_days, changed=active.refresh
    )
    limits = AppealLimits(settings.appeal_working_days, settings.appeal_window_days)
    appeals = AppealDesk(appeal_store, acting, overrides, database=database, limits=limits)
    zh, _, en = settings.notice_contact.partition(" / ")
    annotations = NoteDesk(ReviewStore(database, ledger, "note"), acting)
    return ReviewParts(
        decisions=DecisionDesk(
            acting,
            overrides,
            appeals,
            annotations=annotations,
            replayers=replayers,
            masking=lambda: _masking(database, settings.home / "features" / _BOOK),
            export_rows=settings.export_rows_limit,
            exports=LargeExports(
                database,
                ledger,
                RiskEvents(database, ledger, clock=utc_now),
                rows=settings.export_large_rows,
                window=timedelta(minutes=settings.watch_window_minutes),
            ),
        ),
        overrides=overrides,
        appeals=appeals,
        notices=NoticeDesk(acting, overrides, appeals, limits, TwoLanguages(zh=zh, en=en or zh), _cards),
        annotations=annotations,
        active=active,
        clock=clock,
        override_store=override_store,
        appeal_store=appeal_store,
    )


@cache
def _cards() -> Mapping[str, Feature]:
    return {card.name: card for card in catalogue("credit")}


def _masking(database: Database, book: Path) -> Masking:
    parties = parties_of_book(book)
    is_organisation = parties.organisations.__contains__
    return Masking(pseudonym_secret(database), is_organisation, persons=parties.persons)
