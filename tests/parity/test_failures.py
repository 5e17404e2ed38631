"""What a user is told when the graph server is down, slow, refuses the password or has no such database."""

import socket
import time
from collections.abc import Iterator

import pytest

from graph.errors import (
    GraphDatabaseMissingError,
    GraphQueryError,
    GraphServerAddressError,
    GraphServerDownError,
    GraphServerError,
    GraphServerPasswordError,
    GraphServerSlowError,
)
from graph.neo4j_store import BoltConnection, Neo4jStore, TimeLimits
from tests.parity.conftest import Address

SHORT = TimeLimits(connect=1, question=1, bulk=1, retry=1)


def ask(connection: BoltConnection) -> None:
    with connection:
        Neo4jStore(connection).statements()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port where connections are taken and nothing is ever answered."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def test_a_server_that_is_down_is_named_with_a_remedy() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        uri = f"bolt://127.0.0.1:{reserved.getsockname()[1]}"
        with pytest.raises(GraphServerDownError) as told:
            ask(BoltConnection(uri, user="neo4j", password="secret-word", limits=SHORT))
    assert uri in told.value.zh
    assert uri in told.value.en
    assert "make neo4j" in told.value.en
    assert "secret-word" not in f"{told.value.zh} {told.value.en}"


def test_a_server_that_never_answers_is_given_up(silent_port: int) -> None:
    begun = time.monotonic()
    with pytest.raises(GraphServerDownError):
        ask(BoltConnection(f"bolt://127.0.0.1:{silent_port}", user="neo4j", password="x", limits=SHORT))
    assert time.monotonic() - begun < 60  # the driver's own limit is longer


@pytest.mark.parametrize(
    "uri", ["127.0.0.1:7687", "http://127.0.0.1:7687", "bolt://127.0.0.1:none", "bolt://:7687", ""]
)
def test_an_address_that_cannot_be_one_is_refused(uri: str) -> None:
    with pytest.raises(GraphServerAddressError, match="bolt://"):
        ask(BoltConnection(uri, user="neo4j", password="x", limits=SHORT))


def test_credentials_in_the_address_are_not_repeated() -> None:
    with pytest.raises(GraphServerError) as told:
        ask(BoltConnection("bolt://someone:hidden@127.0.0.1:1", user="neo4j", password="x", limits=SHORT))
    assert "hidden" not in f"{told.value.zh} {told.value.en} {told.value.uri}"


def test_a_wrong_password_is_named(server: Address) -> None:
    with pytest.raises(GraphServerPasswordError) as told:
        ask(server.connection(password="not-the-password"))
    assert server.uri in told.value.en
    assert "not-the-password" not in told.value.en


def test_a_missing_database_is_named(server: Address) -> None:
    with pytest.raises(GraphDatabaseMissingError, match="nosuchgraph"):
        ask(server.connection(database="nosuchgraph"))


def test_a_query_that_the_server_refuses_keeps_its_words(connection: BoltConnection) -> None:
    with pytest.raises(GraphQueryError, match=r"(?i)nonsense"):
        connection.read(lambda run: run("NONSENSE", {}))


def test_a_question_that_takes_too_long_is_ended_by_the_server(neo4j: Address) -> None:
    limits = TimeLimits(connect=5, question=1, bulk=5, retry=1)
    with BoltConnection(neo4j.uri, user=neo4j.user, password=neo4j.password, limits=limits) as connection:
        endless = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b)"
        with pytest.raises(GraphServerSlowError, match="1 s"):
            connection.read(lambda run: run(endless, {}))
