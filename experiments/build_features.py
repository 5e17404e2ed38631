"""Job: build the credit panel to learn from, the newest features to serve and the links, from checked tables and graph."""

import json
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import SplitError
from experiments.job import Say
from features.checked_files import file_sha256, write_parquet_atomically, write_text_atomically
from features.credit.book import Book
from features.credit.build import FEATURES, features_of
from features.credit.labels import last_mature_month_end
from features.credit.links import links_of
from features.credit.panel import linked_panel, month_ends
from features.credit.standing import standings
from features.sources import read_tables
from graph.errors import EmptyGraphError
from graph.parquet_store import ParquetStore

__all__ = ["LATEST", "LINKS", "PANEL", "BuildFeatures"]

PANEL: Final = "credit_panel.parquet"
LATEST: Final = "credit_latest.parquet"
LINKS: Final = "credit_links.parquet"
"""Who is linked to whom: for the parties and month-ends of the panel, and for all parties on the newest date."""


class BuildFeatures(BaseModel):
    """What to build features from, as of when, and where to put them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    out: Path = Field(description="folder that gets the panel and the newest features")
    as_of: date = Field(description="the day up to which everything known may be used")
    first_month: date = Field(description="first month-end of the panel")

    def run(self, say: Say) -> None:
        """Write panel and newest features; each file is there whole or not at all.

        Raises EmptyGraphError when the graph has not been built, as every network feature would be a false zero, and
        SplitError when no month-end from the first one on has a mature label.
        """
        tables, store = read_tables(self.tables), ParquetStore(self.graph)
        if store.statements().head(1).collect().is_empty():
            raise EmptyGraphError(self.graph)
        months = self._months()
        say(
            f"样本：{len(months)} 个月末，{months[0]} 至 {months[-1]}",
            f"panel of {len(months)} month-ends, {months[0]} to {months[-1]}",
        )
        learnt_from = linked_panel(tables, store, months, known_by=self.as_of)
        panel = learnt_from.observations
        write_parquet_atomically(panel, self.out / PANEL)
        rows, parties = panel.height, panel["party_id"].n_unique()
        say(
            f"{parties:,} 个主体的 {rows:,} 个观察，{len(FEATURES)} 个特征",
            f"{rows:,} observations of {parties:,} parties, {len(FEATURES)} features",
        )
        graph_sha256 = store.sha256()
        book, snapshot = Book.read(tables, self.as_of), store.snapshot(self.as_of)
        links = pl.concat([learnt_from.links, links_of(book, snapshot)])
        write_parquet_atomically(links, self.out / LINKS)
        latest = features_of(book, snapshot)
        latest = latest.insert_column(2, standings(book, latest["party_id"])["standing"])
        write_parquet_atomically(latest, self.out / LATEST)
        sidecar = {
            "data_as_of": str(self.as_of),
            "graph_as_of": str(self.as_of),
            "graph_sha256": graph_sha256,
            "features": list(FEATURES),
            "sha256": file_sha256(self.out / LATEST),
        }
        write_text_atomically(json.dumps(sidecar, indent=1) + "\n", (self.out / LATEST).with_suffix(".json"))
        say(
            f"{latest.height:,} 个主体截至 {self.as_of} 的最新特征",
            f"newest features of {latest.height:,} parties as of {self.as_of}",
        )

    def _months(self) -> list[date]:
        last = last_mature_month_end(self.as_of)
        months = month_ends(self.first_month, last)
        if not months:
            raise SplitError(
                zh=f"起始月份 {self.first_month} 晚于最后一个标签已成熟的月末 {last}。请提前起始月份或推后截止日。",
                en=f"The first month {self.first_month} is later than {last}, the last month-end whose label is mature. "
                "Start earlier or move the as-of date.",
            )
        return months
