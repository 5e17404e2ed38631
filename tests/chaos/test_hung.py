"""A worker that hangs: who is connected to it waits, everybody else is answered by the others, until it is replaced."""

import http.client
import json
import os
import signal

import psutil
import pytest

from tests.chaos.crowd import Crowd, check_kept
from tests.chaos.house import LIVE_SECONDS, WORKERS, House, alive, until

IMPATIENT_SECONDS = 1.0


def connected_to(house: House, connection: http.client.HTTPConnection) -> int:
    """Return the worker that holds a connection."""
    assert connection.sock is not None
    port = connection.sock.getsockname()[1]
    held = [
        pid
        for pid in house.workers
        for one in psutil.Process(pid).net_connections("tcp")
        if one.raddr and one.raddr.port == port
    ]
    return held[0]


def ask(house: House, connection: http.client.HTTPConnection) -> None:
    headers = {"Authorization": f"Bearer {house.keys['officer']}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/credit/score", json.dumps({"party_id": "P0000010"}), headers)


def test_hung_worker_holds_up_only_those_connected_to_it(on_file: House) -> None:
    house = on_file.start()
    connection = http.client.HTTPConnection("127.0.0.1", house.service.port, timeout=IMPATIENT_SECONDS)
    ask(house, connection)
    assert json.loads(connection.getresponse().read())["decision_id"]
    hung = connected_to(house, connection)
    os.kill(hung, signal.SIGSTOP)
    try:
        ask(house, connection)
        with pytest.raises(TimeoutError):
            connection.getresponse()
        connection.close()
        assert {house.score().status for _ in range(20)} == {200}
        assert house.ready() == 200
    finally:
        os.kill(hung, signal.SIGCONT)
    house.verified_rows()


def test_worker_that_hangs_under_load_leaves_nothing_half_written(on_file: House) -> None:
    """Where it hangs inside a transaction, the others say 503 until it goes on or is killed."""
    house = on_file.start()
    with Crowd(house) as crowd:
        crowd.wait_for(15)
        hung = house.workers[0]
        os.kill(hung, signal.SIGSTOP)
        try:
            crowd.wait_for_any(15)
        finally:
            os.kill(hung, signal.SIGCONT)
        crowd.wait_for(15)
    assert set(crowd.problems) <= {(503, "ledger-unavailable"), (504, "deadline")}
    assert crowd.without_retry == []
    check_kept(house, crowd)


def hung_workers(house: House) -> float:
    """Return how many workers the service says were replaced because they hung."""
    page = house.service.call("GET", "/metrics").text
    (line,) = [line for line in page.splitlines() if line.startswith("zhiheng_workers_hung")]
    return float(line.split()[-1])


def test_hung_worker_is_killed_and_replaced_and_loses_no_answer(on_file: House) -> None:
    """Nobody helps: it is stopped under load and never goes on."""
    on_file.end()
    house = on_file.start(ZHIHENG_HUNG_WORKER_SECONDS="5")
    connection = http.client.HTTPConnection("127.0.0.1", house.service.port, timeout=LIVE_SECONDS)
    ask(house, connection)
    connection.getresponse().read()
    # One that answered: a worker that still starts is given ten minutes before its silence counts.
    hung = connected_to(house, connection)
    connection.close()
    try:
        with Crowd(house) as crowd:
            crowd.wait_for(15)
            os.kill(hung, signal.SIGSTOP)
            until(lambda: not alive(hung), "a worker that hangs was left alone")
            until(lambda: len(house.workers) == WORKERS, "no worker took its place")
            until(lambda: hung_workers(house) >= 1, "it is counted when its successor is there")
            said = f"worker {hung} said nothing"
            assert sum(said in line for line in house.service.log.read_text().splitlines()) == 1
            crowd.wait_for(15)
    finally:
        house.end()
    assert set(crowd.problems) <= {(503, "ledger-unavailable"), (504, "deadline")}
    house.start()
    check_kept(house, crowd)
