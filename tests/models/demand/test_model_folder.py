"""A model folder: what is read back forecasts, bands and explains bit for bit as what was saved."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.demand import build_panel
from models.demand.forecaster import fit_forecaster
from models.demand.model import DemandModel
from models.demand.model_folder import load_demand_model, save_demand_model
from models.demand.router import Tier
from models.errors import BundleError
from tests.models.demand.demand_tables import LEVELS, fit, good, long_table, shop_table, shops, week_table


def _read_back(model: DemandModel, folder: Path) -> DemandModel:
    save_demand_model(model, folder / "model", code_version="test")
    return load_demand_model(folder / "model")


def _same(one: DemandModel, other: DemandModel) -> None:
    """Compare bit for bit, with a scenario's drivers too."""
    assert_frame_equal(other.forecast(), one.forecast(), check_exact=True)
    assert_frame_equal(other.explain(), one.explain(), check_exact=True)
    ours, theirs = one.outlook(one.series()), other.outlook(other.series())
    for name in ("members", "point", "quantiles"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(ours, name))
    for name, bands in one.member_bands.items():
        np.testing.assert_array_equal(other.member_bands[name].table, bands.table)
        np.testing.assert_array_equal(other.member_bands[name].width, bands.width)
    assert other.floor_reasons() == one.floor_reasons()
    assert_frame_equal(other.panel.findings, one.panel.findings)
    assert_frame_equal(other.panel.refused, one.panel.refused)
    facts = ("horizon", "tier", "seed", "kinds", "levels")
    assert [getattr(other, name) for name in facts] == [getattr(one, name) for name in facts]


def test_shops_with_drivers_sums_and_counts_come_back_bit_for_bit(tmp_path: Path) -> None:
    model = shops()
    assert {"naive", "theta", "trees", "tsb", "smoothed_mean"} <= set(model.members)
    assert np.isfinite(model.dispersion).any()
    back = _read_back(model, tmp_path)
    _same(model, back)
    plan = model.panel.future.with_columns(price=pl.lit(8.0)).drop("period")
    assert_frame_equal(back.forecast(plan), model.forecast(plan), check_exact=True)
    assert not back.forecast(plan).equals(back.forecast())


def test_texts_as_drivers_and_static_columns_come_back(tmp_path: Path) -> None:
    table = shop_table().with_columns(
        weather=pl.when(pl.col("promotion") == 1).then(pl.lit("晴")).otherwise(pl.lit("雨"))
    )
    panel = build_panel(table, freq="1mo", known=("weather",), past=("price",), static=("shop",))
    model = fit_forecaster(panel, 4, tier=Tier.FAST, levels=LEVELS, keep_all=True)
    _same(model, _read_back(model, tmp_path))


@pytest.mark.slow
def test_all_members_of_the_standard_tier_come_back(tmp_path: Path) -> None:
    table = shop_table(length=60).filter(pl.col("unique_id").is_in(["north_a", "south_spares", "south_a"]))
    panel = build_panel(table, freq="1mo", known=("price", "promotion"), static=("shop",))
    model = fit_forecaster(panel, 4, levels=LEVELS, keep_all=True, extra=("croston_sba",))
    assert {"naive", "theta", "ets", "prophet", "tsb", "smoothed_mean"} <= set(model.members)
    _same(model, _read_back(model, tmp_path))


def test_days_of_rest_come_back(tmp_path: Path) -> None:
    panel = build_panel(week_table(weeks=12), freq="1d")
    model = fit_forecaster(panel, 7, tier=Tier.FAST, levels=LEVELS)
    assert model.panel.closed.height == 2
    _same(model, _read_back(model, tmp_path))


def test_a_model_that_was_never_tested_comes_back(tmp_path: Path) -> None:
    model = fit(long_table({"young": [3.0, 4.0, 5.0], "only": [2.0]}))
    _same(model, _read_back(model, tmp_path))


def test_the_same_model_has_the_same_version_and_another_one_another(tmp_path: Path) -> None:
    versions = []
    for number, seed in enumerate((7, 7, 8)):
        model = fit(long_table(good(2, length=48)), 3, seed=seed)
        bundle = save_demand_model(model, tmp_path / str(number), code_version="test")
        versions.append(bundle.manifest.version)
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    "name", ["frame.parquet", "bands.parquet", "settings.json", "naive.parameters.parquet"]
)
def test_a_file_that_was_changed_or_is_gone_is_refused_by_name(tmp_path: Path, name: str) -> None:
    save_demand_model(fit(long_table(good(1, length=40)), 3), tmp_path / "model", code_version="test")
    place = tmp_path / "model" / name
    kept = place.read_bytes()
    place.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    with pytest.raises(BundleError, match=name):
        load_demand_model(tmp_path / "model")
    place.unlink()
    with pytest.raises(BundleError, match=name):
        load_demand_model(tmp_path / "model")
    place.write_bytes(kept)
    assert load_demand_model(tmp_path / "model").horizon == 3


def test_nothing_in_the_folder_is_a_pickle(tmp_path: Path) -> None:
    save_demand_model(shops(), tmp_path / "model", code_version="test")
    kinds = {path.suffix for path in (tmp_path / "model").iterdir()}
    assert kinds <= {".json", ".parquet", ".txt"}
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["family"] == "demand"
    assert manifest["features"] == ["price", "promotion", "shop"]
