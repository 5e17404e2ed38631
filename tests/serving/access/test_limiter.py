"""Limits per key: a bucket a minute, so many at once, and a budget of rows that outlives the process."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from serving.access.caller import Call, Caller
from serving.access.errors import LimitExceededError, TooManyRowsError
from serving.access.identity import Identity
from serving.access.limiter import Limiter
from serving.access.limits import KeyLimits, Limits
from serving.access.row_budget import RowBudget
from serving.jobs.errors import JobQueueFullError
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from tests.serving.databases import Place

LIMITS = Limits(60, 2, 1000, rows_per_hour=1500, rows_per_day=2500)
START = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def holder(key_id: str = "a", **own: int) -> Identity:
    return Identity(key_id, "t", frozenset(), ("*",), KeyLimits(**own))


@dataclass
class Clocks:
    seconds: float = 0.0
    now: datetime = START


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def ask(limiter: Limiter, caller: Identity, times: int) -> LimitExceededError | None:
    for _ in range(times):
        try:
            with limiter.entered(caller):
                pass
        except LimitExceededError as error:
            return error
    return None


def test_a_minute_holds_so_many_requests_and_says_when_to_come_again(clocks: Clocks) -> None:
    limiter = Limiter(LIMITS, timer=lambda: clocks.seconds)
    assert ask(limiter, holder(), 60) is None
    refused = ask(limiter, holder(), 1)
    assert refused is not None
    assert (refused.rule, refused.limit, refused.retry_after) == ("requests_per_minute", 60, 1)
    assert ask(limiter, holder("b"), 60) is None, "another key has its own"
    clocks.seconds = refused.retry_after
    assert ask(limiter, holder(), 1) is None
    assert ask(limiter, holder(), 1) is not None
    clocks.seconds += 3600
    assert ask(limiter, holder(), 61) is not None, "what was not used is not saved up"


def test_workers_share_a_limit(clocks: Clocks) -> None:
    workers = [Limiter(LIMITS, workers=3, timer=lambda: clocks.seconds) for _ in range(3)]
    given = 0
    for worker in workers:
        while ask(worker, holder(), 1) is None:
            given += 1
    assert given == 60


def test_a_limit_below_the_number_of_workers_leaves_each_one(clocks: Clocks) -> None:
    """So a restless system gives more than it, as docs/access.md says, rather than nothing in most of its workers."""
    few = replace(LIMITS, requests_per_minute=2)
    workers = [Limiter(few, workers=3, timer=lambda: clocks.seconds) for _ in range(3)]
    assert [ask(worker, holder(), 1) for worker in workers] == [None, None, None]
    assert all(ask(worker, holder(), 1) is not None for worker in workers)


def test_a_key_has_its_own_limit(clocks: Clocks) -> None:
    limiter = Limiter(LIMITS, timer=lambda: clocks.seconds)
    assert ask(limiter, holder(requests_per_minute=3), 3) is None
    assert ask(limiter, holder(requests_per_minute=3), 1) is not None


def test_so_many_at_once_and_no_more(clocks: Clocks) -> None:
    limiter = Limiter(LIMITS, timer=lambda: clocks.seconds)
    with limiter.entered(holder()), limiter.entered(holder()):
        refused = ask(limiter, holder(), 1)
        assert refused is not None
        assert (refused.rule, refused.limit) == ("concurrent", 2)
        assert ask(limiter, holder("b"), 1) is None
    assert ask(limiter, holder(), 1) is None
    with pytest.raises(ValueError, match="broken"), limiter.entered(holder()):
        raise ValueError("broken")
    with limiter.entered(holder()), limiter.entered(holder()):
        pass


def test_keys_that_are_remembered_are_bounded_and_running_ones_stay(clocks: Clocks) -> None:
    limiter = Limiter(LIMITS, timer=lambda: clocks.seconds)
    with limiter.entered(holder("busy")):
        for number in range(5000):
            ask(limiter, holder(str(number)), 1)
        assert len(limiter._uses) <= 4096
        assert limiter._uses["busy"].running == 1


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    opened = place.database()
    opened.open()
    yield opened
    opened.close()


def caller(key_id: str = "a", **own: int) -> Caller:
    return Caller(Call("r", key_id, ()), "t", ("*",), KeyLimits(**own))


def exceeded(budget: RowBudget, asker: Caller, rows: int) -> LimitExceededError:
    with pytest.raises(LimitExceededError) as caught:
        budget.take(asker, rows)
    return caught.value


def test_rows_of_an_hour_are_counted_for_all_workers_and_after_a_restart(
    database: Database, clocks: Clocks
) -> None:
    one, two = (RowBudget(database, LIMITS, clock=lambda: clocks.now) for _ in range(2))
    one.take(caller(), 1000)
    two.take(caller(), 500)
    refused = exceeded(one, caller(), 1)
    assert (refused.rule, refused.limit, refused.retry_after) == ("rows_per_hour", 1500, 1800)
    one.take(caller("b"), 1000)
    clocks.now += timedelta(seconds=refused.retry_after)
    restarted = RowBudget(database, LIMITS, clock=lambda: clocks.now)
    restarted.take(caller(), 1000)
    assert restarted.used(caller()) == (1000, 2500)


def test_rows_of_a_day_come_free_with_the_hour_that_took_them(database: Database, clocks: Clocks) -> None:
    budget = RowBudget(database, LIMITS, clock=lambda: clocks.now)
    budget.take(caller(), 1000)
    clocks.now += timedelta(hours=2)
    budget.take(caller(), 1000)
    clocks.now += timedelta(hours=2)
    budget.take(caller(), 500)
    refused = exceeded(budget, caller(), 100)
    assert refused.rule == "rows_per_day"
    assert clocks.now + timedelta(seconds=refused.retry_after) == START.replace(minute=0) + timedelta(
        hours=24
    )
    assert budget.used(caller()) == (500, 2500), "what is refused takes nothing"
    clocks.now += timedelta(seconds=refused.retry_after)
    budget.take(caller(), 100)


def test_a_book_that_never_fits_is_said_to_be_too_large(database: Database, clocks: Clocks) -> None:
    budget = RowBudget(database, LIMITS, clock=lambda: clocks.now)
    with pytest.raises(TooManyRowsError, match=r"1001 rows.*1000"):
        budget.take(caller(), 1001)
    with pytest.raises(TooManyRowsError, match="10 at once"):
        budget.take(caller(rows_per_day=10), 11)
    assert budget.used(caller()) == (0, 0)


@pytest.mark.parametrize(
    ("error", "used"),
    [
        (JobQueueFullError(3), (0, 500)),
        (LedgerUnavailableError("the commit was lost"), (400, 900)),
        (ZeroDivisionError(), (400, 900)),
    ],
    ids=["refused", "may be on record", "nobody knows"],
)
def test_rows_of_what_was_refused_are_given_back_to_their_hour(
    database: Database, clocks: Clocks, error: Exception, used: tuple[int, int]
) -> None:
    budget = RowBudget(database, LIMITS, clock=lambda: clocks.now)
    budget.take(caller(), 500)
    clocks.now += timedelta(hours=1)
    with pytest.raises(type(error)), budget.taken(caller(), 400):
        raise error
    assert budget.used(caller()) == used
    with budget.taken(caller(), 100):
        clocks.now += timedelta(hours=1)
    assert budget.used(caller()) == (0, used[1] + 100)
