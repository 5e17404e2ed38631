"""Held-in results on real data beside a plain LightGBM and an OptBinning scorecard on the same rows and folds.

Run: python bench/credit_real.py [--only smesd polish ratings sba] [--seed 7]. Needs ../shared/data beside the project.
"""

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else bench/graph.py hides the package graph

from experiments.card_report import CardReport, Level
from experiments.comparison import auc
from experiments.fit_card import FitCard
from experiments.metrics import METRICS, Interval, evaluate
from experiments.validation import Split, Splits, cut_rows
from features.cards.card import load_card
from features.cards.derive import fit_relations
from features.cards.own import own_features
from features.cards.read import LABEL, PARTY, CardTables, read_card_tables
from features.cards.state import OwnKind

CARDS = Path(__file__).resolve().parent.parent / "tests" / "real"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Peer:
    """Held-out figures of a peer."""

    name: str
    metrics: dict[str, Interval]
    mean_cut_auc: float


def main() -> int:
    """Fit every card, run the peers on the same cuts, print figures and goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=["smesd", "polish", "ratings", "sba"])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    goals: list[bool] = []
    for name in chosen.only:
        report = _zhiheng(name, seed=chosen.seed, threads=chosen.threads)
        for level in report.levels:
            _print(f"zhiheng, {level.name}", dict(level.metrics), level.mean_cut_auc)
        for peer in _peers(name, report, threads=chosen.threads):
            _print(peer.name, peer.metrics, peer.mean_cut_auc)
        goals += list(_goals(name, report.levels))
    print(f"\n{sum(goals)} met, {len(goals) - sum(goals)} missed")
    return 0 if all(goals) else 1


def _zhiheng(name: str, *, seed: int, threads: int) -> CardReport:
    print(f"\n== {name}")
    with tempfile.TemporaryDirectory() as folder:
        job = FitCard(
            card=CARDS / f"{name}.toml",
            out=Path(folder) / "model",
            seed=seed,
            num_threads=threads,
            code_version="bench",
        )
        fitted = job.run(lambda _zh, _en: None)
    suspects = [f"{f.table}.{f.column} ({f.verdict.value})" for f in fitted.report.leaks.findings]
    last = fitted.report.best
    print(
        f"rows judged {last.rows}, observed rate {last.rate:.4f}; leak guard: {', '.join(suspects) or 'nothing'}"
    )
    return fitted.report


def _peers(name: str, report: CardReport, *, threads: int) -> Iterator[Peer]:
    """Give the peers what our model had (leaking columns are out for everybody), first own columns, then all."""
    card = load_card(CARDS / f"{name}.toml")
    tables = read_card_tables(card, label=True)
    splits = cut_rows(card, tables)
    out = report.leaks.excluded()
    for title, relational in (("own columns", False), ("all features", True)):
        if relational and len(report.levels) == 1:
            continue
        parts = [_cut_frames(name, tables, cut, out, relational=relational) for cut in splits]
        for peer in (_lightgbm_default, _optbinning_scorecard):
            pd = np.full(tables.main.height, np.nan)
            for cut, (x, codes) in zip(splits, parts, strict=True):
                y = tables.main[LABEL].to_numpy()
                pd[cut.valid] = peer(
                    x.filter(pl.Series(cut.train)),
                    y[cut.train],
                    x.filter(pl.Series(cut.valid)),
                    codes,
                    threads,
                )
            yield _judge(f"{peer.__name__.strip('_')}, {title}", tables, splits, pd)


def _cut_frames(
    name: str, tables: CardTables, cut: Split, out: dict[str, list[str]], *, relational: bool
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    card = load_card(CARDS / f"{name}.toml")
    state, derived = fit_relations(card, tables, pl.Series(cut.train), excluded=out)
    if relational:
        return derived.frame.drop("__row"), state.categorical
    own = own_features(tables.main, state.own, name)
    codes = tuple(c.name for c in state.own if c.kind is OwnKind.CATEGORY)
    return own.frame.drop("__row"), codes


def _lightgbm_default(
    train: pl.DataFrame, y: Floats, valid: pl.DataFrame, codes: tuple[str, ...], threads: int
) -> Floats:
    """LightGBM as it comes: its own defaults, 100 rounds, categories declared."""
    places = [train.columns.index(c) for c in codes]
    data = lgb.Dataset(_matrix(train), y, categorical_feature=places)
    parameters = {
        "objective": "binary",
        "num_threads": threads,
        "verbosity": -1,
        "seed": 0,
        "deterministic": True,
    }
    booster = lgb.train(parameters, data, num_boost_round=100)
    return np.asarray(booster.predict(_matrix(valid)), dtype=np.float64)


def _optbinning_scorecard(
    train: pl.DataFrame, y: Floats, valid: pl.DataFrame, codes: tuple[str, ...], threads: int
) -> Floats:
    """OptBinning's binning process with a logistic regression on WoE, its defaults.

    OptBinning crashes on columns without a finite value and on infinite ones; ours hold no infinity, and columns that
    are empty or constant in training are left out here.
    """
    from optbinning import BinningProcess
    from sklearn.linear_model import LogisticRegression

    del threads
    kept = [c for c in train.columns if train[c].drop_nulls().drop_nans().n_unique() > 1]
    binning = BinningProcess(kept, categorical_variables=[c for c in codes if c in kept] or None)
    regression = LogisticRegression(max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # deprecations between OptBinning and scikit-learn are not our subject
        x = binning.fit_transform(_matrix(train.select(kept)), y, metric="woe", metric_missing="empirical")
        regression.fit(np.asarray(x), y)
        z = binning.transform(_matrix(valid.select(kept)), metric="woe", metric_missing="empirical")
        return np.asarray(regression.predict_proba(np.asarray(z))[:, 1], dtype=np.float64)


def _matrix(frame: pl.DataFrame) -> Floats:
    return np.ascontiguousarray(frame.cast(pl.Float64).fill_null(float("nan")).to_numpy())


def _judge(name: str, tables: CardTables, splits: Splits, pd: Floats) -> Peer:
    rows = ~np.isnan(pd)
    y = tables.main[LABEL].to_numpy()
    party = tables.main[PARTY].rank("dense").cast(pl.Int64).to_numpy()
    metrics = evaluate(y[rows], pd[rows], groups=party[rows], seed=7)
    return Peer(name, metrics, float(np.mean([auc(y[c.valid], pd[c.valid]) for c in splits])))


def _print(name: str, metrics: dict[str, Interval], mean_cut_auc: float) -> None:
    cells = "  ".join(
        f"{m.upper()} {metrics[m].value:.4f} [{metrics[m].low:.4f}, {metrics[m].high:.4f}]" for m in METRICS
    )
    print(f"{name:36s} {cells}  mean cut AUC {mean_cut_auc:.4f}")


def _goals(name: str, levels: tuple[Level, ...]) -> Iterator[bool]:
    best, own = levels[-1], levels[0]
    if name == "polish":
        yield _goal("Polish 5year, mean fold AUC >= 0.963", best.mean_cut_auc, 0.963)
    if name == "smesd":
        gain = best.metrics["auc"].value - own.metrics["auc"].value
        yield _goal("SMEsD valid, AUC gained by relations over the firm's own columns >= 0.10", gain, 0.10)
        events = best.metrics["auc"].value - levels[1].metrics["auc"].value
        yield _goal(
            "SMEsD valid, AUC gained by the graph over own columns and lawsuits >= 0.10", events, 0.10
        )


def _goal(text: str, figure: float, least: float) -> bool:
    met = figure >= least
    print(f"goal {text}: {figure:.4f} {'met' if met else 'missed'}")
    return met


if __name__ == "__main__":
    sys.exit(main())
