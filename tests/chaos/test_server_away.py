"""PostgreSQL stopped, crashed, killed, hung: no answer without a durable record, and answers again when it is back."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.chaos.crowd import Crowd, check_kept
from tests.chaos.house import LIVE_SECONDS, WORKERS, House, slug, until
from tests.serving.databases import Server
from tests.serving.metrics_page import samples

UNAVAILABLE = (503, "ledger-unavailable")


def postmaster(server: Server) -> psutil.Process:
    return psutil.Process(int((server.folder / "data" / "postmaster.pid").read_text().split()[0]))


def kill(server: Server) -> None:
    """Kill the server and wait for its children, who go when they notice."""
    parent = postmaster(server)
    children = parent.children()
    os.kill(parent.pid, signal.SIGKILL)
    psutil.wait_procs([parent, *children], timeout=LIVE_SECONDS)


def check_probes_answer(house: House) -> None:
    """The process lives and says what is wrong: an orchestrator that restarts it would not mend the database."""
    for _ in range(WORKERS * 3):
        assert [house.service.call("GET", path).status for path in ("/healthz", "/readyz", "/metrics")] == [
            200,
            503,
            200,
        ]
    assert "does not answer" in house.part("ledger")["problem_en"]
    page = house.service.call("GET", "/metrics").text
    parts = {labels["part"]: ready for labels, ready in samples(page, "zhiheng_part_ready")}
    assert (parts["ledger"], parts["model"]) == (0.0, 1.0)


@pytest.mark.parametrize("break_it", [lambda server: server.stop("fast"), kill], ids=["stopped", "killed"])
def test_server_that_goes_under_load_means_503_and_answers_when_it_is_back(
    on_server: House, server: Server, break_it: Callable[[Server], None]
) -> None:
    house = on_server.start()
    with Crowd(house) as crowd:
        crowd.wait_for(15)
        break_it(server)
        try:
            refused = crowd.problems[UNAVAILABLE]
            until(lambda: crowd.problems[UNAVAILABLE] > refused + 15, "nobody was told")
            answer = house.score()
            assert slug(answer, 503) == "ledger-unavailable"
            assert int(answer.headers["retry-after"]) >= 1
            assert "pd" not in answer.json
            assert house.ready() == 503
            assert house.part("ledger")["ready"] is False
        finally:
            server.start()
        crowd.wait_for(15)
        until(lambda: house.ready() == 200, "the service did not become ready by itself")
    assert set(crowd.problems) <= {UNAVAILABLE}
    assert crowd.without_retry == []
    check_kept(house, crowd)


def test_hung_server_means_504_and_nothing_half_written(on_server: House, server: Server) -> None:
    house = on_server.start()
    parent = postmaster(server)
    with Crowd(house, clients=4) as crowd:
        crowd.wait_for(15)
        parent.suspend()  # first: from then on no connection comes that would not hang
        hung = [parent, *parent.children()]
        for process in hung[1:]:
            with suppress(psutil.NoSuchProcess):  # a connection that ended by itself meanwhile
                process.suspend()
        try:
            until(lambda: bool(crowd.problems), "nobody was told")
            check_probes_answer(house)
        finally:
            for process in reversed(hung):
                with suppress(psutil.NoSuchProcess):
                    process.resume()
        crowd.wait_for(15)
    assert set(crowd.problems) <= {(504, "deadline"), UNAVAILABLE}
    check_kept(house, crowd)


def test_password_of_the_database_is_in_no_log(on_server: House) -> None:
    """Runs behind the others: by then every kind of failure was logged."""
    house = on_server.start()
    url = str(house.place.url)
    logged = [house.service.log, *(house.world.home / "logs").iterdir()]
    texts = "".join(Path(path).read_text() for path in logged)
    assert texts
    assert url not in texts
    assert url.rsplit("@", maxsplit=1)[0].rpartition(":")[2] not in texts
