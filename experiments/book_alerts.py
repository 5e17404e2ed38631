"""Job: early warning of the group's book between two dates, ranked by the change of expected loss."""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.book_loss import past_of
from experiments.credit_book import book_at, champion, open_graph
from experiments.errors import SplitError
from experiments.job import Say
from features.checked_files import write_parquet_atomically
from features.sources import read_tables
from models.credit.monitoring import grade_migration, migration, monitoring_policy_as_of

__all__ = ["ALERTS", "MIGRATION", "BookAlerts"]

ALERTS: Final = "book_alerts.parquet"
MIGRATION: Final = "grade_migration.parquet"


class BookAlerts(BaseModel):
    """Where the group's tables, graph and models lie, the two dates, and where the alerts go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    features: Path = Field(description="folder of the panel, for PDs at origination; may lack it")
    models: Path = Field(description="folder of the credit models with the champion")
    out: Path = Field(description="folder that gets alerts and migration")
    before: date = Field(description="the earlier day")
    as_of: date = Field(description="the later day")

    def run(self, say: Say) -> pl.DataFrame:
        """Write alerts and moves between grades, each file whole or not at all; return the alerts.

        Both dates are scored by today's champion, so that a change is one of the party and not of the model. Raises SplitError
        when the dates are not in order, and the errors of `BookLoss`.
        """
        if self.before >= self.as_of:
            raise SplitError(
                zh=f"起始日 {self.before} 应早于截止日 {self.as_of}。请调换或改正。",
                en=f"The earlier day {self.before} must lie before {self.as_of}. Exchange or correct them.",
            )
        model, store, tables = champion(self.models), open_graph(self.graph), read_tables(self.tables)
        past = past_of(self.features)
        then, now = (book_at(tables, store, day, model, past=past) for day in (self.before, self.as_of))
        before, after = then.states(), now.states()
        alerts = migration(before, after, monitoring_policy_as_of(self.as_of), model.scale)
        write_parquet_atomically(alerts, self.out / ALERTS)
        write_parquet_atomically(grade_migration(before, after), self.out / MIGRATION)
        parties = alerts["party_id"].n_unique()
        say(
            f"{self.before} 至 {self.as_of}：{parties:,} 个主体 {alerts.height:,} 条预警",
            f"{self.before} to {self.as_of}: {alerts.height:,} alerts of {parties:,} parties",
        )
        return alerts
