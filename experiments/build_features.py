"""Job: build the credit panel to learn from and the newest features to serve, both from checked tables and graph."""

import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from features.credit.book import Book
from features.credit.build import FEATURES, features_of
from features.credit.labels import last_mature_month_end
from features.credit.panel import credit_panel, month_ends
from features.credit.standing import standings
from features.sources import read_tables
from graph.parquet_store import ParquetStore

__all__ = ["LATEST", "PANEL", "BuildFeatures"]

PANEL: Final = "credit_panel.parquet"
LATEST: Final = "credit_latest.parquet"


class BuildFeatures(BaseModel):
    """What to build features from, as of when, and where to put them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    out: Path = Field(description="folder that gets the panel and the newest features")
    as_of: date = Field(description="the day up to which everything known may be used")
    first_month: date = Field(description="first month-end of the panel")

    def run(self, say: Callable[[str], None]) -> None:
        """Write panel and newest features; each file is there whole or not at all."""
        tables, store = read_tables(self.tables), ParquetStore(self.graph)
        months = month_ends(self.first_month, last_mature_month_end(self.as_of))
        say(f"panel of {len(months)} month-ends, {months[0]} to {months[-1]}")
        panel = credit_panel(tables, store, months, known_by=self.as_of)
        _write(panel, self.out / PANEL)
        say(
            f"{panel.height:,} observations of {panel['party_id'].n_unique():,} parties, {len(FEATURES)} features"
        )
        book = Book.read(tables, self.as_of)
        latest = features_of(book, store.snapshot(self.as_of))
        latest = latest.insert_column(2, standings(book, latest["party_id"])["standing"])
        _write(latest, self.out / LATEST)
        sidecar = {"data_as_of": str(self.as_of), "graph_as_of": str(self.as_of), "features": list(FEATURES)}
        _write_text(json.dumps(sidecar, indent=1), (self.out / LATEST).with_suffix(".json"))
        say(f"newest features of {latest.height:,} parties as of {self.as_of}")


def _write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    frame.write_parquet(staging, compression="zstd")
    staging.replace(path)


def _write_text(text: str, path: Path) -> None:
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    staging.write_text(text + "\n", encoding="utf-8")
    staging.replace(path)
