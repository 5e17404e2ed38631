"""SIGTERM: what was taken in is answered, nobody new is let in, jobs are cut off or left waiting and never run twice."""

import http.client
import json
import signal

import psutil
from sqlalchemy import select

from serving.ledger.tables import decisions
from tests.chaos.crowd import Crowd, check_kept
from tests.chaos.house import LIVE_SECONDS, WORKERS, House, slug, until

LONG, SHORT = 300_000, 3_000  # rows: one that is still running when the service ends, one that is soon done


class Slow:
    """A client in the middle of sending its request."""

    def __init__(self, house: House, party: str) -> None:
        self._body = json.dumps({"party_id": party}).encode()
        self._connection = http.client.HTTPConnection("127.0.0.1", house.service.port, timeout=LIVE_SECONDS)
        self._connection.putrequest("POST", "/v1/credit/score")
        self._connection.putheader("Authorization", f"Bearer {house.keys['officer']}")
        self._connection.putheader("Content-Type", "application/json")
        self._connection.putheader("Content-Length", str(len(self._body)))
        self._connection.endheaders(self._body[:5])
        assert self._connection.sock is not None
        self.port: int = self._connection.sock.getsockname()[1]

    def finish(self) -> tuple[int, str]:
        """Send the rest; return the status and the decision's id."""
        self._connection.send(self._body[5:])
        response = self._connection.getresponse()
        status, answer = response.status, json.loads(response.read())
        self._connection.close()
        return status, str(answer["decision_id"])


def taken_in(house: House, slow: list[Slow]) -> bool:
    """Tell whether workers hold these connections."""
    held = {
        connection.raddr.port
        for pid in house.workers
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == house.service.port
    }
    return held >= {one.port for one in slow}


def refused(house: House) -> bool:
    try:
        house.service.call("GET", "/healthz")
    except ConnectionRefusedError:
        return True
    except (OSError, http.client.HTTPException):
        return False
    return False


def stop(house: House) -> None:
    """Tell the service to end while slow clients are inside; demand that they are answered and nobody else is let in."""
    slow = [Slow(house, f"P{number:07d}") for number in (10, 11, 12)]
    until(lambda: taken_in(house, slow), "the connections were not taken in")
    house.service.process.send_signal(signal.SIGTERM)
    until(lambda: refused(house), "new connections were not refused")
    assert house.service.process.poll() is None, "it waits for those inside"
    answers = [one.finish() for one in slow]
    assert [status for status, _ in answers] == [200] * len(slow)
    assert house.service.process.wait(LIVE_SECONDS) is not None
    assert {decision_id for _, decision_id in answers} <= {one["decision_id"] for one in records(house)}


def records(house: House) -> list[dict[str, object]]:
    database = house.database()
    with database.reading() as connection:
        found = list(connection.execute(select(decisions.c.record)).scalars())
    database.close()
    return [json.loads(record) for record in found]


def submit(house: House, rows: int) -> str:
    lines = "\n".join(f"P{number % 50 + 10:07d}" for number in range(rows))
    headers = {"Authorization": f"Bearer {house.keys['officer']}", "Content_Type": "text/csv"}
    taken = house.service.call("POST", "/v1/credit/scores", f"party_id\n{lines}\n".encode(), **headers)
    assert taken.status == 202, taken.text
    return str(taken.json["job_id"])


def state(house: House, job_id: str) -> str:
    return str(house.ask(f"jobs/{job_id}", "officer").json["state"])


def test_requests_taken_in_are_answered_and_new_ones_refused(on_server: House) -> None:
    house = on_server.start()
    with Crowd(house) as crowd:
        crowd.wait_for(15)
        stop(house)
    assert crowd.problems == {}
    check_kept(house, crowd)


def test_running_jobs_are_cut_off_and_a_waiting_one_runs_once_after_the_restart(on_file: House) -> None:
    house = on_file.start()
    running = [submit(house, LONG) for _ in range(WORKERS)]
    waiting = submit(house, SHORT)
    for job_id in running:
        until(lambda: state(house, job_id) == "running", "the job did not begin")  # noqa: B023 - called here alone
    stop(house)
    house.start()
    assert [state(house, job_id) for job_id in running] == ["interrupted"] * WORKERS
    assert slug(house.ask(f"jobs/{running[0]}/result", "officer"), 409) == "job-not-done"
    until(lambda: state(house, waiting) == "done", "the waiting job was not run")
    assert house.ask(f"jobs/{waiting}/result", "officer").status == 200
    assert [state(house, job_id) for job_id in running] == ["interrupted"] * WORKERS, "not again unasked"
    ends = [one["job_id"] for one in records(house) if one["route"] == "credit/scores" and "job_id" in one]
    assert ends == [waiting]
    house.verified_rows()
