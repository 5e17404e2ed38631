"""The databases that the service can keep its ledger in, each empty or with its tables: a file, and a real server."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection

from serving.ledger.database import Database
from serving.ledger.schema import newest_revision
from serving.ledger.tables import METADATA

REQUIRED = "ZHIHENG_TEST_POSTGRES"
_PASSWORD = "test-pa%s@word"  # what an address has to escape
_ESCAPED = "test-pa%25s%40word"


@dataclass(frozen=True)
class Server:
    """PostgreSQL in a temporary folder, on loopback."""

    binaries: Path
    folder: Path
    port: int

    def url(self, name: str) -> str:
        return f"postgresql://zhiheng:{_ESCAPED}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
        self.run("pg_ctl", "start", "-w", "-D", "data", "-l", "log", "-o", options)

    def stop(self, mode: str = "fast") -> None:
        self.run("pg_ctl", "stop", "-w", "-D", "data", "-m", mode)

    def run(self, program: str, *arguments: str) -> None:
        command = [*_as_postgres(), str(self.binaries / program), *arguments]
        done = subprocess.run(
            command, check=False, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"

    def create(self) -> str:
        """Make an empty database and return its address."""
        name = f"t{uuid.uuid4().hex}"
        self.say(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def say(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Place:
    """A database of its own for one test."""

    kind: str
    path: Path
    url: str | None = None

    def database(self, *, wait_seconds: float = 10.0) -> Database:
        url = None if self.url is None else SecretStr(self.url)
        return Database(self.path, url=url, wait_seconds=wait_seconds)

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to open the same database with OPEN."""
        given = {**os.environ, "PLACE": str(self.path)}
        return given if self.url is None else {**given, "PLACE_URL": self.url}


OPEN = """
import os
import sys
import time
from pathlib import Path
from pydantic import SecretStr
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.schema import newest_revision
from serving.ledger.tables import METADATA
url = os.environ.get("PLACE_URL")
place = Path(os.environ["PLACE"])
database = Database(place, url=SecretStr(url) if url else None, wait_seconds=30)
database.open()
ledger = Ledger(database)
"""


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server of this machine's own PostgreSQL; where it has to be there its absence is a failure."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        reason = "Debian's postgresql is not installed"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="zhiheng-pg-"))
    server = Server(found[-1].parent, folder, _free_port())
    (folder / "password").write_text(_PASSWORD)
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (folder, folder / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    try:
        server.run(
            "initdb", "-D", "data", "-U", "zhiheng", "-A", "scram-sha-256", "--pwfile", "password",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        server.start()
        yield server
        server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Filled:
    """A database with all tables, emptied for each test: making them anew takes a second under load."""

    url: str
    triggers: Mapping[tuple[str, str], str]

    def reset(self) -> None:
        """Leave it as the migrations did."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET session_replication_role = replica")  # the triggers stand aside
            for table in METADATA.sorted_tables:
                connection.execute(f"DELETE FROM {table.name}".encode())  # noqa: S608 - names of our tables
            connection.execute("UPDATE alembic_version SET version_num = %s", [newest_revision()])
            there = _triggers(connection)
            for name, statement in self.triggers.items():
                if name not in there:
                    connection.execute(statement.encode())


@pytest.fixture(scope="session")
def filled(server: Server) -> Filled:
    """One database for all tests that need the tables and nothing in them."""
    url = server.create()
    database = Database(Path(), url=SecretStr(url))
    database.open()
    database.close()
    with psycopg.connect(url) as connection:
        return Filled(url, _triggers(connection))


def _triggers(connection: psycopg.Connection[tuple[object, ...]]) -> dict[tuple[str, str], str]:
    found = connection.execute(
        "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
    )
    return {(str(table), str(name)): str(statement) for table, name, statement in found}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database without tables."""
    if request.param == "sqlite":
        return Place("sqlite", tmp_path / "ledger.db")
    server: Server = request.getfixturevalue("server")
    return Place("postgresql", tmp_path / "unused.db", server.create())


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database with all tables."""
    if request.param == "sqlite":
        return Place("sqlite", tmp_path / "ledger.db")
    filled: Filled = request.getfixturevalue("filled")
    filled.reset()
    return Place("postgresql", tmp_path / "unused.db", filled.url)


@pytest.fixture(name="database")
def opened_database(place: Place) -> Iterator[Database]:
    """The database, open."""
    found = place.database()
    found.open()
    yield found
    found.close()


def say(database: Database, statement: str) -> int:
    """Run a statement as somebody with a database client would; return how many rows it changed."""
    with database.writing() as connection:
        return _run(connection, statement)


def _run(connection: Connection, statement: str) -> int:
    return connection.exec_driver_sql(statement).rowcount


def _as_postgres() -> list[str]:
    """PostgreSQL does not run as root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
