"""Job: expected loss of every exposure of the group's book on a date, with facts and rule hits of every party."""

from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.build_features import LINKS, PANEL
from experiments.credit_book import BookAt, Past, book_at, champion, open_graph
from experiments.job import Say
from features.checked_files import write_parquet_atomically
from features.credit.rule_facts import legal_limits
from features.sources import read_tables
from models.credit.loss import Measurement, loss_totals, ranked_by_money
from models.credit.rules.policy import read_rules

__all__ = ["FACTS", "HITS", "LIMITS", "LOSSES", "STATES", "BookLoss", "past_of"]

LOSSES: Final = "book_loss.parquet"
FACTS: Final = "rule_facts.parquet"
HITS: Final = "rule_hits.parquet"
LIMITS: Final = "legal_limits.parquet"
STATES: Final = "party_states.parquet"


class BookLoss(BaseModel):
    """Where the group's tables, graph, panel and models lie, as of when, and where the answers go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    features: Path = Field(description="folder of the panel, for PDs at origination; may lack it")
    models: Path = Field(description="folder of the credit models with the champion")
    out: Path = Field(description="folder that gets losses, facts, hits, limits and states")
    as_of: date = Field(description="the day up to which everything known may be used")

    def run(self, say: Say) -> BookAt:
        """Write the five tables, each whole or not at all, losses with the largest first.

        Raises EmptyGraphError, MissingChampionError, PolicyError for a day without assumptions, and the errors of tables.
        """
        model, store, tables = champion(self.models), open_graph(self.graph), read_tables(self.tables)
        past = past_of(self.features)
        if past is None:
            say(
                "没有训练样本，发放时的违约概率未知：只按逾期、违约和关注名单分阶段",
                "no panel, so no PD at origination: staged by days past due, default and watch list only",
            )
        book = book_at(tables, store, self.as_of, model, past=past)
        ranked = ranked_by_money(book.losses)
        kinds = read_rules().organisation_kinds(self.as_of)
        limits = legal_limits(tables, store.snapshot(self.as_of), self.as_of, kinds)
        write_parquet_atomically(limits, self.out / LIMITS)
        for name, frame in (
            (LOSSES, ranked),
            (FACTS, book.facts),
            (HITS, book.hits),
            (STATES, book.states()),
        ):
            write_parquet_atomically(frame, self.out / name)
        total = loss_totals(book.losses).row(0, named=True)
        at_fair_value = book.losses.filter(measurement=Measurement.FAIR_VALUE)["el_booked"].sum()
        say(
            f"{self.as_of}：{total['exposures']:,} 笔敞口 {total['ead']:,.0f} 元，预期损失 {total['el_booked']:,.0f} 元"
            f"，其中 {at_fair_value:,.0f} 元属公允价值计量，不计入拨备（模型 {model.version}）",
            f"{self.as_of}: {total['exposures']:,} exposures of CNY {total['ead']:,.0f}, expected loss CNY "
            f"{total['el_booked']:,.0f}, of which {at_fair_value:,.0f} is carried at fair value and no provision (model {model.version})",
        )
        return book


def past_of(features: Path) -> Past | None:
    """Return the panel and its links where both have been built."""
    panel, links = features / PANEL, features / LINKS
    if not (panel.is_file() and links.is_file()):
        return None
    return Past(pl.read_parquet(panel), pl.read_parquet(links))
