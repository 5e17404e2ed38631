"""Job: score the rows of a card with a model that was fitted on another card of the same shape."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from experiments.card_learning import with_own_scores
from experiments.errors import ExperimentError
from experiments.fit_card import LABELS_FILE, RELATIONS_FILE
from features.cards.card import load_card
from features.cards.derive import derive
from features.cards.label_rates import LabelBook
from features.cards.own import unit_notices
from features.cards.read import ROW, CardTables, read_card_tables
from features.cards.state import RelationalState
from models.bundle import read_bundle
from models.credit.model import FAMILY, from_bundle
from models.errors import BundleError

__all__ = ["ScoreCard"]

_CHUNK: Final = 50_000


class ScoreCard(BaseModel):
    """Settings of scoring a card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Path = Field(description="model folder that FitCard wrote")
    card: Path = Field(description="card of the rows to score; a label is not needed")
    out: Path = Field(description="Parquet (or CSV without contributions) to write")
    num_threads: int = Field(default=1, ge=1)

    def run(self, say: Callable[[str, str], None]) -> pl.DataFrame:
        """Score every row in the order of the main table and write id, pd, log_odds, base_log_odds, grade, contributions.

        Raises CardTableError when tables or columns of the training are missing, BundleError when the folder is
        no model of a card.
        """
        _check_suffix(self.out)
        bundle = read_bundle(self.model, family=FAMILY)
        if RELATIONS_FILE not in bundle.manifest.files:
            raise BundleError(
                str(self.model),
                problem_zh="不是由卡片训练的模型（缺少 relations.json）",
                problem_en="it was not fitted on a card (relations.json is missing)",
            )
        model = from_bundle(bundle)
        state = RelationalState.model_validate_json(bundle.read(RELATIONS_FILE))
        labels = (
            LabelBook.from_parquet(bundle.read(LABELS_FILE)) if LABELS_FILE in bundle.manifest.files else None
        )
        card = load_card(self.card)
        tables = read_card_tables(card, label=False, formats=state.date_formats())
        for note in tables.notes:
            zh, _, en = note.partition(" / ")
            say(zh, en or zh)
        derived = derive(card, tables, state, labels)
        units = unit_notices(state.own, tables.formats, card.main.path.name)
        for notice in (*units, *derived.notices):
            say(
                f"{notice.table}.{notice.column}：{notice.zh}", f"{notice.table}.{notice.column}: {notice.en}"
            )
        parts = [
            model.score(
                with_own_scores(model, part, num_threads=self.num_threads), num_threads=self.num_threads
            ).frame()
            for part in derived.frame.iter_slices(_CHUNK)
        ]
        scores = pl.concat([_ids(tables), pl.concat(parts)], how="horizontal")
        _write(scores, self.out)
        say(f"已写入 {scores.height} 行：{self.out}", f"{scores.height} rows written to {self.out}")
        return scores


def _ids(tables: CardTables) -> pl.DataFrame:
    """Return the id column as it stands in the table (or the row number), renamed to id."""
    return tables.main.select(pl.col(tables.id_column or ROW).alias("id"))


def _check_suffix(out: Path) -> None:
    if out.suffix.lower() not in (".parquet", ".csv"):
        raise ExperimentError(
            zh=f"输出文件“{out}”的扩展名应为 .parquet 或 .csv。请修改 --out。",
            en=f"The output '{out}' must end in .parquet or .csv. Change --out.",
        )


def _write(scores: pl.DataFrame, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = out.with_name(f".{out.name}.part")
    if out.suffix.lower() == ".csv":
        scores.unnest("contributions").write_csv(staging)
    else:
        scores.write_parquet(staging)
    staging.replace(out)
