"""Clients that no library makes, at the real server: large, slow, compressed, half-closed; it answers and lives on."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.serving.conftest import Service

GIGABYTE = 1 << 30


@contextmanager
def connected(service: "Service") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as client:
        yield client


def head(service: "Service", *lines: str) -> bytes:
    usual = ("POST /v1/credit/score HTTP/1.1", "Host: service", "Content-Type: application/json",
             f"Authorization: Bearer {service.world.officer}", "Accept-Language: en")  # fmt: skip
    return "\r\n".join([*usual, *lines, "", ""]).encode()


def answer(client: socket.socket) -> tuple[int, str, dict[str, str]]:
    """Read to the end: the server must close by itself."""
    text = b""
    while piece := client.recv(65_536):
        text += piece
    top, _, body = text.partition(b"\r\n\r\n")
    lines = top.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), str(json.loads(body)["type"]).rpartition(":")[2], headers


def lives(service: "Service") -> None:
    assert service.score({"party_id": "P0000000"}).status == 200


def test_a_gigabyte_that_is_announced_is_refused_before_it_is_sent(service: "Service") -> None:
    with connected(service) as client:
        client.sendall(head(service, f"Content-Length: {GIGABYTE}", "Expect: 100-continue"))
        assert answer(client)[:2] == (413, "body-too-large")
    lives(service)


def test_a_sender_that_goes_on_reads_the_refusal_all_the_same(service: "Service") -> None:
    with connected(service) as client:
        client.sendall(head(service, f"Content-Length: {GIGABYTE}"))
        for _ in range(64):
            client.sendall(b" " * 65_536)
        client.shutdown(socket.SHUT_WR)
        status, slug, headers = answer(client)
    assert (status, slug, headers["connection"]) == (413, "body-too-large", "close")
    lives(service)


def test_chunks_without_end_are_refused(service: "Service") -> None:
    with connected(service) as client:
        client.sendall(head(service, "Transfer-Encoding: chunked"))
        for _ in range(30):
            client.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        client.shutdown(socket.SHUT_WR)
        assert answer(client)[:2] == (413, "body-too-large")
    lives(service)


def test_a_body_that_stops_coming_is_answered_and_the_connection_closed(service: "Service") -> None:
    with connected(service) as client:
        client.sendall(head(service, "Content-Length: 100") + b'{"party_id"')
        status, slug, headers = answer(client)
    assert (status, slug, headers["connection"]) == (408, "slow-body", "close")
    lives(service)


def test_a_client_that_goes_away_leaves_nothing_behind(service: "Service") -> None:
    for _ in range(20):
        with connected(service) as client:
            client.sendall(head(service, "Content-Length: 100") + b"{")
    time.sleep(0.2)
    lives(service)


@pytest.mark.parametrize(
    "request_line", ["GET /v1/../../etc/passwd HTTP/1.1", "GET /v1/%2e%2e/x HTTP/1.1", "GET //v1 HTTP/1.1"]
)
def test_addresses_reach_the_gate_as_they_were_sent(service: "Service", request_line: str) -> None:
    with connected(service) as client:
        client.sendall(f"{request_line}\r\nHost: service\r\nConnection: close\r\n\r\n".encode())
        assert answer(client)[:2] == (400, "address-form")
    lives(service)
