"""A home to serve from: one booster of 500 trees of 31 leaves over 141 features, parties, their facts, and a key."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["BOOSTER", "COLUMNS", "PARTIES", "SEED", "make_home", "make_key", "matrix"]

SEED: Final = 20261121
COLUMNS: Final = 141
PARTIES: Final = 5_000
"""All of them fit what a worker keeps of rows it has read (8,192), as the counterparties of the group do."""
BOOSTER: Final = "booster.txt"
"""The same trees as one LightGBM file, for the peers that read no other."""
_TREES: Final = 500
_LEAVES: Final = 31

Floats = NDArray[np.float64]


def matrix(rows: int, *, seed: int = SEED) -> Floats:
    """Return rows of features, a fifth of them missing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, COLUMNS))
    x[rng.random(x.shape) < 0.2] = np.nan
    return x


def make_home(home: Path) -> None:
    """Train the model and write what the service reads."""
    from models.bundle import write_bundle
    from models.credit.booster import BoosterSettings, Design, train_boosters
    from models.credit.calibration.fit import fit_affine
    from models.credit.grade import group_master_scale
    from models.credit.model import FAMILY, CreditModel

    x = matrix(PARTIES)
    noise = np.random.default_rng(SEED + 1).normal(size=PARTIES)
    y = (np.nan_to_num(x[:, :10]).sum(axis=1) + 3 * noise > 6).astype(np.float64)
    features = tuple(f"feature_{number:03}" for number in range(COLUMNS))
    settings = BoosterSettings(rounds=_TREES, bags=1, num_leaves=_LEAVES, learning_rate=0.02)
    boosters = train_boosters(Design(x, y, features), settings=settings, seed=SEED, num_threads=2)
    (member,) = boosters.members
    leaves = [tree["num_leaves"] for tree in member.dump_model()["tree_info"]]
    if (len(leaves), max(leaves)) != (_TREES, _LEAVES):
        raise SystemExit(
            f"trained {len(leaves)} trees of up to {max(leaves)} leaves, not the model to measure with"
        )
    model = CreditModel(features, boosters, fit_affine(boosters.raw(x), y), group_master_scale())
    folder = home / "models" / "credit" / "bench"
    written = write_bundle(
        folder, model.files(), family=FAMILY, features=features, seed=SEED, data_hash="generated", code_version="bench"
    )  # fmt: skip
    pointer = {"version": written.manifest.version, "folder": folder.name}
    (folder.parent / "champion.json").write_text(json.dumps(pointer))
    (home / BOOSTER).write_text(member.model_to_string())
    _write_features(home / "features", x, features, written.manifest.version)


def _write_features(folder: Path, x: Floats, features: tuple[str, ...], version: str) -> None:
    folder.mkdir()
    today = datetime.now(UTC).date()
    ids = [f"P{row:07d}" for row in range(len(x))]
    frame = pl.DataFrame(x, schema=list(features), orient="row").fill_nan(None)
    frame.insert_column(0, pl.Series("party_id", ids))
    frame.insert_column(1, pl.Series("standing", ["at_risk"] * len(x)))
    frame.write_parquet(folder / "credit_latest.parquet")
    sidecar = {"data_as_of": str(today), "graph_as_of": str(today), "features": list(features)}
    (folder / "credit_latest.json").write_text(json.dumps(sidecar))
    _write_book(folder / "credit_book.parquet", ids, version, today)


def _write_book(path: Path, ids: list[str], version: str, today: date) -> None:
    """Write facts that break no rule: every rule is checked on every answer."""
    from features.credit.neighbour_scores import SCORE_FEATURES
    from models.credit.rules.facts import FACT_UNITS, FactUnit

    values: dict[FactUnit, object] = {FactUnit.FLAG: False, FactUnit.CNY: 1.0, FactUnit.RATIO: 0.01}
    facts = {name: values.get(unit, 0) for name, unit in FACT_UNITS.items() if unit is not FactUnit.TEXT}
    exact = {"guarantees_beyond_net_assets": 0.0, "circle_members": 1, "limit_uses": []}
    count = len(ids)
    pl.DataFrame(
        {
            "party_id": ids,
            "as_of": [today] * count,
            "model_version": [version] * count,
            **{name: [0.1] * count for name in SCORE_FEATURES},
            "facts": [
                {"party_id": party, "as_of": today, "kind": "company"} | facts | exact for party in ids
            ],
            "carriers": pl.Series([None] * count, dtype=pl.Null),
            "lines": [["leasing"]] * count,
            "pooled": [{"pd": 0.03, "pd_low": 0.02, "pd_high": 0.05, "segment": "company"}] * count,
        }
    ).write_parquet(path)


def make_key(home: Path) -> str:
    """Make a key in the home's own ledger."""
    from serving.access.keys import KeyStore
    from serving.access.roles import Role
    from serving.ledger.database import Database

    database = Database(home / "ledger.db")
    database.open()
    _, text = KeyStore(database).create("bench", [Role.RISK_OFFICER], companies=["*"], now=datetime.now(UTC))
    database.close()
    return text
