"""Job: write what every party and its group owe the group's companies, beside the legal limits, for the service to read."""

from datetime import date
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.build_features import LATEST
from experiments.credit_book import open_graph
from experiments.errors import MissingLatestError
from experiments.job import Say
from features.asof import Known
from features.credit.exposure_file import EXPOSURES, write_exposures
from features.credit.party_exposure import party_exposures, unused_limits
from features.sources import read_tables
from models.credit.rules.policy import read_rules

__all__ = ["PrepareExposures"]


class PrepareExposures(BaseModel):
    """Where tables, graph and newest features lie; the file goes beside the features and is of their date."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    features: Path = Field(description="folder of the newest features")

    def run(self, say: Say) -> None:
        """Write `EXPOSURES` and what stands beside it. Raises MissingLatestError and EmptyGraphError."""
        as_of = self._as_of()
        tables, store = read_tables(self.tables), open_graph(self.graph)
        snapshot, kinds = store.snapshot(as_of), read_rules().organisation_kinds(as_of)
        exposures = party_exposures(tables, snapshot, as_of, org_kinds=kinds)
        limits = unused_limits(tables, snapshot, as_of, kinds)
        write_exposures(
            exposures,
            self.features / EXPOSURES,
            data_as_of=as_of,
            graph_as_of=min(as_of, store.last_known() or as_of),
            limits=limits,
            companies=_companies(Known(tables, as_of)),
        )
        owing = exposures.filter(pl.col("lines").list.len() > 0).height
        say(
            f"{owing:,} 个主体的敞口、其关联客户组与法定限额（截至 {as_of}）",
            f"exposures of {owing:,} parties with their connected groups and the legal limits (as of {as_of})",
        )

    def _as_of(self) -> date:
        latest = self.features / LATEST
        if not latest.is_file():
            raise MissingLatestError(str(latest))
        found = pl.scan_parquet(latest).select("as_of").head(1).collect()
        if found.is_empty():
            raise MissingLatestError(str(latest))
        day: date = found.item()
        return day


def _companies(known: Known) -> dict[str, str]:
    """Return the party each company of the group is; none without such a table."""
    if "companies" not in known.tables:
        return {}
    rows = known.rows("companies", "org_id", "party_id", "known_at").sort("known_at", "party_id")
    newest = rows.unique("org_id", keep="last").sort("org_id").select("org_id", "party_id").collect()
    return dict(newest.iter_rows())
