"""Edge tables for the graph tests."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from graph.edges import EDGE_SCHEMA

EdgeMaker = Callable[..., pl.DataFrame]


@pytest.fixture
def edge_table() -> EdgeMaker:
    """Return a maker of edge tables: each row a dict of what matters, the rest filled in."""

    def make(*rows: dict[str, object]) -> pl.DataFrame:
        filled = [
            {
                "edge_id": f"E{number}",
                "kind": "owns",
                "valid_from": date(2020, 1, 1),
                "known_at": date(2020, 1, 10),
                "source": "registry",
                "confidence": 1.0,
                **row,
            }
            for number, row in enumerate(rows)
        ]
        return pl.DataFrame(filled, schema=EDGE_SCHEMA)

    return make
