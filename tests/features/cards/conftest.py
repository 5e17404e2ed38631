"""A small world of firms, lawsuits, ties and groups, written as files beside a card."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

CARD = """
[main]
path = "firms.parquet"
id = "firm"
label = "failed"

[[events]]
path = "suits.parquet"
id = "firm"

[[edges]]
name = "ties"
path = "edges.parquet"
source = "a"
target = "b"
kind = "kind"
weight = "amount"

[[groups]]
name = "groups"
path = "groups.parquet"
id = "firm"
kind = "kind"
group = "group"

[validation]
split = "part"
"""


def firms(seed: int, n: int = 400) -> dict[str, pl.DataFrame]:
    """Return tables in which failure depends on capital, lost suits and the number of guarantees given."""
    rng = np.random.default_rng(seed)
    capital = rng.lognormal(3, 1, n)
    lost = rng.poisson(0.6, n)
    a, b = rng.integers(0, n, 3 * n), rng.integers(0, n, 3 * n)
    kind = rng.choice(["guarantees", "supplies"], 3 * n)
    given = np.bincount(a[kind == "guarantees"], minlength=n)
    risk = -0.5 * np.log(capital) + 0.9 * lost + 0.8 * given - 1.0
    ids = [f"F{i:04d}" for i in range(n)]
    suits = [(ids[i], "lost", "loan") for i in range(n) for _ in range(lost[i])]
    suits += [(ids[int(i)], "won", "sale") for i in rng.integers(0, n, n // 2)]
    return {
        "firms": pl.DataFrame(
            {
                "firm": ids,
                "capital": capital,
                "region": rng.choice(["east", "west", "north"], n),
                "failed": (rng.random(n) < 1 / (1 + np.exp(-risk))).astype(int),
                "part": np.where(np.arange(n) < 0.7 * n, "train", "valid"),
            }
        ),
        "suits": pl.DataFrame(suits, schema=["firm", "result", "cause"], orient="row"),
        "edges": pl.DataFrame(
            {
                "a": [ids[i] for i in a],
                "b": [ids[i] for i in b],
                "kind": kind,
                "amount": rng.lognormal(1, 1, 3 * n),
            }
        ),
        "groups": pl.DataFrame(
            {"firm": ids, "kind": ["town"] * n, "group": [f"T{i % 40}" for i in range(n)]}
        ),
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write tables and a card into a folder; return the card's path."""

    def _write(card: str = CARD, folder: str = "set", **tables: pl.DataFrame) -> Path:
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        for name, table in {**firms(1), **tables}.items():
            table.write_parquet(home / f"{name}.parquet")
        (home / "card.toml").write_text(card, encoding="utf-8")
        return home / "card.toml"

    return _write
