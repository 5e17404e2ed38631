"""What a worker decides access with, put together from its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from serving.access.door import Door
from serving.access.jwks_file import JwksFile
from serving.access.keys import KeyStore
from serving.access.limiter import Limiter
from serving.access.limits import Limits
from serving.access.risk_events import RiskEvents
from serving.access.row_budget import RowBudget
from serving.access.tokens import TokenRules, Tokens
from serving.access.watch import Thresholds, Watch
from serving.access.working_hours import WorkingHours
from serving.clock import utc_now
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.settings import ServiceSettings

__all__ = ["Access", "make_access"]


@dataclass(frozen=True)
class Access:
    """Who may ask, how much, and what stands out."""

    door: Door
    limiter: Limiter
    budget: RowBudget
    watch: Watch


def make_access(
    settings: ServiceSettings,
    database: Database,
    ledger: Ledger,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> Access:
    """Make them; nothing is read or opened yet."""
    limits = Limits(
        requests_per_minute=settings.key_requests_per_minute,
        concurrent=settings.key_concurrent,
        rows_per_book=settings.key_rows_per_book,
        rows_per_hour=settings.key_rows_per_hour,
        rows_per_day=settings.key_rows_per_day,
    )
    thresholds = Thresholds(
        seconds=settings.watch_window_minutes * 60.0,
        rows=settings.watch_rows,
        parties=settings.watch_parties,
        refusals=settings.watch_refusals,
        out_of_scope=settings.watch_out_of_scope,
    )
    hours = WorkingHours(settings.work_first_hour, settings.work_last_hour, ZoneInfo(settings.work_zone))
    return Access(
        Door(KeyStore(database), _tokens(settings)),
        Limiter(limits, workers=settings.workers, at_once=settings.requests_at_once),
        RowBudget(database, limits, clock=clock),
        Watch(
            RiskEvents(database, ledger, clock=clock), thresholds.share(settings.workers), hours, clock=clock
        ),
    )


def _tokens(settings: ServiceSettings) -> Tokens | None:
    if settings.sso_jwks is None:
        return None
    rules = TokenRules(
        issuer=settings.sso_issuer,
        audience=settings.sso_audience,
        roles_claim=settings.sso_roles_claim,
        companies_claim=settings.sso_companies_claim,
        leeway_seconds=settings.sso_leeway_seconds,
    )
    return Tokens(JwksFile(settings.sso_jwks), rules)
