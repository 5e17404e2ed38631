"""An office over the small model of the service's tests."""

from collections.abc import Callable

import pytest

from tests.serving.review.review_world import START, Office, make_keys


@pytest.fixture
def office(world, make_client: Callable[..., object]) -> Office:  # type: ignore[no-untyped-def]
    keys = make_keys(world.home)
    opened = Office(make_client(world.home, keys["officer"]), keys)
    opened.at(START)
    return opened
