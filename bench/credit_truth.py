"""Does the network part find contagion, and only that? The sample group's answers beside its truth, out of time.

Run: python bench/credit_truth.py [--seed 7] [--scale 4] [--months 12]. Writes a sample group, learns on what was known
before the last months, answers about these, and compares with what really happened and why. A second model learns from
a graph in which everybody has somebody else's relations: there the switch has to leave the network out, or do no harm.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # else bench/graph.py hides the package graph

from bench.graph_parts.goal import Goal
from experiments.build_features import LINKS, PANEL, BuildFeatures
from experiments.contagion_truth import NO_HAZARD, carrier_hits, effect_by_hazard
from experiments.learn_panel import NETWORK_BOOSTER, learn_panel
from experiments.out_of_time import out_of_time
from features.checked_files import check_folder, write_checked
from features.credit.book import Book
from features.credit.build import NETWORK_FEATURES
from features.credit.carrier_paths import book_carriers
from features.credit.labels import HORIZON_MONTHS, LAG_MONTHS
from features.credit.routes import leading_routes
from features.errors import DataError
from features.sources import read_tables
from graph.parquet_store import ParquetStore, rebuild
from graph.parties import PARTY_SCHEMA
from models.credit.booster import BoosterSettings
from models.credit.model import CreditModel
from models.credit.neighbours import own_log_odds, with_neighbour_scores

ROOT: Final = Path(__file__).resolve().parent.parent
AS_OF: Final = date(2025, 12, 31)
FIRST_MONTH: Final = date(2020, 12, 31)


@dataclass(frozen=True)
class World:
    """A sample group: its tables, graph, panel, links and truth."""

    home: Path
    panel: pl.DataFrame
    links: pl.DataFrame
    truth: Mapping[str, pl.DataFrame]


def main() -> int:
    """Write the group, learn, answer, compare; 0 when every goal is met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=4.0, help="1 is 2,000 counterparties")
    parser.add_argument(
        "--months", type=int, default=12, help="last month-ends of the panel, to answer about"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep the group there, or use the one that is there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zhiheng-bench-") as folder:
        world = _world(chosen.home or Path(folder), seed=chosen.seed, scale=chosen.scale)
        goals = _contagion(world, chosen) + _no_harm(world, chosen)
    print()
    for goal in goals:
        print(goal.line())
    met = sum(goal.met for goal in goals)
    print(f"{met} met, {len(goals) - met} missed")
    return 0 if met == len(goals) else 1


def _world(home: Path, *, seed: int, scale: float) -> World:
    if not (home / "features" / LINKS).is_file():
        _make(home, seed=seed, scale=scale)
    truth = {path.stem: pl.read_parquet(path) for path in (home / "group" / "truth").glob("*.parquet")}
    panel = pl.read_parquet(home / "features" / PANEL).sort("as_of", "party_id")
    return World(home, panel, pl.read_parquet(home / "features" / LINKS), truth)


def _make(home: Path, *, seed: int, scale: float) -> None:
    script = [sys.executable, str(ROOT / "data_samples" / "generate.py"), "--out", str(home / "group")]
    subprocess.run(
        [*script, "--seed", str(seed), "--scale", str(scale)], check=True, stdout=subprocess.DEVNULL
    )
    for outcome in check_folder(home / "group"):
        if isinstance(outcome, DataError):
            raise outcome
        write_checked(outcome, home / "checked")
    good = home / "checked" / "good"
    tables = read_tables(good)
    rebuild(home / "graph", tables["edges"], tables["parties"].select(PARTY_SCHEMA.names()).collect())
    job = BuildFeatures(
        tables=good, graph=home / "graph", out=home / "features", as_of=AS_OF, first_month=FIRST_MONTH
    )
    job.run(lambda _zh, en: print(en, flush=True))


def _learn(
    panel: pl.DataFrame, links: pl.DataFrame, chosen: argparse.Namespace
) -> tuple[CreditModel, pl.DataFrame]:
    """Learn on what was known before the test months, say what the switch saw; return model and rows to answer about."""
    past, test = out_of_time(
        panel, test_months=chosen.months, horizon_months=HORIZON_MONTHS, label_lag_months=LAG_MONTHS
    )
    learned = learn_panel(
        past,
        links,
        own=BoosterSettings(),
        network=NETWORK_BOOSTER,
        label_months=HORIZON_MONTHS + LAG_MONTHS,
        seed=chosen.seed,
        num_threads=chosen.threads,
    )
    for what, gain in (("other parties", learned.gain), ("other parties later", learned.later_gain)):
        if gain is not None:
            print(
                f"network on {what}: log-loss falls by {1000 * gain.mean:.3f} ± {1000 * gain.standard_error:.3f} per 1,000"
            )
    model = learned.model
    return model, with_neighbour_scores(model, test, links)


def _answers(model: CreditModel, test: pl.DataFrame) -> pl.DataFrame:
    """Return [party_id, as_of, label, own, log_odds, effect, channel]."""
    scores = model.score(test)
    lead = leading_routes(scores.features, scores.contributions)
    return test.select("party_id", "as_of", "label").with_columns(
        own=pl.Series(scores.own_log_odds),
        log_odds=pl.Series(scores.log_odds),
        effect=pl.Series(scores.log_odds - scores.own_log_odds),
        channel=lead["channel"].cast(pl.String),
    )


def _contagion(world: World, chosen: argparse.Namespace) -> list[Goal]:
    model, test = _learn(world.panel, world.links, chosen)
    answers = _answers(model, test)
    kept = model.network is not None
    print(f"{answers.height:,} answers, network part {'kept' if kept else 'left out'}")
    by_hazard = effect_by_hazard(answers, world.truth["hazard"])
    for band, rows, hazard, effect, spread in by_hazard.iter_rows():
        print(
            f"true monthly hazard by contagion {band:>7}: {rows:>7,} answers, mean {hazard:.4f}, effect {effect:+.3f}, rms {spread:.3f}"
        )
    hits = carrier_hits(answers, _carriers(world, model, test), world.truth["defaults"])
    _tell(hits)
    quiet = by_hazard.filter(band=NO_HAZARD)
    loudest = by_hazard.tail(1)
    raised = _only(loudest, "effect") - _only(quiet, "effect")
    last = hits.sort("as_of").unique("party_id", keep="last")
    loss = _log_loss(answers["label"], answers["own"]) - _log_loss(answers["label"], answers["log_odds"])
    return [
        Goal("network part kept by validation", float(kept), 1, "", higher=True),
        Goal("fall in log-loss by the network, per 1,000 answers", 1000 * loss, 0, "", higher=True),
        Goal("mean network effect where no default bears, absolute log-odds", abs(_only(quiet, "effect")), 0.15, ""),
        Goal("rms network effect where no default bears, log-odds", _only(quiet, "spread"), 0.35, ""),
        Goal("mean effect in the highest quarter of contagion over that of none", raised, 0.5, "", higher=True),
        Goal("bands of contagion whose mean effect is above the band before", _rises(by_hazard["effect"]), 1, "", higher=True),
        Goal("contagion defaults, last answer: path ends at the party that pulled them", _share(last["hit"]), 0.5, "", higher=True),
        Goal("the same, of paths that end at a party in default", _share(last.filter("had_failed")["hit"]), 0.7, "", higher=True),
    ]  # fmt: skip


def _carriers(world: World, model: CreditModel, test: pl.DataFrame) -> pl.DataFrame:
    """Return the paths of all parties as of each test month, by the model's own scores of that month."""
    tables, store = read_tables(world.home / "checked" / "good"), ParquetStore(world.home / "graph")
    own = own_log_odds(model, test).partition_by("as_of", maintain_order=True)
    return pl.concat(book_carriers(Book.read(tables, part["as_of"].item(0)), store, part) for part in own)


def _tell(hits: pl.DataFrame) -> None:
    print(
        f"\n{hits.height:,} answers about {hits['party_id'].n_unique():,} parties that contagion pulled down within a year"
    )
    for kind, part in sorted(hits.group_by("via_kind"), key=lambda pair: str(pair[0][0])):
        print(
            f"  pulled by a {kind[0]:<11} {part.height:>5,} answers: path ends there {_share(part['hit']):.2f}, "
            f"some route's path does {_share(part['direct']):.2f}, route told: {_commonest(part['channel'])}"
        )


def _no_harm(world: World, chosen: argparse.Namespace) -> list[Goal]:
    """Give everybody somebody else's relations; what the network then adds can only be chance."""
    print()
    panel, links = _strangers(world, chosen.seed)
    model, test = _learn(panel, links, chosen)
    answers = _answers(model, test)
    print(f"relations of strangers: network part {'kept' if model.network is not None else 'left out'}")
    harm = _log_loss(answers["label"], answers["log_odds"]) - _log_loss(answers["label"], answers["own"])
    spread = float((answers["effect"] ** 2).mean() or 0.0) ** 0.5  # type: ignore[arg-type]
    return [
        Goal(
            "strangers' relations: rise in log-loss by the network, per 1,000 answers", 1000 * harm, 0.1, ""
        ),
        Goal("strangers' relations: rms network effect, log-odds", spread, 0.05, ""),
    ]


def _strangers(world: World, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return panel and links in which each party has the network features and links of another one, the same all along."""
    parties = world.panel["party_id"].unique().sort()
    others = parties.gather(np.random.default_rng(seed).permutation(len(parties)))
    swap = pl.DataFrame({"party_id": parties, "other": others})
    network = world.panel.select(pl.col("party_id").alias("other"), "as_of", *NETWORK_FEATURES)
    panel = (
        world.panel.drop(NETWORK_FEATURES)
        .join(swap, on="party_id", maintain_order="left")
        .join(network, on=["other", "as_of"], how="left", maintain_order="left")
        .drop("other")
    )
    links = world.links.rename({"party_id": "other"}).join(swap, on="other").drop("other")
    return panel.select(world.panel.columns), links.select(world.links.columns)


def _log_loss(label: pl.Series, log_odds: pl.Series) -> float:
    z = log_odds.to_numpy()
    return float(np.mean(np.logaddexp(0.0, z) - label.to_numpy() * z))


def _only(frame: pl.DataFrame, column: str) -> float:
    return float(frame[column].item(0)) if frame.height else float("nan")


def _rises(effects: pl.Series) -> float:
    steps = effects.diff().drop_nulls()
    return _share(steps > 0)


def _share(found: pl.Series) -> float:
    return float(found.cast(pl.Float64).to_numpy().mean()) if len(found) else float("nan")


def _commonest(channels: pl.Series) -> str:
    counted = channels.drop_nulls().value_counts(sort=True).head(3).iter_rows()
    return ", ".join(f"{channel} {count}" for channel, count in counted)


if __name__ == "__main__":
    sys.exit(main())
