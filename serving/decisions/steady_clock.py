"""A clock that never runs behind the ledger: an end date or due date that has passed stays passed when the clock is set back."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Final

from sqlalchemy import func, select

from serving.ledger.database import Database
from serving.ledger.tables import decisions
from serving.moments import local_day
from serving.schemas import Note

__all__ = ["Moment", "SteadyClock"]

_NEWEST: Final = select(func.max(decisions.c.recorded_at))


@dataclass(frozen=True)
class Moment:
    """The time to go by, in which time zone, and by how many seconds the computer's own clock is behind it."""

    at: datetime
    zone: tzinfo
    behind_seconds: float = 0.0
    tolerance_seconds: float = 0.0

    @property
    def day(self) -> date:
        """Return the local day."""
        return local_day(self.at, self.zone)

    @property
    def notes(self) -> list[Note]:
        """Say so where the clock is behind by more than hosts may differ."""
        if self.behind_seconds <= self.tolerance_seconds:
            return []
        return [
            Note(
                code="clock_behind",
                text_zh=f"服务器时钟比台账的最新记录慢 {self.behind_seconds:.0f} 秒，日期按台账计算；请校正时钟。",
                text_en=f"The server's clock is {self.behind_seconds:.0f} s behind the newest record of the ledger; dates "
                "go by the ledger. Set the clock right.",
            )
        ]


class SteadyClock:
    """The later of the computer's clock and the newest record of the chain."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], *, zone: tzinfo, tolerance_seconds: float
    ) -> None:
        self.clock = clock
        self._database, self._zone, self._tolerance = database, zone, tolerance_seconds

    def now(self) -> Moment:
        """Return the time to go by. Raises LedgerUnavailableError."""
        given = self.clock().astimezone(UTC)
        with self._database.reading() as connection:
            newest = connection.execute(_NEWEST).scalar_one()
        if newest is None:
            return Moment(given, self._zone)
        recorded = datetime.fromisoformat(newest)
        behind = (recorded - given).total_seconds()
        return Moment(max(given, recorded), self._zone, max(behind, 0.0), self._tolerance)
