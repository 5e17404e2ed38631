"""One look at a time: who asks shares it, nobody waits without end, and a stuck one is not begun again."""

import threading
from collections.abc import Iterator

import pytest

from serving.ledger.errors import LedgerUnavailableError
from serving.ledger.one_look import OneLook

NAME = "look-of-this-test"


class Database:
    """Counts looks, and hangs while it is told to."""

    def __init__(self) -> None:
        self.looks = 0
        self.well = threading.Event()
        self.well.set()

    def look(self) -> int:
        self.looks += 1
        self.well.wait()
        return self.looks


@pytest.fixture
def database() -> Iterator[Database]:
    found = Database()
    yield found
    found.well.set()


def stuck() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == NAME]


def test_each_who_asks_after_the_other_sees_anew(database: Database) -> None:
    look = OneLook(database.look, name=NAME)
    assert [look.result(), look.result()] == [1, 2]


def test_who_asks_while_it_hangs_is_told_so_and_no_second_look_is_begun(database: Database) -> None:
    look = OneLook(database.look, name=NAME, wait_seconds=0.05)
    database.well.clear()
    for _ in range(5):
        with pytest.raises(LedgerUnavailableError) as told:
            look.result()
        assert "does not answer" in told.value.en
        assert "当前不可用" in told.value.zh
    assert (database.looks, len(stuck())) == (1, 1)


def test_it_looks_again_once_the_stuck_look_has_returned(database: Database) -> None:
    look = OneLook(database.look, name=NAME, wait_seconds=0.05)
    database.well.clear()
    with pytest.raises(LedgerUnavailableError):
        look.result()
    [thread] = stuck()
    database.well.set()
    thread.join()
    assert OneLook(database.look, name=NAME).result() == 2
    assert look.result() == 3


def test_what_the_look_raises_is_told_and_the_next_look_is_a_new_one() -> None:
    answers: list[int | Exception] = [LedgerUnavailableError("SQLITE_FULL"), 7]

    def seen() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    look = OneLook(seen, name=NAME)
    with pytest.raises(LedgerUnavailableError, match="SQLITE_FULL"):
        look.result()
    assert look.result() == 7


def test_thread_that_cannot_be_started_means_unavailable(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    look = OneLook(database.look, name=NAME)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(LedgerUnavailableError, match="no thread"):
            look.result()
    assert look.result() == 1
