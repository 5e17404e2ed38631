"""Job: write what an answer about a party needs beside its features, for the model that is to give the answers."""

import json
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.build_features import LATEST, LINKS, PANEL
from experiments.credit_book import champion, open_graph
from experiments.errors import MissingLatestError
from experiments.job import Say
from experiments.learn_pooled import POOLED_PDS, LearnPooled
from features.checked_files import file_sha256, write_parquet_atomically, write_text_atomically
from features.credit.book import Book
from features.credit.carrier_business import with_business
from features.credit.carrier_paths import book_carriers
from features.credit.dealings import dealings, own_parties
from features.credit.neighbour_scores import SCORE_FEATURES, neighbour_scores
from features.credit.rule_facts import rule_facts
from features.sources import read_tables
from models.credit.coverage import Line
from models.credit.model import CreditModel
from models.credit.neighbours import own_log_odds
from models.credit.rules.policy import read_rules
from models.errors import PooledModelError

__all__ = ["BOOK", "PrepareBook"]

BOOK: Final = "credit_book.parquet"
_LIKE: Final = pl.Struct(
    {"pd": pl.Float64, "pd_low": pl.Float64, "pd_high": pl.Float64, "segment": pl.String}
)


class PrepareBook(BaseModel):
    """Where tables, graph, newest features and models lie; the file goes beside the features."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: Path = Field(description="folder of checked tables")
    graph: Path = Field(description="folder of the embedded graph store")
    features: Path = Field(description="folder of the newest features and the links")
    models: Path = Field(description="folder of the published model")
    pooled: Path = Field(description="folder that gets the pooled model of segments")
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Say) -> None:
        """Write `BOOK`, one row a party of the newest features, whole or not at all.

        Columns: party_id, as_of, model_version, the neighbours' own scores by that model, `facts` for the rules,
        `carriers`, the worst path along each route with whose business it is, `lines` of live business, `pooled`, the default rate of its
        like, and `companies` of the group that have or had business with it. Raises MissingLatestError when features have
        not been built, MissingChampionError, EmptyGraphError, MissingPanelError and FeatureMismatchError.
        """
        latest, links = self.features / LATEST, self.features / LINKS
        for file in (latest, links):
            if not file.is_file():
                raise MissingLatestError(str(file))
        model, frame = champion(self.models), pl.read_parquet(latest)
        if frame.is_empty():
            raise MissingLatestError(str(latest))
        as_of = frame["as_of"].item(0)
        book, store = Book.read(read_tables(self.tables), as_of), open_graph(self.graph)
        kinds = read_rules().organisation_kinds(as_of)
        snapshot = store.snapshot(as_of)
        facts = rule_facts(book.known.tables, snapshot, as_of, org_kinds=kinds)
        own = own_log_odds(model, frame, num_threads=self.num_threads)
        dealt = dealings(book, snapshot)
        carriers = with_business(book_carriers(book, store, own), own_parties(book.known), dealt)
        write_parquet_atomically(
            _neighbours(model, frame, pl.read_parquet(links), num_threads=self.num_threads)
            .with_columns(model_version=pl.lit(model.version))
            .join(facts.select("party_id", facts=pl.struct(facts.columns)), on="party_id", how="left")
            .join(_by_party(carriers), on="party_id", how="left")
            .join(_lines(book, facts), on="party_id", how="left")
            .join(self._pooled(as_of, say), on="party_id", how="left")
            .join(dealt, on="party_id", how="left"),
            self.features / BOOK,
        )
        beside = {"sha256": file_sha256(self.features / BOOK)}
        write_text_atomically(json.dumps(beside) + "\n", (self.features / BOOK).with_suffix(".json"))
        say(
            f"{frame.height:,} 个主体的规则事实、相邻主体得分与传导路径（模型 {model.version}，截至 {as_of}）",
            f"facts for the rules, neighbours' scores and carrier paths of {frame.height:,} parties "
            f"(model {model.version}, as of {as_of})",
        )

    def _pooled(self, as_of: date, say: Say) -> pl.DataFrame:
        """Learn the pooled model anew, keep it beside the others, return [party_id, pooled] of every party.

        Too few defaults to learn it are said; then nobody has a pooled rate, and a cold start is refused.
        """
        panel = self.features / PANEL
        try:
            LearnPooled(tables=self.tables, panel=panel, out=self.pooled, as_of=as_of).run(say)
        except PooledModelError as error:
            say(error.zh, error.en)
            return pl.DataFrame(schema={"party_id": pl.String(), "pooled": _LIKE})
        answers = pl.read_parquet(self.pooled / POOLED_PDS)
        return answers.select("party_id", pooled=pl.struct(*(field.name for field in _LIKE.fields)))


def _lines(book: Book, facts: pl.DataFrame) -> pl.DataFrame:
    """Return [party_id, lines]: the business lines in which a party has a live exposure, or buys from the group."""
    live = book.states.filter("is_live").select("party_id", pl.col("business_line").cast(pl.String)).collect()
    trade = facts.filter((pl.col("buys_from_group") > 0).fill_null(value=False)).select(
        "party_id", business_line=pl.lit(Line.TRADE_CREDIT.value)
    )
    return pl.concat([live, trade]).group_by("party_id").agg(lines=pl.col("business_line").unique().sort())


def _neighbours(
    model: CreditModel, frame: pl.DataFrame, links: pl.DataFrame, *, num_threads: int
) -> pl.DataFrame:
    """Return [party_id, as_of, *SCORE_FEATURES] by the own scores of the model."""
    raw = model.raw_own(frame, num_threads=num_threads)
    own = frame.select("party_id", "as_of").with_columns(log_odds=pl.Series(raw))
    return neighbour_scores(links, own).select("party_id", "as_of", *SCORE_FEATURES)


def _by_party(carriers: pl.DataFrame) -> pl.DataFrame:
    told = pl.struct(pl.exclude("party_id", "as_of"))
    return carriers.group_by("party_id", maintain_order=True).agg(told.alias("carriers"))
