"""Put data intake together from the settings."""

from collections.abc import Callable
from datetime import datetime

from serving.http.api import Api
from serving.intake.api import IntakeApi
from serving.intake.checking import IntakeChecker
from serving.intake.desk import IntakeDesk
from serving.intake.uploads import UploadStore
from serving.ledger.database import Database
from serving.uploads.limits import TableLimits

__all__ = ["intake_api"]


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
    return IntakeApi(api, desk, settings.home / "intake" / "spool")
