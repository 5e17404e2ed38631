"""Clients that send too much, too slowly or too many at once: they are refused or cut off, all others are served."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.chaos.house import LIVE_SECONDS, House, slug, until
from tests.chaos.parts_house import PARTY, log_says

GIGABYTE = 1 << 30
GROWTH_BYTES = (
    64 << 20
)  # what a worker may take more for all of them together; each alone would send a gigabyte
FLOOD = 300


@contextmanager
def connected(house: House, *, small: bool = False) -> Iterator[socket.socket]:
    client = socket.socket()
    if small:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(LIVE_SECONDS)
    with client:
        client.connect(("127.0.0.1", house.service.port))
        yield client


def head(house: House, *lines: str, who: str = "second") -> bytes:
    usual = ("POST /v1/credit/score HTTP/1.1", "Host: service", "Content-Type: application/json",
             f"Authorization: Bearer {house.keys[who]}", "Accept-Language: en")  # fmt: skip
    return "\r\n".join([*usual, *lines, "", ""]).encode()


def read_all(client: socket.socket) -> bytes:
    """Read until the server closes; a connection that it resets is closed too."""
    text = b""
    with suppress(ConnectionError):
        while piece := client.recv(65_536):
            text += piece
    return text


def status_of(text: bytes) -> int:
    return int(text.split(b" ", 2)[1])


def peak_memory(house: House) -> int:
    """Return the most memory that the worker held since `forget_peak`."""
    (worker,) = house.workers
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(kilobytes) << 10


def forget_peak(house: House) -> int:
    (worker,) = house.workers
    Path(f"/proc/{worker}/clear_refs").write_text("5")
    return peak_memory(house)


def sends_endless_body(house: House, framing: str, piece: bytes) -> bytes:
    """Send until nobody takes it any more; return what was answered."""
    with connected(house) as client:
        client.sendall(head(house, framing))
        sent = 0
        with suppress(OSError):
            while sent < GIGABYTE:
                client.sendall(piece)
                sent += len(piece)
        assert sent < GIGABYTE, "all of it was taken"
        return read_all(client)


@pytest.mark.parametrize(
    ("framing", "piece"),
    [
        (f"Content-Length: {GIGABYTE}", b" " * 65_536),
        ("Transfer-Encoding: chunked", b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    ],
    ids=["announced", "chunked"],
)
def test_oversized_bodies_are_cut_off_others_are_served_and_memory_stays(
    parts: House, framing: str, piece: bytes
) -> None:
    before = forget_peak(parts)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(sends_endless_body, parts, framing, piece) for _ in range(8)]
        while not all(one.done() for one in asked):
            assert parts.score(PARTY).status == 200
        for one in asked:
            # A sender that never looks up from sending may find the connection closed instead of the refusal.
            text = one.result()
            assert text == b"" or status_of(text) == 413
    assert peak_memory(parts) - before < GROWTH_BYTES


def test_gigabyte_that_waits_for_leave_is_refused_unsent(parts: House) -> None:
    with connected(parts) as client:
        client.sendall(head(parts, f"Content-Length: {GIGABYTE}", "Expect: 100-continue"))
        assert status_of(read_all(client)) == 413


def drips_headers(client: socket.socket, _house: House) -> None:
    client.sendall(b"POST /v1/credit/score HTTP/1.1\r\nHost: service\r\n")


def says_nothing(_client: socket.socket, _house: House) -> None:
    """Connect, and that is all."""


def drips_body(client: socket.socket, house: House) -> None:
    client.sendall(head(house, "Content-Length: 100") + b'{"party_id"')


@pytest.mark.parametrize(
    ("begins", "drip", "clients", "ends"),
    [
        (drips_headers, b"X-More: 1\r\n", 200, {None}),
        (says_nothing, b"", 200, {None}),
        (drips_body, b" ", 15, {408}),
    ],
    ids=["headers", "silent", "body"],
)
def test_slow_senders_are_cut_off_while_others_are_served(
    parts: House,
    begins: Callable[[socket.socket, House], None],
    drip: bytes,
    clients: int,
    ends: set[int | None],
) -> None:
    with ExitStack() as held:
        slow = [held.enter_context(connected(parts)) for _ in range(clients)]
        for client in slow:
            begins(client, parts)
        for _ in range(3):
            assert parts.score(PARTY).status == 200
            for client in slow:
                with suppress(OSError):  # cut off already
                    client.sendall(drip)
        assert parts.ready() == 200
        answers = [read_all(client) for client in slow]
    assert {status_of(text) if text else None for text in answers} == ends
    if ends == {None}:
        page = parts.service.call("GET", "/metrics").text
        (line,) = [line for line in page.splitlines() if line.startswith("zhiheng_slow_headers_total")]
        assert float(line.split()[-1]) >= clients
    else:
        assert all(b"slow-body" in text for text in answers)


def test_headers_that_drip_on_a_connection_already_used_are_cut_off(parts: House) -> None:
    with connected(parts) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: service\r\n\r\n")
        assert b" 200 " in client.recv(65_536)
        client.sendall(b"GET /healthz HTTP/1.1\r\nX-More")
        assert b" 200 " not in read_all(client)
    assert parts.score(PARTY).status == 200


def test_reader_that_takes_nothing_is_given_up_and_holds_no_memory(parts: House) -> None:
    before = forget_peak(parts)
    pages = 100
    with connected(parts, small=True) as client:
        for _ in range(pages):  # of some hundred kilobytes each: more than any buffer between the two takes
            client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: service\r\n\r\n")
        for _ in range(3):
            assert parts.score(PARTY).status == 200
        until(lambda: log_says(parts, "its reader took nothing"), "the reader is waited for")
        assert read_all(client).count(b"HTTP/1.1 200") < pages
    assert peak_memory(parts) - before < GROWTH_BYTES
    assert parts.score(PARTY).status == 200


def ask_once(house: House, who: str) -> tuple[int, str, str]:
    answer = house.ask("credit/score", who, {"party_id": PARTY})
    return (
        answer.status,
        slug(answer, answer.status) if answer.status != 200 else "",
        answer.headers.get("retry-after", ""),
    )


def test_more_requests_than_are_taken_at_once_are_told_when_to_come_again(parts: House) -> None:
    with ExitStack() as held:
        for who, times in (("second", 20), ("officer", 10)):
            for _ in range(times):  # each holds a place until its body has come
                client = held.enter_context(connected(parts))
                client.sendall(head(parts, "Content-Length: 100", who=who) + b"{")
        found: set[tuple[int, str, str]] = set()
        end = time.monotonic() + LIVE_SECONDS
        while (503, "overloaded", "1") not in found and time.monotonic() < end:
            found.add(ask_once(parts, "org07"))
        assert (503, "overloaded", "1") in found
        assert parts.ready() == 200, "whoever looks after the service is answered all the same"
    until(lambda: parts.score(PARTY).status == 200, "the places are not given back")


def test_key_that_holds_all_its_places_is_refused_and_others_are_not(parts: House) -> None:
    with ExitStack() as held:
        for _ in range(20):
            client = held.enter_context(connected(parts))
            client.sendall(head(parts, "Content-Length: 100") + b"{")
        until(
            lambda: ask_once(parts, "second") == (429, "limit-exceeded", "1"),
            "the limit of the key is not kept",
        )
        assert ask_once(parts, "officer")[0] == 200
    until(lambda: ask_once(parts, "second")[0] == 200, "the places of the key are not given back")


def test_flood_is_answered_or_refused_and_the_service_recovers(parts: House) -> None:
    def ask(_number: int) -> tuple[int, str, str]:
        return ask_once(parts, "officer")

    with ThreadPoolExecutor(FLOOD) as pool:
        answers = Counter(pool.map(ask, range(FLOOD)))
    assert answers.total() == FLOOD
    assert set(answers) <= {(200, "", ""), (429, "limit-exceeded", "1"), (503, "overloaded", "1")}, answers
    assert answers[200, "", ""] > 0
    assert [parts.score(PARTY).status for _ in range(5)] == [200] * 5
    assert parts.ready() == 200
