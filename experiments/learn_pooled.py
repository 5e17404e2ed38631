"""Job: learn the pooled model of segments from the panel, and answer with it for every party known on a date."""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.errors import MissingPanelError
from experiments.job import Say
from features.checked_files import write_parquet_atomically, write_text_atomically
from features.credit.segments import segments
from features.sources import read_tables
from models.credit.pooled import PooledModel, learn_pooled, yearly_rows

__all__ = ["POOLED", "POOLED_PDS", "LearnPooled"]

POOLED: Final = "pooled.json"
POOLED_PDS: Final = "pooled_pds.parquet"
"""[party_id, as_of, pd, pd_low, pd_high, segment, rows], see `PooledModel.predict`."""


class LearnPooled(BaseModel):
    """Which panel and tables to learn from, and where the model goes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    panel: Path = Field(description="Parquet file that BuildFeatures wrote")
    out: Path = Field(description="folder that gets the model and its answers")
    as_of: date = Field(description="the day whose profiles are answered for")

    def run(self, say: Say) -> PooledModel:
        """Learn from one month-end a year, write the model and the PD of each party, return the model.

        Raises MissingPanelError and PooledModelError.
        """
        if not self.panel.is_file():
            raise MissingPanelError(str(self.panel))
        panel = yearly_rows(pl.read_parquet(self.panel, columns=["party_id", "as_of", "label"]))
        tables = read_tables(self.tables)
        parts = [
            rows.join(segments(tables, day), on="party_id", how="left")
            for (day,), rows in panel.partition_by("as_of", as_dict=True, maintain_order=True).items()
        ]
        model = learn_pooled(pl.concat(parts))
        write_text_atomically(model.text(), self.out / POOLED)
        known = segments(tables, self.as_of)
        answers = known.select("party_id", as_of=pl.lit(self.as_of)).hstack(
            model.predict(known).get_columns()
        )
        write_parquet_atomically(answers, self.out / POOLED_PDS)
        whole = model.cells[""]
        say(
            f"混合模型：{whole.rows:,} 个年度观察，{len(model.cells):,} 个分组，总体违约率 {whole.mean:.2%}",
            f"pooled model: {whole.rows:,} yearly observations, {len(model.cells):,} segments, overall rate {whole.mean:.2%}",
        )
        return model
