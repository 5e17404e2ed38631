"""Answer questions about the lines' capacity without HTTP: the published run in; answers and records out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from models.capacity.profiles.profile import Profile
from models.capacity.published.run_info import CapacityInfo
from serving.access.caller import Caller
from serving.access.errors import OutsideScopeError
from serving.capacity.answers import answer_lines, capacity_stamp, forecast_said, refused_line
from serving.capacity.errors import UnknownLineError
from serving.capacity.quality import capacity_quality, run_notes, stale_notes
from serving.capacity.run_store import CapacityStore, LoadedCapacity
from serving.capacity.schemas import CapacityForecastAnswer, CapacityForecastRequest, RefusedLine
from serving.champions.errors import FamilyStoppedError, StaleError
from serving.champions.families import CAPACITY, Level
from serving.errors import FieldProblem, InvalidRequestError, NotReadyError
from serving.ledger.answered import Answered, write_answer
from serving.schemas import Note

__all__ = ["CapacityDesk", "CapacityLimits"]

_REFUSED: Final = "line_refused"  # the run's remark on a line without a usable history


@dataclass(frozen=True)
class CapacityLimits:
    """How many lines or products one answer may hold, and from when on a run is old."""

    answer_rows: int
    stale_run_days: int
    stale_policy: str = "flag"


class CapacityDesk:
    """Reads the newest published run of capacity; a key for some companies sees their lines and products alone."""

    def __init__(
        self,
        store: CapacityStore,
        profiles: Mapping[str, Profile],
        *,
        limits: CapacityLimits,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self.store, self.profiles, self.limits = store, profiles, limits
        self.clock, self.new_id = clock, new_id

    def forecast(self, request: CapacityForecastRequest, planner: Caller) -> Answered:
        """Answer from the newest run.

        Raises NotReadyError, InvalidRequestError, UnknownLineError, OutsideScopeError.
        """
        now, loaded = self.clock(), self.run()
        rows, unknown = self._chosen(request, loaded, planner)
        lines, without = answer_lines(loaded, rows, request, self.profiles)
        refused = [*unknown, *without]
        answer = CapacityForecastAnswer(
            **capacity_stamp(loaded.info).model_dump(),
            request_id=planner.call.request_id,
            decision_id=self.new_id(),
            by=request.by,
            quality=capacity_quality(
                self.notes(loaded.info, now, whole=planner.sees_all, lines_alone=True),
                [line.quality for line in lines],
                len(refused),
            ),
            lines=lines,
            refused=refused,
        )
        return write_answer("capacity/forecast", answer, request, planner, said=forecast_said(answer), at=now)

    def run(self) -> LoadedCapacity:
        """Return the run that answers. Raises NotReadyError, FamilyStoppedError where the kill switch stopped it."""
        choice = self.store.choice
        if choice is not None and choice.level is Level.STOPPED:
            raise FamilyStoppedError(CAPACITY, choice.reason)
        if self.store.latest is None:
            raise NotReadyError(
                "capacity",
                zh="尚无已发布的产能预测。请运行 `zhiheng capacity forecast`。",
                en="no forecast of capacity has been published yet. Run `zhiheng capacity forecast`.",
            )
        return self.store.latest

    def notes(
        self, info: CapacityInfo, now: datetime, *, whole: bool, lines_alone: bool = False
    ) -> list[Note]:
        """Return what a run says of itself, to those who may know of the whole group, and whether it is old or not the newest.

        Raises StaleError where the policy is to refuse what is too old.
        """
        old = stale_notes(info, now, stale_after_days=self.limits.stale_run_days)
        if old and self.limits.stale_policy == "refuse":
            raise StaleError(zh=old[0].text_zh, en=old[0].text_en)
        note = self.store.choice.note if self.store.choice is not None else None
        return [
            *run_notes(info, whole=whole, lines_alone=lines_alone),
            *old,
            *([note] if note is not None else []),
        ]

    def _chosen(
        self, request: CapacityForecastRequest, loaded: LoadedCapacity, planner: Caller
    ) -> tuple[pl.DataFrame, list[RefusedLine]]:
        """Return the lines a request is about, and those it names that are not there."""
        planner.require(request.company)
        seen = self.seen_lines(loaded, planner, company=request.company, profile=request.profile)
        if request.product_id is not None:
            makers = loaded.run.routes.filter(pl.col("product_id") == request.product_id)
            seen = seen.join(
                makers.select("line_id").unique(), on="line_id", how="semi", maintain_order="left"
            )
        ids = list(dict.fromkeys(request.line_ids)) if request.line_ids is not None else None
        if ids is not None:
            seen = pl.DataFrame({"line_id": ids}).join(seen, on="line_id", how="inner", maintain_order="left")
        self.require_some("line_ids", seen.height, loaded, planner)
        found = set(seen["line_id"])
        return seen, [_unknown(one, loaded, planner) for one in ids or () if one not in found]

    def seen_lines(
        self,
        loaded: LoadedCapacity,
        planner: Caller,
        *,
        company: str | None = None,
        profile: str | None = None,
    ) -> pl.DataFrame:
        """Return the lines that the key may see, of a company or profile where one is named."""
        rows = planner.seen(loaded.lines)
        for column, wanted in (("org_id", company), ("profile", profile)):
            if wanted is not None:
                rows = rows.filter(pl.col(column) == wanted)
        return rows

    def require_some(self, field: str, count: int, loaded: LoadedCapacity, planner: Caller) -> None:
        """Refuse a question that nothing or too much fits; a key with companies does not learn what others have."""
        if count == 0:
            if planner.sees_all:
                raise UnknownLineError(loaded.info.run_id)
            raise OutsideScopeError(planner.companies)
        limit = self.limits.answer_rows
        if count > limit:
            zh = f"涉及 {count} 条，超过上限 {limit}；请缩小范围或分批"
            en = f"is about {count}, above the limit of {limit}; ask for fewer at a time"
            raise InvalidRequestError([FieldProblem(field, "too_many_rows", zh, en)])


def _unknown(line_id: str, loaded: LoadedCapacity, planner: Caller) -> RefusedLine:
    """Say why a line that was asked for is not answered; the run names those that it refused."""
    if not planner.sees_all:
        zh, en = (
            "没有此产线，或它不属于该密钥覆盖的企业。",
            "no such line, or it is not of the key's companies.",
        )
        return refused_line(line_id, "not_in_scope", zh, en)
    for note in loaded.info.notes:
        if note.code == _REFUSED and note.en.startswith(f"Line {line_id}: "):
            return refused_line(line_id, "refused_by_run", note.zh, note.en)
    zh, en = "该批次中没有此产线，请核对编号。", "the run holds no such line; check the id."
    return refused_line(line_id, "unknown_line", zh, en)
