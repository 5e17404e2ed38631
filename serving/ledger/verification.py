"""Walk the chain and find the first row that does not hold."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import Connection, Row, select

from serving.ledger.columns import ListedBy, listed_by
from serving.ledger.tables import decision_scopes, decisions, ledger_checkpoints

__all__ = [
    "CHECKPOINT",
    "GENESIS",
    "ChainBreak",
    "Link",
    "Verification",
    "chain_hash",
    "start_of",
    "verify_links",
    "verify_rows",
]

GENESIS: Final = "0" * 64
CHECKPOINT: Final = (
    "first_seq", "last_seq", "first_hash", "last_hash", "oldest_at", "newest_at", "archive", "archive_sha256",
)  # fmt: skip
"""What the record of a prune says of its checkpoint."""
_PAGE: Final = 1000


class Link(Protocol):
    """A row of the chain, from the database or from an archive."""

    seq: int
    decision_id: str
    recorded_at: str
    record: str
    prev_hash: str
    hash: str


@dataclass(frozen=True)
class ChainBreak:
    """The first row at which the chain does not hold, and what is wrong with it."""

    seq: int
    decision_id: str
    zh: str
    en: str


@dataclass(frozen=True)
class Verification:
    """What a walk over the chain found; `head` is the hash to write down elsewhere.

    `rows` counts every row ever written up to the head, `pruned` those of them that lie in archives.
    """

    rows: int
    head: str
    broken: ChainBreak | None
    pruned: int = 0


def chain_hash(prev_hash: str, record: str) -> str:
    """Hash a record together with the hash before it."""
    return hashlib.sha256(f"{prev_hash}\n{record}".encode()).hexdigest()


def start_of(connection: Connection) -> tuple[int, str]:
    """Return the last row that was pruned and its hash: where the chain that is left begins."""
    newest = select(ledger_checkpoints).order_by(ledger_checkpoints.c.last_seq.desc()).limit(1)
    row = connection.execute(newest).first()
    return (row.last_seq, row.last_hash) if row is not None else (0, GENESIS)


def verify_rows(connection: Connection) -> Verification:
    """Walk all rows of the database and stop at the first that does not hold."""
    start = pruned, _ = start_of(connection)
    broken = _broken_checkpoint(connection)
    if broken is not None:
        return Verification(*start, broken, pruned)
    scopes = set(connection.execute(select(decision_scopes.c.companies)).scalars())
    while True:
        page = select(decisions).where(decisions.c.seq > start[0]).order_by(decisions.c.seq).limit(_PAGE)
        found = connection.execute(page).all()
        walked = verify_links(found, *start)
        for row in found[: walked.rows - start[0]]:
            listed = _broken_listing(row, scopes)
            if listed is not None:
                return Verification(row.seq - 1, row.prev_hash, listed, pruned)
        if walked.broken is not None or len(found) < _PAGE:
            return Verification(walked.rows, walked.head, walked.broken, pruned)
        start = walked.rows, walked.head


def verify_links(links: Iterable[Link], seq: int, head: str) -> Verification:
    """Walk rows that should follow row `seq` with the hash `head`."""
    for link in links:
        broken = _broken(link, seq=seq + 1, head=head)
        if broken is not None:
            return Verification(seq, head, broken)
        seq, head = link.seq, link.hash
    return Verification(seq, head, None)


def _broken(row: Link, *, seq: int, head: str) -> ChainBreak | None:
    """Say what is wrong with a row that should be number `seq` and follow `head`."""
    if row.seq != seq:
        return ChainBreak(row.seq, row.decision_id, f"缺少第 {seq} 行", f"row {seq} is missing")
    if row.prev_hash != head:
        return ChainBreak(
            row.seq, row.decision_id, "与上一行的哈希不衔接", "does not follow the row before it"
        )
    if chain_hash(row.prev_hash, row.record) != row.hash:
        return ChainBreak(row.seq, row.decision_id, "内容与哈希不符，已被改动", "content was changed")
    record = json.loads(row.record)
    if (record["decision_id"], record["recorded_at"]) != (row.decision_id, row.recorded_at):
        return _other_columns(row)
    return None


def _broken_listing(row: Row[tuple[object, ...]], scopes: set[str]) -> ChainBreak | None:
    """Say whether a row would be missed, or wrongly found, in a list."""
    if ListedBy(row.route, row.subject, row.key_id, row.companies) != listed_by(json.loads(row.record)):
        return _other_columns(row)
    if row.companies in scopes:
        return None
    unlisted = "其企业范围不在范围清单中", "its companies are missing in the list of companies"
    return ChainBreak(row.seq, row.decision_id, *unlisted)


def _other_columns(row: Link | Row[tuple[object, ...]]) -> ChainBreak:
    return ChainBreak(row.seq, row.decision_id, "索引列与内容不符", "its columns differ from its content")


def _broken_checkpoint(connection: Connection) -> ChainBreak | None:
    """Hold the checkpoints against each other, and each against the record of its prune.

    That of the newest has to be there; those of older ones may have been pruned since.
    """
    points = connection.execute(select(ledger_checkpoints).order_by(ledger_checkpoints.c.last_seq)).all()
    seq = 0
    for point in points:
        if point.first_seq != seq + 1:
            missing = f"缺少第 {seq + 1} 行的检查点", f"the checkpoint of row {seq + 1} is missing"
            return ChainBreak(point.last_seq, point.decision_id, *missing)
        seq = point.last_seq
        query = select(decisions.c.record).where(decisions.c.decision_id == point.decision_id)
        record = connection.execute(query).scalar_one_or_none()
        if record is None and point is not points[-1]:
            continue
        said = json.loads(record or "{}").get("answer", {})
        if any(said.get(name) != getattr(point, name) for name in CHECKPOINT):
            differs = "检查点与其裁剪记录不符", "the checkpoint differs from the record of its prune"
            return ChainBreak(point.last_seq, point.decision_id, *differs)
    return None
