"""Take the oldest decisions out of the database into an archive, so that the chain can still be proved."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from serving.access.caller import Caller
from serving.ledger.archive import Archive, check_sha256, verify_archive, write_archive
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.errors import ArchiveError, PruneError
from serving.ledger.json_text import Json
from serving.ledger.tables import decisions, ledger_checkpoints
from serving.ledger.time_passed import LEAP, last_older_than
from serving.ledger.verification import GENESIS, Link, start_of

__all__ = ["KEEP_DAYS", "Checkpoint", "Prune", "archived_before", "checkpoints", "prune", "verify_archives"]

KEEP_DAYS: Final = 180
"""Younger decisions stay, whatever is asked for: the rules on automated decisions want half a year."""

_PAGE: Final = 1000
_DELETED_AT_ONCE: Final = 5000  # writers wait meanwhile


@dataclass(frozen=True)
class Prune:
    """Who wants decisions recorded before a moment out, when, and under which id that is written down."""

    before: datetime
    by: Caller
    at: datetime
    decision_id: str


@dataclass(frozen=True)
class Checkpoint:
    """What was pruned once."""

    archive: Archive
    pruned_at: str
    pruned_by: str
    decision_id: str

    @property
    def rows(self) -> int:
        """Return how many decisions were pruned."""
        return self.archive.last_seq - self.archive.first_seq + 1


def prune(database: Database, ledger: Ledger, wanted: Prune, folder: Path) -> Checkpoint | None:
    """Archive and remove the decisions before a moment; None where there are none.

    The archive is on the disk before the checkpoint and the prune's own record are in the database, both in one
    transaction, and these are there before the first row goes: what breaks off in between is finished by the next prune.
    Raises PruneError, ArchiveError, LedgerUnavailableError.
    """
    _remove(database)
    with database.reading() as connection:
        start, head = start_of(connection)
        last = _last_before(connection, start, wanted)
    if last <= start:
        return None
    verified = ledger.verify()
    if verified.broken is not None:
        raise PruneError(
            zh=f"哈希链在第 {verified.broken.seq} 行断裂，请先用 `zhiheng ledger verify` 查明。",
            en=f"the chain is broken at row {verified.broken.seq}; find out why with `zhiheng ledger verify` first.",
        )
    archive = write_archive(folder, _rows(database, start, last), first_seq=start + 1, last_seq=last)
    check_sha256(folder / archive.name, archive.sha256)
    archived = verify_archive(folder / archive.name, head=head)
    if archived.broken is not None or (archived.rows, archived.head) != (last, archive.last_hash):
        raise ArchiveError(
            archive.name, zh="写出的内容与台账不符", en="what was written differs from the ledger"
        )
    checkpoint = Checkpoint(
        archive, wanted.at.astimezone(UTC).isoformat(), wanted.by.name, wanted.decision_id
    )
    _note(ledger, checkpoint, wanted, start)
    _remove(database)
    return checkpoint


def checkpoints(database: Database) -> list[Checkpoint]:
    """Return what was pruned, oldest first."""
    with database.reading() as connection:
        rows = connection.execute(select(ledger_checkpoints).order_by(ledger_checkpoints.c.last_seq)).all()
    return [
        Checkpoint(
            Archive(
                row.archive, row.archive_sha256, row.first_seq, row.last_seq,
                row.first_hash, row.last_hash, row.oldest_at, row.newest_at,
            ),
            row.pruned_at,
            row.pruned_by,
            row.decision_id,
        )
        for row in rows
    ]  # fmt: skip


def archived_before(database: Database) -> datetime | None:
    """Return up to when every decision lies in an archive: what ended before has its record there. None: nothing does."""
    points = checkpoints(database)
    if not points:
        return None
    # Not the first: where a clock was set forward, those after it are older by what they say.
    with database.reading() as connection:
        oldest = connection.execute(select(func.min(decisions.c.recorded_at))).scalar_one()
    return datetime.fromisoformat(oldest or points[-1].archive.newest_at)


def verify_archives(database: Database, folder: Path) -> int:
    """Hold every archive against its checkpoint and the one before; return how many decisions they hold.

    Raises ArchiveError.
    """
    head, rows = GENESIS, 0
    for point in checkpoints(database):
        archive = point.archive
        check_sha256(folder / archive.name, archive.sha256)
        found = verify_archive(folder / archive.name, head=head)
        if found.broken is not None:
            raise ArchiveError(
                archive.name,
                zh=f"第 {found.broken.seq} 行：{found.broken.zh}",
                en=f"row {found.broken.seq}: {found.broken.en}",
            )
        if (found.rows, found.head) != (archive.last_seq, archive.last_hash):
            raise ArchiveError(archive.name, zh="与检查点不符", en="differs from its checkpoint")
        head, rows = found.head, found.rows
    return rows


def _last_before(connection: Connection, start: int, wanted: Prune) -> int:
    """Return the last row before the first that is not older than what was asked for. Raises PruneError.

    Where that row is too young by the clock or by what the chain shows to have passed since, nothing is pruned.
    """
    rows = select(decisions.c.seq, decisions.c.recorded_at)
    newest = connection.execute(rows.order_by(decisions.c.seq.desc()).limit(1)).first()
    now = wanted.at if newest is None else min(wanted.at, datetime.fromisoformat(newest.recorded_at))
    keep = timedelta(days=KEEP_DAYS)
    if wanted.before > now - keep:
        raise _too_young(now - keep)
    before = wanted.before.astimezone(UTC).isoformat()
    stays = select(decisions.c.seq).where(decisions.c.seq > start, decisions.c.recorded_at >= before)
    first = connection.execute(stays.order_by(decisions.c.seq).limit(1)).scalar_one_or_none()
    last = int(first) - 1 if first is not None else newest.seq if newest is not None else 0
    old = last_older_than(connection, keep, start=start, now=now)
    if last > old:
        stay = select(decisions.c.recorded_at).where(decisions.c.seq == old + 1)
        raise _too_young(datetime.fromisoformat(connection.execute(stay).scalar_one()))
    return last


def _too_young(limit: datetime) -> PruneError:
    day = limit.astimezone(UTC).date()
    return PruneError(
        zh=f"{KEEP_DAYS} 天内的决策必须保留；最晚可裁剪到 {day}（以最新一条决策与当前时间中较早者起算，前后两条决策相隔超过 "
        f"{LEAP.days} 天的与相隔最长的一次不计入）。如服务器时钟不准，请先校正。",
        en=f"decisions of the last {KEEP_DAYS} days have to stay; the latest day that can be given is {day} "
        "(counted from the newest decision or from now, whichever is earlier; where two decisions in a row are more than "
        f"{LEAP.days} days apart, these do not count, nor does the longest step). Set the clock right where it is wrong.",
    )


def _rows(database: Database, start: int, last: int) -> Iterator[Link]:
    while start < last:
        page = select(decisions).where(decisions.c.seq > start, decisions.c.seq <= last)
        with database.reading() as connection:
            found = connection.execute(page.order_by(decisions.c.seq).limit(_PAGE)).all()
        if not found:
            return
        yield from found
        start = found[-1].seq


def _note(ledger: Ledger, checkpoint: Checkpoint, wanted: Prune, start: int) -> None:
    """Write checkpoint and record in one transaction."""
    archive = checkpoint.archive
    values = {name: value for name, value in asdict(archive).items() if name not in ("name", "sha256")}
    values |= {"archive": archive.name, "archive_sha256": archive.sha256}

    def add(connection: Connection) -> None:
        if start_of(connection)[0] != start:
            raise PruneError(zh="另一个裁剪刚刚完成，请重试。", en="another prune has just ended; try again.")
        row = {
            "pruned_at": checkpoint.pruned_at,
            "pruned_by": wanted.by.name,
            "decision_id": wanted.decision_id,
        }
        connection.execute(insert(ledger_checkpoints).values(values | row))

    record: dict[str, Json] = {
        "decision_id": wanted.decision_id,
        "recorded_at": checkpoint.pruned_at,
        "route": "ledger/prune",
        **wanted.by.recorded,
        "subject": "",
        "request": {"before": wanted.before.astimezone(UTC).isoformat()},
        "answer": {**values, "rows": checkpoint.rows},
    }
    ledger.append([record], beside=add)


def _remove(database: Database) -> None:
    """Delete what checkpoints cover, a part at a time."""
    while True:
        with database.writing() as connection:
            last, _ = start_of(connection)
            first = connection.execute(
                select(decisions.c.seq).order_by(decisions.c.seq).limit(1)
            ).scalar_one_or_none()
            if first is None or first > last:
                return
            part = min(last, first + _DELETED_AT_ONCE - 1)
            connection.execute(delete(decisions).where(decisions.c.seq <= part))
