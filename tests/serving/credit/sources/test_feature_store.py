"""Stored features load whole or say what is wrong with the file."""

import json
import math
from pathlib import Path

import polars as pl
import pytest

from features.credit.standing import Standing
from graph.errors import UnknownPartyError
from serving.credit.errors import FeatureStoreError
from serving.credit.sources.feature_store import load_feature_store


def write(folder: Path, frame: pl.DataFrame, **sidecar: object) -> Path:
    path = folder / "credit_latest.parquet"
    frame.write_parquet(path)
    given = {"data_as_of": "2026-10-31", "graph_as_of": "2026-10-30", "features": ["a", "b"], **sidecar}
    path.with_suffix(".json").write_text(json.dumps(given))
    return path


STANDINGS = ["at_risk", "in_default"]
GOOD = pl.DataFrame(
    {"party_id": ["P1", "P2"], "standing": STANDINGS, "b": [1, None], "a": [0.5, float("nan")]}
)


def test_rows_come_in_the_order_asked_for_with_missing_as_nan(tmp_path: Path) -> None:
    store = load_feature_store(write(tmp_path, GOOD))
    assert store.row("P1").tolist() == [0.5, 1.0]
    assert all(math.isnan(value) for value in store.row("P2"))
    assert store.ordered(["b", "a"]).row("P1").tolist() == [1.0, 0.5]
    assert store.ordered(["b"]).matrix.shape == (2, 1)
    assert (store.data_as_of.day, store.graph_as_of and store.graph_as_of.day) == (31, 30)
    assert store.standing("P2") is Standing.IN_DEFAULT
    for read in (store.row, store.standing):
        with pytest.raises(UnknownPartyError, match="P3"):
            read("P3")


@pytest.mark.parametrize(
    ("frame", "sidecar", "english"),
    [
        (GOOD.drop("b"), {}, "lacks columns b"),
        (GOOD.with_columns(a=pl.Series([1.0, math.inf])), {}, "columns a hold infinite values"),
        (GOOD.with_columns(a=pl.Series(["x", "y"])), {}, "not numeric"),
        (GOOD.with_columns(party_id=pl.lit("P1")), {}, "occur twice"),
        (GOOD.with_columns(party_id=pl.Series(["P1", None])), {}, "missing or occur twice"),
        (GOOD.drop("standing"), {}, "lacks columns standing"),
        (GOOD.with_columns(standing=pl.lit("fine")), {}, "column standing is wrong"),
        (GOOD, {"data_as_of": "yesterday"}, "wrong (data_as_of)"),
        (GOOD, {"features": None}, "wrong (features)"),
    ],
)
def test_broken_file_is_named_with_its_fault(
    tmp_path: Path, frame: pl.DataFrame, sidecar: dict[str, object], english: str
) -> None:
    with pytest.raises(FeatureStoreError) as caught:
        load_feature_store(write(tmp_path, frame, **sidecar))
    assert english in caught.value.en
    assert "credit_latest" in caught.value.zh


def test_absent_files_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.unlink()
    with pytest.raises(FeatureStoreError, match=r"credit_latest\.parquet.*no such file"):
        load_feature_store(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FeatureStoreError, match=r"credit_latest\.json.*no such file"):
        load_feature_store(path)
