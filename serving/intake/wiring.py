"""Put data intake together from the settings."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from serving.http.api import Api
from serving.intake.api import IntakeApi
from serving.intake.checking import IntakeChecker
from serving.intake.cleaning import IntakeCleaning
from serving.intake.desk import IntakeDesk
from serving.intake.uploads import UploadStore
from serving.ledger.database import Database
from serving.settings import ServiceSettings
from serving.uploads.limits import TableLimits

__all__ = ["intake_api", "intake_cleaning"]

_AFTER: Final = timedelta(hours=1)


def intake_api(
    api: Api, database: Database, *, clock: Callable[[], datetime], new_id: Callable[[], str]
) -> IntakeApi:
    """Return the handlers; what is taken lies below home/intake."""
    settings = api.settings
    uploads = UploadStore(database, settings.home / "intake")
    limits = TableLimits(rows=settings.intake_rows_limit)
    desk = IntakeDesk(
        IntakeChecker(settings.home / "checked" / "good", uploads, limits),
        uploads,
        api.parts.ledger,
        clock=clock,
        new_id=new_id,
        problems_shown=settings.intake_problems_shown,
    )
    return IntakeApi(api, desk, _spool(settings))


def intake_cleaning(settings: ServiceSettings, database: Database) -> IntakeCleaning:
    """Return what cleans up behind processes that were killed."""
    uploads = UploadStore(database, settings.home / "intake")
    after = max(_AFTER, timedelta(seconds=4 * settings.intake_body_seconds))
    return IntakeCleaning(uploads, _spool(settings), after=after, clock=time.time)


def _spool(settings: ServiceSettings) -> Path:
    return settings.home / "intake" / "spool"
