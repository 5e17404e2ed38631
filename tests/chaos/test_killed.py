"""kill -9 at any moment under load: what a client received is in the ledger, the chain verifies, the service comes back."""

import os
import random
import signal
import time

from tests.chaos.crowd import Crowd, check_kept
from tests.chaos.house import WORKERS, House, alive, until

CHANCE = random.Random(20261122)  # noqa: S311 - repeatable, not secret


def some_moment() -> None:
    time.sleep(CHANCE.uniform(0.0, 0.2))


def replaced(house: House, victim: int) -> bool:
    return len(set(house.workers) - {victim}) == WORKERS


def test_worker_killed_under_load_loses_no_answer_and_is_replaced(house: House) -> None:
    with Crowd(house) as crowd:
        for _ in range(2):
            crowd.wait_for(15)
            some_moment()
            victim = CHANCE.choice(house.workers)
            os.kill(victim, signal.SIGKILL)
            until(lambda: replaced(house, victim), "no worker took its place")  # noqa: B023 - called here alone
        crowd.wait_for(15)
    assert crowd.problems == {}, "who reached a worker was answered"
    check_kept(house, crowd)


def test_service_killed_under_load_loses_no_answer_and_starts_again(on_file: House) -> None:
    house = on_file.start()
    with Crowd(house) as crowd:
        crowd.wait_for(15)
        some_moment()
        house.kill_all()
        house.start()
        crowd.wait_for(15)
    assert crowd.broken, "clients saw connections break"
    assert crowd.problems == {}
    check_kept(house, crowd)


def test_workers_do_not_outlive_their_supervisor(on_server: House) -> None:
    house = on_server.start()
    orphans = house.workers
    with Crowd(house) as crowd:
        crowd.wait_for(15)
        os.kill(house.service.process.pid, signal.SIGKILL)
        house.service.process.wait()
        until(lambda: not any(map(alive, orphans)), "workers without a supervisor went on")
        house.start()
        crowd.wait_for(15)
    assert set(crowd.problems) <= {(503, "ledger-unavailable")}, "said, and nothing kept of it"
    check_kept(house, crowd)
