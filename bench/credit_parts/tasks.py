"""The pieces of work of the benchmark, each of which may run in a process of its own."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.credit_parts.goals import MODEL, SCORECARD
from bench.credit_parts.peers import PEERS, Side, zhiheng_scorecard
from experiments.comparison import auc
from experiments.fit_card import FitCard
from experiments.metrics import METRICS, evaluate
from experiments.validation import Split, Splits, cut_rows
from features.cards.card import Card, Protocol, load_card
from features.cards.derive import fit_relations
from features.cards.own import own_features
from features.cards.read import LABEL, PARTY, CardTables, read_card_tables
from features.cards.state import Family, OwnKind
from features.leaks import look_for_leaks
from models.credit.pair_choice import choose_pairs

__all__ = ["Row", "averaged", "boosted", "peers", "scorecards"]

CARDS: Final = Path(__file__).resolve().parents[2] / "tests" / "real"
_FIGURES: Final = (*METRICS, "mean_cut_auc")
_OWN, _ALL = "own columns", "all features"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """Held-out figures of one model with one seed; `low` and `high` bound each figure (95 % bootstrap)."""

    name: str
    figures: dict[str, float]
    low: dict[str, float]
    high: dict[str, float]


def boosted(name: str, seed: int) -> list[Row]:
    """Fit the card with a seed; return the held-out figures of each of its levels, the last one under its plain name."""
    with tempfile.TemporaryDirectory() as folder:
        job = FitCard(
            card=CARDS / f"{name}.toml", out=Path(folder) / "model", seed=seed, code_version="bench"
        )
        report = job.run(lambda _zh, _en: None).report
    rows = []
    for level in report.levels:
        title = MODEL if level is report.best else f"{MODEL}, {level.name}"
        figures = {m: level.metrics[m].value for m in METRICS} | {"mean_cut_auc": level.mean_cut_auc}
        low = {m: level.metrics[m].low for m in METRICS}
        rows.append(Row(title, figures, low, {m: level.metrics[m].high for m in METRICS}))
    return rows


def scorecards(name: str, seed: int) -> list[Row]:
    """Learn our scorecard on each cut with a seed, from all features."""
    prepared = _Prepared.of(name)
    sides = prepared.sides(own=False)
    return [prepared.row(SCORECARD, sides, lambda a, b: zhiheng_scorecard(a, b, seed=seed))]


def peers(name: str, _seed: int = 0) -> list[Row]:
    """Learn the peers on each cut, first from the main table's own columns, then from all features."""
    prepared = _Prepared.of(name)
    rows = []
    for title, own in ((_OWN, True), (_ALL, False)):
        sides = prepared.sides(own=own)
        rows += [prepared.row(f"{peer}, {title}", sides, learn) for peer, learn in PEERS.items()]
    return rows


@dataclass(frozen=True)
class _Prepared:
    """A card's tables and cuts; leaking columns are out for everybody."""

    card: Card
    tables: CardTables
    splits: Splits
    excluded: dict[str, list[str]]

    @staticmethod
    def of(name: str) -> "_Prepared":
        card = load_card(CARDS / f"{name}.toml")
        tables = read_card_tables(card, label=True)
        splits = cut_rows(card, tables)
        later = None if splits.protocol is Protocol.FOLDS else pl.Series(splits.cuts[0].valid)
        leaks = look_for_leaks(card, tables, pl.Series(splits.final), later)
        return _Prepared(card, tables, splits, leaks.excluded())

    def sides(self, *, own: bool) -> list[tuple[Split, Side, Side]]:
        found = []
        for cut in self.splits:
            state, derived = fit_relations(
                self.card,
                self.tables,
                pl.Series(cut.train),
                excluded=self.excluded,
                choose_pairs=choose_pairs,
            )
            features = state.of(tuple(Family))
            frame, codes = derived.frame.select(features), state.categorical
            if own:
                values = own_features(self.tables.main, state.own, self.card.main.path.name)
                frame = values.frame.drop("__row")
                codes = tuple(c.name for c in state.own if c.kind is OwnKind.CATEGORY)
            train, valid = (self._side(frame, codes, rows) for rows in (cut.train, cut.valid))
            found.append((cut, train, valid))
        return found

    def row(
        self, name: str, sides: list[tuple[Split, Side, Side]], learn: Callable[[Side, Side], Floats]
    ) -> Row:
        y = self.tables.main[LABEL].to_numpy()
        pd = np.full(len(y), np.nan)
        for cut, train, valid in sides:
            pd[cut.valid] = learn(train, valid)
        seen = ~np.isnan(pd)
        party = self.tables.main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
        metrics = evaluate(y[seen], pd[seen], groups=party[seen], seed=7)
        cuts = [auc(y[cut.valid], pd[cut.valid]) for cut in self.splits]
        figures = {m: metrics[m].value for m in METRICS} | {"mean_cut_auc": float(np.mean(cuts))}
        low = {m: metrics[m].low for m in METRICS}
        return Row(name, figures, low, {m: metrics[m].high for m in METRICS})

    def _side(self, frame: pl.DataFrame, codes: tuple[str, ...], rows: NDArray[np.bool_]) -> Side:
        chosen = pl.Series(rows)
        main = self.tables.main.filter(chosen)
        party = main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
        return Side(frame.filter(chosen), main[LABEL].to_numpy().astype(np.float64), party, codes)


def averaged(rows: list[Row]) -> Iterator[tuple[Row, dict[str, float], int]]:
    """Yield each model's mean figures over its seeds, the spread (standard deviation) over them, and how many there are."""
    for name in dict.fromkeys(row.name for row in rows):
        same = [row for row in rows if row.name == name]
        means = {f: float(np.mean([row.figures[f] for row in same])) for f in _FIGURES}
        spread = {f: float(np.std([row.figures[f] for row in same])) for f in _FIGURES}
        low = {m: float(np.mean([row.low[m] for row in same])) for m in METRICS}
        high = {m: float(np.mean([row.high[m] for row in same])) for m in METRICS}
        yield Row(name, means, low, high), spread, len(same)
