"""A server that is away, slow or restarted stops records with a clear error, and work goes on when it is back."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text

from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from tests.serving.databases import Filled, Server


def record(number: int, **fields: Json) -> dict[str, Json]:
    return {"decision_id": f"d{number}", "recorded_at": f"2026-11-01T00:00:{number:02}+00:00", **fields}


@pytest.fixture
def url(filled: Filled) -> str:
    filled.reset()
    return filled.url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    found = Database(Path(), url=SecretStr(url), wait_seconds=0.3)
    found.open()
    yield found
    found.close()


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_ledger_outlives_a_restart_of_the_server(server: Server, database: Database, mode: str) -> None:
    ledger = Ledger(database)
    ledger.append([record(1)])
    server.stop(mode)
    try:
        with pytest.raises(LedgerUnavailableError, match="PostgreSQL"):
            ledger.append([record(2)])
        with pytest.raises(LedgerUnavailableError, match="PostgreSQL"):
            ledger.get("d1")
    finally:
        server.start()
    ledger.append([record(3)])
    verified = ledger.verify()
    assert (verified.rows, verified.broken) == (2, None)


def test_connection_that_was_lost_is_made_anew(server: Server, database: Database) -> None:
    ledger = Ledger(database)
    ledger.append([record(1)])
    server.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 't%'")
    ledger.append([record(2)])
    assert ledger.verify().rows == 2


def test_connection_that_is_lost_inside_a_transaction_leaves_nothing(
    server: Server, database: Database
) -> None:
    ledger = Ledger(database)
    ledger.append([record(1)])

    def lose(_connection: Connection) -> None:
        server.say("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 't%'")

    with pytest.raises(LedgerUnavailableError, match="PostgreSQL"):
        ledger.append([record(9)], beside=lose)
    ledger.append([record(2)])
    assert ledger.verify().rows == 2


def test_writer_that_holds_the_chain_too_long_makes_others_fail_in_time(url: str, database: Database) -> None:
    ledger, inside, leave = Ledger(database), threading.Event(), threading.Event()
    other = Database(Path(), url=SecretStr(url))

    def hold() -> None:
        with other.writing():
            inside.set()
            leave.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(20)
    with pytest.raises(LedgerUnavailableError, match="LockNotAvailable 55P03"):
        ledger.append([record(1)])
    assert ledger.verify().rows == 0, "readers do not wait for a writer"
    leave.set()
    holder.join()
    other.close()
    ledger.append([record(1)])
    assert ledger.verify().rows == 1


def test_commits_are_durable_whatever_the_server_is_set_to(server: Server, url: str) -> None:
    name = url.rsplit("/", 1)[1]
    server.say(f"ALTER DATABASE {name} SET synchronous_commit = off")
    database = Database(Path(), url=SecretStr(url))
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchall() == [("off",)]
    with database.writing() as writing:
        assert writing.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
    database.close()
    server.say(f"ALTER DATABASE {name} RESET synchronous_commit")


def test_options_of_the_address_hold_beside_ours(url: str) -> None:
    database = Database(Path(), url=SecretStr(f"{url}?options=-cwork_mem%3D7MB&application_name=zhiheng"))
    with database.reading() as connection:
        shown = [
            connection.execute(text(f"SHOW {name}")).scalar_one()
            for name in ("work_mem", "application_name", "synchronous_commit")
        ]
    assert shown == ["7MB", "zhiheng", "on"]
    database.close()


def test_reading_is_one_view_and_cannot_write(url: str, database: Database) -> None:
    ledger = Ledger(database)
    with database.reading() as connection:
        before = connection.execute(text("SELECT count(*) FROM decisions")).scalar_one()
        ledger.append([record(1)])
        assert connection.execute(text("SELECT count(*) FROM decisions")).scalar_one() == before
    with (
        pytest.raises(LedgerUnavailableError, match="ReadOnlySqlTransaction"),
        database.reading() as connection,
    ):
        connection.exec_driver_sql("DELETE FROM api_keys")


def test_truncate_is_refused(url: str, database: Database) -> None:
    Ledger(database).append([record(1)])
    with (
        psycopg.connect(url) as connection,
        pytest.raises(psycopg.errors.RaiseException, match="append-only"),
    ):
        connection.execute("TRUNCATE decisions")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("not an address", "is not an address"),
        ("mysql://user:geheim@127.0.0.1/x", "must begin with postgresql"),
        ("postgresql://user:geheim@127.0.0.1:1/x", "cannot be reached"),
    ],
)
def test_wrong_address_is_named_and_never_repeated(address: str, said: str) -> None:
    with pytest.raises(LedgerUnavailableError, match=said) as raised:
        Database(Path(), url=SecretStr(address)).open()
    texts = f"{raised.value}{raised.value.zh}{raised.value.en}{raised.value.__cause__!r}"
    assert "geheim" not in texts


def test_wrong_password_is_named_and_never_repeated(server: Server) -> None:
    wrong = server.url("postgres").replace("test-pa", "geheim")
    with pytest.raises(LedgerUnavailableError, match="PostgreSQL") as raised:
        Database(Path(), url=SecretStr(wrong)).open()
    assert "geheim" not in f"{raised.value}{raised.value.__cause__!r}"
