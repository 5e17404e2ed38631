"""A learnt model becomes a run that can be published: forecasts, parts, quality of every series, histories, keys."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.demand import build_panel
from models.demand.forecaster import fit_forecaster
from models.demand.hierarchies.hierarchy import hierarchy_of_levels
from models.demand.ledger.published_run import ForecastRun, read_run, write_run
from models.demand.ledger.run_of_model import keys_of_nodes, run_of_model
from models.demand.model import DemandModel
from models.demand.router import Tier

ISSUED = datetime(2026, 11, 3, tzinfo=UTC)
HORIZON = 4


@pytest.fixture(scope="module")
def model() -> DemandModel:
    """Learn from a seasonal series with a gap, a constant one, and one that is missing throughout."""
    months = [date(2022 + i // 12, i % 12 + 1, 1) for i in range(58)]
    seasonal = [100.0 + i + 30 * (i % 12 in (3, 4, 5)) for i in range(58)]
    frame = pl.DataFrame(
        {
            "unique_id": ["seasonal"] * 57 + ["constant"] * 58 + ["missing"] * 58,
            "ds": [*months[:20], *months[21:], *months, *months],
            "y": [*seasonal[:20], *seasonal[21:], *[7.0] * 58, *[None] * 58],
            "org_id": ["ORG-07"] * 57 + ["ORG-08"] * 116,
        }
    )
    panel = build_panel(frame, freq="1mo", static=("org_id",))
    return fit_forecaster(panel, HORIZON, tier=Tier.FAST, seed=7)


@pytest.fixture(scope="module")
def run(model: DemandModel) -> ForecastRun:
    return run_of_model(
        model,
        run_id="r1",
        issued_at=ISSUED,
        data_as_of=date(2026, 11, 1),
        model_version="demand-0",
        accuracy={"theta": {"wape": 0.1}},
    )


def test_run_is_published_and_read_back(tmp_path: Path, run: ForecastRun, model: DemandModel) -> None:
    back = read_run(write_run(tmp_path, run))
    assert back.info == run.info
    assert (back.info.tier, back.info.season, back.info.horizon) == ("fast", 12, HORIZON)
    forecast = model.forecast().sort("unique_id", "step")
    assert back.forecast["forecast"].to_list() == forecast["forecast"].to_list()
    assert back.forecast["q90"].to_list() == forecast["q90"].to_list()
    assert back.forecast.filter(unique_id="seasonal")["org_id"].unique().to_list() == ["ORG-07"]


def test_every_series_has_a_quality_and_a_reason_where_it_is_not_full(run: ForecastRun) -> None:
    quality = {row["unique_id"]: row for row in run.quality.iter_rows(named=True)}
    assert {name: row["quality"] for name, row in quality.items()} == {
        "seasonal": "full",
        "constant": "fallback",
        "missing": "refused",
    }
    assert quality["seasonal"]["reason_en"] is None
    assert "one value only" in quality["constant"]["reason_en"]
    assert quality["missing"]["reason_zh"]
    assert "× 1" in quality["seasonal"]["findings"], "the month that was filled is told"


def test_history_keeps_two_seasons_and_does_not_take_filled_values_for_actuals(run: ForecastRun) -> None:
    history = run.history.filter(unique_id="seasonal")
    assert history.height == 24
    assert history["ds"].max() == date(2026, 10, 1)
    gappy = build_panel(
        pl.DataFrame(
            {
                "unique_id": ["a"] * 3,
                "ds": [date(2026, 1, 1), date(2026, 2, 1), date(2026, 4, 1)],
                "y": [1.0, 2.0, 4.0],
            }
        ),
        freq="1mo",
    )
    told = run_of_model(
        fit_forecaster(gappy, 1, tier=Tier.FAST),
        run_id="r",
        issued_at=ISSUED,
        data_as_of=date(2026, 5, 1),
        model_version="v",
    )
    assert told.history["y"].to_list() == [1.0, 2.0, None, 4.0]


def test_sums_have_the_keys_of_their_level_and_their_company_where_it_is_one() -> None:
    static = pl.DataFrame(
        {
            "unique_id": ["1/e", "1/w", "2/e"],
            "org_id": ["ORG-07", "ORG-07", "ORG-08"],
            "product_id": ["1", "1", "2"],
            "region": ["e", "w", "e"],
        }
    )
    levels = {"company": ["org_id"], "product": ["product_id"], "region": ["region"]}
    keys = keys_of_nodes(hierarchy_of_levels(static, levels), static, levels)
    assert keys.select("unique_id", "org_id", "product_id", "region", "level").rows() == [
        ("total", None, None, None, "total"),
        ("org_id=ORG-07", "ORG-07", None, None, "company"),
        ("org_id=ORG-08", "ORG-08", None, None, "company"),
        ("product_id=1", "ORG-07", "1", None, "product"),
        ("product_id=2", "ORG-08", "2", None, "product"),
        ("region=e", None, None, "e", "region"),
        ("region=w", "ORG-07", None, "w", "region"),
        ("1/e", "ORG-07", "1", "e", "series"),
        ("1/w", "ORG-07", "1", "w", "series"),
        ("2/e", "ORG-08", "2", "e", "series"),
    ]
