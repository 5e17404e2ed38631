"""Many answers share a transaction; each hears for itself whether its record is durable."""

import asyncio
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from serving.jobs.errors import JobQueueFullError
from serving.ledger.chain import Json, Ledger
from serving.ledger.committer import Committer
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.tables import api_keys, decisions
from serving.ledger.writing import batch_of
from tests.serving.databases import Place


def record(name: str, **fields: Json) -> dict[str, Json]:
    return {"decision_id": name, "recorded_at": "2026-11-01T00:00:00+00:00", **fields}


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(decisions.c.decision_id).order_by(decisions.c.seq)).scalars())


class Held:
    """Keeps the committer inside a transaction, so that what is asked for meanwhile gathers behind it."""

    def __init__(self, committer: Committer) -> None:
        self.inside, self._leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=committer.append, args=(batch_of([record("first")], self._hold),)
        )

    def __enter__(self) -> "Held":
        self._thread.start()
        assert self.inside.wait(20)
        return self

    def leave(self) -> None:
        self._leave.set()

    def __exit__(self, *_: object) -> None:
        self.leave()
        self._thread.join()

    def _hold(self, _connection: Connection) -> None:
        self.inside.set()
        self._leave.wait(20)


class CountingDatabase(Database):
    """Counts transactions that write."""

    count = 0

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        self.count += 1
        with super().writing() as connection:
            yield connection


@pytest.fixture
def counted(place: Place) -> Iterator[CountingDatabase]:
    opened = place.database()
    found = CountingDatabase(place.path, url=opened.url)
    found.open()
    yield found
    found.close()


async def gathered(committer: Committer, held: Held, *names: str) -> list[BaseException | None]:
    """Commit one record of each name while the committer is held; return what each heard."""
    tasks = [asyncio.create_task(committer.commit(batch_of([record(name)], None))) for name in names]
    await asyncio.sleep(0)
    held.leave()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_gathers_during_a_transaction_shares_the_next(counted: CountingDatabase) -> None:
    committer = Committer(counted)
    wanted = [f"d{number}" for number in range(200)]
    with Held(committer) as held:
        assert set(asyncio.run(gathered(committer, held, *wanted))) == {None}
    assert counted.count == 2
    assert names(counted) == ["first", *wanted]
    assert Ledger(counted).verify().broken is None


def test_one_bad_record_does_not_fail_the_others(database: Database) -> None:
    committer = Committer(database)
    with Held(committer) as held:
        heard = asyncio.run(gathered(committer, held, "a", "first", "b"))
    assert [type(one) for one in heard] == [type(None), LedgerUnavailableError, type(None)]
    assert names(database) == ["first", "a", "b"]


def refuse(_connection: Connection) -> None:
    raise JobQueueFullError(3)


def break_disk(_connection: Connection) -> None:
    raise OSError(28, "No space left on device")


def break_rules(connection: Connection) -> None:
    connection.execute(insert(api_keys).values(key_id="k"))


@pytest.mark.parametrize(
    ("beside", "error"),
    [
        (refuse, JobQueueFullError),
        (break_disk, LedgerUnavailableError),
        (break_rules, LedgerUnavailableError),
        (lambda _connection: 1 / 0, ZeroDivisionError),
    ],
)
def test_what_fails_beside_a_record_takes_that_record_alone(
    database: Database, beside: Callable[[Connection], None], error: type[Exception]
) -> None:
    committer = Committer(database)

    async def all_of(held: Held) -> list[BaseException | None]:
        batches = [batch_of([record("a")], None), batch_of([record("x"), record("y")], beside)]
        batches.append(batch_of([record("b")], None))
        tasks = [asyncio.create_task(committer.commit(batch)) for batch in batches]
        await asyncio.sleep(0)
        held.leave()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with Held(committer) as held:
        heard = asyncio.run(all_of(held))
    assert [type(one) for one in heard] == [type(None), error, type(None)]
    assert names(database) == ["first", "a", "b"]
    assert Ledger(database).verify().broken is None


def test_unwritable_ledger_fails_all_that_wait(place: Place) -> None:
    database, other = place.database(wait_seconds=0.2), place.database()
    database.open()
    committer = Committer(database)
    with other.writing():
        heard: list[BaseException | None] = []

        async def both() -> None:
            tasks = [committer.commit(batch_of([record(name)], None)) for name in ("a", "b", "c")]
            heard.extend(await asyncio.gather(*tasks, return_exceptions=True))

        asyncio.run(both())
    assert [type(one) for one in heard] == [LedgerUnavailableError] * 3
    committer.append(batch_of([record("d")], None))
    assert names(database) == ["d"]
    for one in (database, other):
        one.close()


def test_full_queue_refuses_at_once_and_takes_again_when_it_is_empty(database: Database) -> None:
    committer = Committer(database, waiting_bytes=10_000)
    large = batch_of([record("large", filler="x" * 20_000)], None)
    with Held(committer) as held:

        async def crowd() -> list[BaseException | None]:
            tasks = [
                asyncio.create_task(committer.commit(batch_of([record(f"d{n}")], None))) for n in range(30)
            ]
            await asyncio.sleep(0)
            held.leave()
            return await asyncio.gather(*tasks, return_exceptions=True)

        heard = asyncio.run(crowd())
    taken = [one for one in heard if one is None]
    assert 0 < len(taken) < 30
    assert heard == taken + heard[len(taken) :], "who came first is served"
    assert all("too many records wait" in str(one) for one in heard[len(taken) :])
    assert len(names(database)) == 1 + len(taken)
    committer.append(large)
    assert names(database)[-1] == "large"


def test_record_of_a_caller_that_went_away_is_not_written(database: Database) -> None:
    committer = Committer(database)

    async def leave_early(held: Held) -> None:
        gone = asyncio.create_task(committer.commit(batch_of([record("gone")], None)))
        stays = asyncio.create_task(committer.commit(batch_of([record("stays")], None)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        held.leave()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await stays

    with Held(committer) as held:
        asyncio.run(leave_early(held))
    assert names(database) == ["first", "stays"]


def test_closed_loop_and_ended_thread_hold_nobody_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.ledger.committer._IDLE_SECONDS", 0.01)
    committer = Committer(database)
    for number in range(3):
        asyncio.run(committer.commit(batch_of([record(f"d{number}")], None)))
        thread = committer._thread
        if thread is not None:
            thread.join(20)
        assert committer._thread is None
    assert names(database) == ["d0", "d1", "d2"]


def test_record_beside_a_record_is_refused(database: Database) -> None:
    ledger = Ledger(database)
    with pytest.raises(RuntimeError, match="beside"):
        ledger.append([record("a")], beside=lambda _connection: ledger.append([record("b")]))
    assert names(database) == []


@settings(max_examples=15)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), min_size=1, max_size=12))
def test_any_mix_of_batches_is_kept_whole_or_not_at_all(batches: list[list[int]]) -> None:
    """Whatever ids come together, an id is taken once, by the first batch in which none was taken before."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "ledger.db")
        committer = Committer(database)

        async def all_of() -> list[BaseException | None]:
            made = [batch_of([record(f"d{one}") for one in batch], None) for batch in batches]
            return await asyncio.gather(*map(committer.commit, made), return_exceptions=True)

        heard = asyncio.run(all_of())
        expected: list[str] = []
        for batch, told in zip(batches, heard, strict=True):
            ids = [f"d{one}" for one in batch]
            fits = len(set(ids)) == len(ids) and not set(ids) & set(expected)
            assert (told is None) == fits
            expected += ids if fits else []
        assert names(database) == expected
        assert Ledger(database).verify().broken is None
        database.close()


def test_a_record_that_no_thread_can_write_is_refused_and_not_written_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    committer = Committer(database)

    def refuse_to_start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_to_start)
        with pytest.raises(LedgerUnavailableError):
            committer.append(batch_of([record("refused")], None))
    committer.append(batch_of([record("taken")], None))
    assert names(database) == ["taken"]
