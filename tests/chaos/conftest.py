"""Houses that tests break: one on a file and one on PostgreSQL, started once and left running between tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.graph_listener import GraphListener
from tests.chaos.house import House, furnish
from tests.chaos.parts_house import open_parts_house
from tests.serving.conftest import (  # noqa: F401 - fixtures
    StartService,
    World,
    make_world,
    model,
    put_model,
    start_service,
)
from tests.serving.databases import Place, Server, server  # noqa: F401 - fixtures

MakeWorld = Callable[[Path], World]


@pytest.fixture(scope="session")
def on_file(
    tmp_path_factory: pytest.TempPathFactory,
    make_world: MakeWorld,  # noqa: F811 - the fixture
    start_service: StartService,  # noqa: F811
) -> Iterator[House]:
    """A house whose ledger is a file."""
    world = make_world(tmp_path_factory.mktemp("chaos"))
    found = furnish(world, Place("sqlite", world.home / "ledger.db"), start_service)
    found.settings = {
        "ZHIHENG_BOOK_CHUNK_ROWS": "500",  # so that a job takes long enough to be cut off
        "ZHIHENG_LEDGER_WAIT_SECONDS": "3",  # so that a disk that others use too is no ledger that is away
    }
    yield found
    found.close()


@pytest.fixture(scope="session")
def on_server(
    tmp_path_factory: pytest.TempPathFactory,
    make_world: MakeWorld,  # noqa: F811
    start_service: StartService,  # noqa: F811
    server: Server,  # noqa: F811
) -> Iterator[House]:
    """A house whose ledger is kept by PostgreSQL."""
    world = make_world(tmp_path_factory.mktemp("chaos"))
    found = furnish(world, Place("postgresql", world.home / "ledger.db", server.create()), start_service)
    yield found
    found.close()


@pytest.fixture(params=["on_file", "on_server"])
def house(request: pytest.FixtureRequest) -> House:
    """Each of them in turn, running."""
    found: House = request.getfixturevalue(request.param)
    return found.start()


@pytest.fixture(scope="session")
def graph_server() -> GraphListener:
    """Where the house of parts looks for its graph server."""
    return GraphListener()


@pytest.fixture(scope="session")
def parts_house(
    tmp_path_factory: pytest.TempPathFactory,
    make_world: MakeWorld,  # noqa: F811
    start_service: StartService,  # noqa: F811
    graph_server: GraphListener,
) -> Iterator[House]:
    """A house of one worker whose files, graph server and clients are broken; each test leaves it whole."""
    found = open_parts_house(
        make_world(tmp_path_factory.mktemp("parts")),
        start_service,
        ZHIHENG_NEO4J_URI=graph_server.uri,
        ZHIHENG_PORTRAIT_SERVER_SECONDS="0.5",
        ZHIHENG_MODEL_HASH_SECONDS="0.3",
        ZHIHENG_STALE_AFTER_DAYS="900",  # what the world holds is of late 2026, whenever the test is run
        ZHIHENG_STALE_GRAPH_DAYS="900",
        ZHIHENG_HEADER_SECONDS="1",
        ZHIHENG_WRITE_SECONDS="1",
        ZHIHENG_KEY_CONCURRENT="20",
        ZHIHENG_REQUESTS_AT_ONCE="30",
    )
    yield found
    found.close()


@pytest.fixture
def parts(parts_house: House) -> House:
    """The house of parts, running."""
    return parts_house.start()
