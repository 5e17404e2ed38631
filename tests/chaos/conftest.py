"""Houses that tests break: one on a file and one on PostgreSQL, started once and left running between tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.house import House, furnish
from tests.serving.conftest import (  # noqa: F401 - fixtures
    StartService,
    World,
    make_world,
    model,
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
