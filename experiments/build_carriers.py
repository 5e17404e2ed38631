"""Job: write the path that carries the network effect of each party along each route, as of the newest features."""

from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import MissingLatestError
from experiments.job import Say
from features.checked_files import write_parquet_atomically
from features.credit.book import Book
from features.credit.carrier_paths import book_carriers
from features.sources import read_tables
from graph.parquet_store import ParquetStore
from models.credit.model import CreditModel, load_credit_model

__all__ = ["CARRIERS", "BuildCarriers", "own_log_odds"]

CARRIERS: Final = "credit_carriers.parquet"


class BuildCarriers(BaseModel):
    """Where tables, graph, newest features and model lie, and where the paths go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    latest: Path = Field(description="Parquet file of the newest features")
    model: Path = Field(description="folder of the credit model whose own scores tell how neighbours stand")
    out: Path = Field(description="folder that gets the paths")
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Say) -> None:
        """Write `CARRIERS` (features.credit.carrier_texts.CARRIERS_SCHEMA), whole or not at all.

        Raises MissingLatestError, and FeatureMismatchError when the model has other own features than the file.
        """
        if not self.latest.is_file():
            raise MissingLatestError(str(self.latest))
        latest = pl.read_parquet(self.latest)
        if latest.is_empty():
            raise MissingLatestError(str(self.latest))
        model, as_of = load_credit_model(self.model), latest["as_of"].item(0)
        own = own_log_odds(model, latest, num_threads=self.num_threads)
        carriers = book_carriers(Book.read(read_tables(self.tables), as_of), ParquetStore(self.graph), own)
        write_parquet_atomically(carriers, self.out / CARRIERS)
        say(
            f"{carriers['party_id'].n_unique():,} 个主体的 {carriers.height:,} 条风险传导路径，截至 {as_of}",
            f"{carriers.height:,} carrier paths of {carriers['party_id'].n_unique():,} parties as of {as_of}",
        )


def own_log_odds(model: CreditModel, frame: pl.DataFrame, *, num_threads: int = 1) -> pl.DataFrame:
    """Return [party_id, as_of, log_odds]: the calibrated own log-odds that an answer about each row gives."""
    raw = model.raw_own(frame, num_threads=num_threads) + model.network_base
    return frame.select("party_id", "as_of").with_columns(log_odds=pl.Series(model.calibration.log_odds(raw)))
