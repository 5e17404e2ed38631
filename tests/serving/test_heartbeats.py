"""Workers that are heard go on; one that was silent too long is named once, and a supervisor that slept counts anew."""

import asyncio
import contextlib
import os
from collections.abc import Iterator

import pytest

from serving.heartbeats import Heartbeats, beat

MINE = os.getpid()
OTHER = MINE + 1


class Seconds:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def heartbeats(seconds: Seconds, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heartbeats]:
    made = Heartbeats(30.0, clock=seconds)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()


def say() -> None:
    """Run a worker's loop until it has said its first word."""

    async def once() -> None:
        saying = asyncio.create_task(beat())
        await asyncio.sleep(0)
        saying.cancel()

    asyncio.run(once())


def looks(
    heartbeats: Heartbeats, seconds: Seconds, count: int, *pids: int, speaks: bool = False
) -> list[int]:
    found: list[int] = []
    for _ in range(count):
        if speaks:
            say()
        seconds.now += 1
        found += heartbeats.silent(pids)
    return found


def test_worker_that_is_heard_is_never_named(heartbeats: Heartbeats, seconds: Seconds) -> None:
    assert looks(heartbeats, seconds, 700, MINE, speaks=True) == []


def test_worker_that_fell_silent_is_named_once(heartbeats: Heartbeats, seconds: Seconds) -> None:
    looks(heartbeats, seconds, 1, MINE, speaks=True)
    assert looks(heartbeats, seconds, 29, MINE) == []
    assert looks(heartbeats, seconds, 1, MINE) == [MINE]
    assert looks(heartbeats, seconds, 100, MINE) == [], "it may take long to go"


def test_other_workers_do_not_speak_for_a_silent_one(heartbeats: Heartbeats, seconds: Seconds) -> None:
    assert looks(heartbeats, seconds, 700, MINE, OTHER, speaks=True) == [OTHER]


def test_worker_that_starts_has_longer_until_its_first_word(heartbeats: Heartbeats, seconds: Seconds) -> None:
    looks(heartbeats, seconds, 1, MINE, speaks=True)
    assert looks(heartbeats, seconds, 600, OTHER) == []
    assert looks(heartbeats, seconds, 1, OTHER) == [OTHER], "one that never speaks is found too"


def test_nobody_is_named_where_nobody_was_ever_heard(heartbeats: Heartbeats, seconds: Seconds) -> None:
    assert looks(heartbeats, seconds, 700, MINE, OTHER) == []


def test_supervisor_that_slept_counts_anew(heartbeats: Heartbeats, seconds: Seconds) -> None:
    looks(heartbeats, seconds, 1, MINE, OTHER, speaks=True)
    seconds.now += 3600
    assert heartbeats.silent([MINE, OTHER]) == []
    assert looks(heartbeats, seconds, 29, MINE, OTHER) == []
    assert MINE in looks(heartbeats, seconds, 1, MINE, OTHER), "from the awakening on it counts"
    assert looks(heartbeats, seconds, 569, OTHER) == [], "a sleep shortens nobody's start"
    assert looks(heartbeats, seconds, 1, OTHER) == [OTHER]


def test_new_worker_with_the_number_of_a_gone_one_starts_anew(
    heartbeats: Heartbeats, seconds: Seconds
) -> None:
    looks(heartbeats, seconds, 1, MINE, speaks=True)
    looks(heartbeats, seconds, 1)
    assert looks(heartbeats, seconds, 100, MINE) == []


def test_worker_goes_on_while_nobody_listens(heartbeats: Heartbeats) -> None:
    pipe = int(next(iter(heartbeats.environment.values())))
    with contextlib.suppress(BlockingIOError):
        while os.write(pipe, bytes(8)):
            pass
    say()
    assert heartbeats.silent([]) == []


def test_worker_of_no_supervisor_says_nothing() -> None:
    asyncio.run(asyncio.wait_for(beat(), 60))
