"""The sample group, written once, and a view of it without its planted dirt."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from sample_group.faults import KEYS
from sample_group.generator import generate
from sample_group.window import Window

SEED = 7
WINDOW = Window(date(2020, 1, 1), date(2025, 12, 31))


def silent(_: str) -> None:
    """Take a progress line and drop it."""


@dataclass(frozen=True)
class Group:
    """A written sample group."""

    folder: Path

    def table(self, name: str) -> pl.DataFrame:
        """Read a table as it is."""
        return pl.read_parquet(self.folder / f"{name}.parquet")

    def truth(self, name: str) -> pl.DataFrame:
        """Read a table of the truth."""
        return pl.read_parquet(self.folder / "truth" / f"{name}.parquet")

    def faults(self, table: str, *kinds: str) -> pl.DataFrame:
        """Read the planted faults of a table, of the kinds given or of all."""
        faults = self.truth("faults").filter(pl.col("table") == table)
        return faults.filter(pl.col("kind").is_in(kinds)) if kinds else faults

    def dirt(self, table: str) -> pl.DataFrame:
        """Read the planted dirty rows: neither late nor missing."""
        harmless = (pl.col("kind") == "late") | pl.col("kind").str.starts_with("missing")
        return self.faults(table).filter(~harmless)

    def clean(self, name: str) -> pl.DataFrame:
        """Read a table without its dirty rows; of a repeated row one copy stays."""
        frame = self.table(name)
        if name not in KEYS:
            return frame
        dirty = self.dirt(name).filter(pl.col("kind") != "repeated_row")["key"].to_list()
        return frame.filter(~key_of(name).is_in(dirty)).unique(maintain_order=True)


def key_of(table: str) -> pl.Expr:
    """Return a row's key as truth/faults writes it."""
    return pl.concat_str([pl.col(column).cast(pl.String) for column in KEYS[table]], separator="|")


@pytest.fixture(scope="session")
def window() -> Window:
    return WINDOW


@pytest.fixture(scope="session")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    folder = tmp_path_factory.mktemp("sample") / "group"
    generate(folder, seed=SEED, scale=1, window=WINDOW, say=silent)
    return Group(folder)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Group:
    folder = tmp_path_factory.mktemp("sample") / "small"
    generate(folder, seed=SEED, scale=0.1, window=WINDOW, say=silent)
    return Group(folder)
