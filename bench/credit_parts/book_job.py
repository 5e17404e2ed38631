"""One process of the book benchmark: make book and model, score it, explain a sample with a peer, or compare the answers."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import lightgbm as lgb

__all__ = ["main"]

AS_OF: Final = date(2024, 12, 31)
OWN: Final = 119
NETWORK: Final = 62  # and the 19 columns of the neighbours' scores: 200 features in all
OWN_TREES: Final = (3, 150, 15)  # bags, trees, leaves
NETWORK_TREES: Final = (3, 100, 4)
LARGE_TREES: Final = (1, 500, 31)
SLOPE: Final = 0.93
_LEARN_ROWS: Final = 30_000
_WRITE_ROWS: Final = 50_000

Floats = NDArray[np.float64]


def main() -> int:
    """Do one piece of work in a folder, so that its cost can be told apart."""
    works: dict[str, Callable[[Path, int, int], None]] = {
        "make": _make,
        "ours": _ours,
        "lightgbm": _lightgbm,
        "shap": _shap,
        "large": _large,
        "compare": _compare,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", choices=list(works))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    works[chosen.work](chosen.folder, chosen.rows, chosen.seed)
    return 0


def _names() -> tuple[list[str], list[str]]:
    from features.credit.neighbour_scores import SCORE_FEATURES

    around = [f"network_{i:03}" for i in range(NETWORK)]
    return [f"own_{i:03}" for i in range(OWN)], [*around, *SCORE_FEATURES]


def _matrix(rng: np.random.Generator, rows: int) -> Floats:
    """Return features as books have them: a fifth missing, most of the network's 0, four decimals."""
    x = np.round(rng.normal(size=(rows, OWN + NETWORK + 19)), 4)
    x[:, OWN:][rng.random((rows, NETWORK + 19)) < 0.6] = 0.0
    x[rng.random(x.shape) < 0.2] = np.nan
    return x


def _make(folder: Path, rows: int, seed: int) -> None:
    """Learn the model from rows of their own, then write the book."""
    import lightgbm as lgb

    from models.bundle import write_bundle
    from models.credit.booster import Boosters
    from models.credit.calibration.intervals import PdInterval
    from models.credit.calibration.maps import AffineCalibration
    from models.credit.grade import group_master_scale
    from models.credit.model import FAMILY, CreditModel

    rng = np.random.default_rng(seed)
    x = _matrix(rng, _LEARN_ROWS)
    risk = np.nan_to_num(x) @ (rng.normal(size=x.shape[1]) * 0.15) - 3
    y = (rng.random(len(x)) < 1 / (1 + np.exp(-risk))).astype(float)

    def learn(
        columns: slice, names: list[str], size: tuple[int, int, int], offset: Floats | None = None
    ) -> Boosters:
        bags, trees, leaves = size
        members = []
        for bag in range(bags):
            parameters = {"objective": "binary", "learning_rate": 0.03, "num_leaves": leaves, "verbosity": -1}
            parameters |= {
                "feature_fraction": 0.5,
                "bagging_fraction": 0.8,
                "bagging_freq": 1,
                "lambda_l2": 5.0,
            }
            parameters |= {"seed": seed * 100 + bag, "deterministic": True, "num_threads": 1}
            rows = lgb.Dataset(x[:, columns], y, feature_name=names, init_score=offset)
            members.append(lgb.train(parameters, rows, trees))
        return Boosters(tuple(members))

    own_names, network_names = _names()
    own = learn(slice(OWN), own_names, OWN_TREES)
    around = learn(slice(OWN, None), network_names, NETWORK_TREES, own.raw(x[:, :OWN]))
    calibration = AffineCalibration(SLOPE, -0.1)
    model = CreditModel(
        own_features=tuple(own_names),
        own=own,
        network_features=tuple(network_names),
        network=around,
        calibration=calibration,
        interval=PdInterval(calibration, (-6.0, 2.0), (-6.5, 1.0), (-5.0, 2.5)),
        scale=group_master_scale(),
    )
    given = {
        "family": FAMILY,
        "features": model.features,
        "seed": seed,
        "data_hash": "-",
        "code_version": "-",
    }
    write_bundle(folder / "model", model.files(), **given)  # type: ignore[arg-type]
    large = learn(slice(None), [*own_names, *network_names], LARGE_TREES)
    (folder / "large.txt").write_bytes(large.files("large")["large_0.txt"])
    _write_book(folder / "book.parquet", rng, rows)


def _write_book(path: Path, rng: np.random.Generator, rows: int) -> None:
    import polars as pl
    import pyarrow.parquet as pq

    names = [name for group in _names() for name in group]
    writer = None
    for start in range(0, rows, _WRITE_ROWS):
        count = min(_WRITE_ROWS, rows - start)
        ids = [f"C{i:08}" for i in range(start, start + count)]
        frame = pl.DataFrame(_matrix(rng, count), schema=names, orient="row").fill_nan(None)
        table = frame.insert_column(0, pl.Series("party_id", ids)).insert_column(
            1, pl.Series("as_of", [AS_OF] * count)
        )
        arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, arrow.schema)
        writer.write_table(arrow)
    if writer is not None:
        writer.close()


def _ours(folder: Path, rows: int, seed: int) -> None:
    from experiments.score_book import ScoreBook

    del rows, seed
    job = ScoreBook(
        model=folder / "model", features=folder / "book.parquet", out=folder / "scores.parquet", num_threads=2
    )
    job.run(lambda _zh, en: print("  " + en, flush=True))


def _sample(folder: Path, rows: int) -> Floats:
    import polars as pl

    names = [name for group in _names() for name in group]
    frame = pl.scan_parquet(folder / "book.parquet").head(rows).select(names).collect()
    return np.ascontiguousarray(frame.fill_null(float("nan")).to_numpy())


def _lightgbm(folder: Path, rows: int, seed: int) -> None:
    """Explain with LightGBM's `pred_contrib`, one thread: nothing waits for another."""
    del seed

    def explain(booster: "lgb.Booster", x: Floats) -> Floats:
        return np.asarray(booster.predict(x, pred_contrib=True, num_threads=1))[:, :-1]

    _peer(folder, rows, "lightgbm", explain)


def _shap(folder: Path, rows: int, seed: int) -> None:
    """Explain with shap's own extension: left to itself, TreeExplainer calls LightGBM's `pred_contrib` for its boosters."""
    del seed
    _peer(folder, rows, "shap", _by_shap)


def _by_shap(booster: "lgb.Booster", x: Floats) -> Floats:
    import shap

    explainer = shap.TreeExplainer(booster, feature_perturbation="tree_path_dependent")
    explainer.model.model_type = "internal"
    return np.asarray(explainer.shap_values(x, check_additivity=False))


def _peer(folder: Path, rows: int, name: str, explain: "Callable[[lgb.Booster, Floats], Floats]") -> None:
    """Explain a sample; only the explaining counts, neither import nor reading nor writing."""
    from models.credit.model import load_credit_model

    model = load_credit_model(folder / "model")
    x = _sample(folder, rows)
    own, around = np.ascontiguousarray(x[:, :OWN]), np.ascontiguousarray(x[:, OWN:])
    explain(model.own.members[0], own[:10])  # imports, and what is done once
    network = model.network.members if model.network is not None else ()
    begun = time.process_time()
    parts = [
        np.mean([explain(member, part) for member in members], axis=0)
        for members, part in ((model.own.members, own), (network, around))
    ]
    used = time.process_time() - begun
    np.save(folder / f"{name}.npy", np.hstack(parts))
    (folder / f"{name}.json").write_text(json.dumps({"cpu": used, "rows": len(x)}))


def _large(folder: Path, rows: int, seed: int) -> None:
    """Explain a sample with one large booster by all three."""
    import lightgbm as lgb

    from models.credit.compiled import CompiledBoosters

    del seed
    booster = lgb.Booster(model_str=(folder / "large.txt").read_text())
    boosters, x = CompiledBoosters((booster,)), _sample(folder, rows)
    ways: dict[str, Callable[[Floats], Floats]] = {
        "ours": lambda part: boosters.contributions(part)[:, :-1],
        "lightgbm": lambda part: np.asarray(booster.predict(part, pred_contrib=True, num_threads=1))[:, :-1],
        "shap": lambda part: _by_shap(booster, part),
    }
    found, cpu = {}, {}
    for name, explain in ways.items():
        explain(x[:10])
        begun = time.process_time()
        found[name] = explain(x)
        cpu[name] = time.process_time() - begun
    gap = max(float(np.abs(found["ours"] - found[name]).max()) for name in ("lightgbm", "shap"))
    (folder / "large.json").write_text(json.dumps({"rows": len(x), "gap": gap, **cpu}))


def _compare(folder: Path, rows: int, seed: int) -> None:
    """Compare what stands in our output with the peers', and add up every row of it."""
    import polars as pl

    from experiments.score_book import CONTRIBUTION

    del seed
    scores = pl.scan_parquet(folder / "scores.parquet")
    parts = pl.col(f"^{CONTRIBUTION}.*$")
    ours = scores.head(rows).select(parts).collect().to_numpy()
    gaps = {
        name: float(np.abs(ours - SLOPE * np.load(folder / f"{name}.npy")).max())
        for name in ("lightgbm", "shap")
    }
    names = [name for name in scores.collect_schema().names() if name.startswith(CONTRIBUTION)]
    total = pl.sum_horizontal("base_log_odds", *names) - pl.col("log_odds")
    checked = scores.select(pl.len(), total.abs().max().alias("gap")).collect(engine="streaming")
    found = {**gaps, "rows": checked["len"].item(), "additive": checked["gap"].item()}
    (folder / "compare.json").write_text(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
