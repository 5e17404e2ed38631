"""The group's sales forecast, judged, registered and published in one go, from the sample group."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from experiments.errors import OptionError, TooShortToBacktestError
from experiments.job import checked_job
from experiments.run_demand import HORIZONS, PublishedDemand, RunDemand
from features.timeline import Frequency
from models.demand.evaluation import COMBINATION, MEASURES
from models.demand.ledger.published_run import latest_run_id, read_run
from models.demand.model_folder import load_demand_model

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]
_SAMPLE = Path(__file__).parents[2] / "data_samples" / "group"
AS_OF = date(2024, 6, 30)
ISSUED = datetime(2024, 7, 1, 8, tzinfo=UTC)


def _quiet(zh: str, en: str) -> None:
    assert zh
    assert en


def _job(home: Path, **options: object) -> RunDemand:
    given: dict[str, object] = {
        "tables": _SAMPLE,
        "home": home,
        "as_of": AS_OF,
        "issued_at": ISSUED,
        "freqs": ("1mo",),
        "tier": "fast",
        "tracking_uri": f"sqlite:///{home / 'mlflow.db'}",
        "artifacts": home / "mlartifacts",
        "code_version": "test",
        "trained_by": "chen",
        **options,
    }
    return checked_job(RunDemand, **given)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def published(home: Path) -> PublishedDemand:
    (one,) = _job(home).run(_quiet)
    return one


def test_the_run_that_was_published_is_read_back_whole(home: Path, published: PublishedDemand) -> None:
    assert published.run.parent == home / "forecasts"
    assert latest_run_id(home / "forecasts", Frequency.MONTH) == published.run.name
    run = read_run(published.run)
    assert (run.info.horizon, run.info.tier) == (HORIZONS["1mo"], "fast")
    assert run.info.model_version == published.model.manifest.version
    steps = run.forecast.group_by("unique_id").agg(pl.col("step").sort())
    assert all(one == list(range(1, 13)) for one in steps["step"].to_list())
    assert run.forecast["forecast"].is_finite().all()
    assert run.forecast["forecast"].min() >= 0  # type: ignore[operator]  # a number


def test_products_regions_and_companies_add_up(published: PublishedDemand) -> None:
    found = read_run(published.run).forecast
    bottom = found.filter(pl.col("region").is_not_null())
    for keys in ([], ["org_id"], ["org_id", "family"], ["org_id", "family", "product_id"]):
        others = [one for one in ("org_id", "family", "product_id", "region") if one not in keys]
        node = found.filter(
            *(pl.col(one).is_null() for one in others), *(pl.col(one).is_not_null() for one in keys)
        )
        sums = bottom.group_by([*keys, "step"]).agg(pl.col("forecast").sum().alias("sum"))
        both = node.join(sums, on=[*keys, "step"], how="inner") if keys else node.join(sums, on="step")
        assert both.height >= sums.height > 0
        np.testing.assert_allclose(both["forecast"], both["sum"], rtol=1e-6)


def test_the_model_is_the_registered_champion_and_forecasts_what_was_published(
    home: Path, published: PublishedDemand
) -> None:
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    champion = client.get_model_version_by_alias("demand-1mo", "champion")
    pointer = json.loads((home / "models" / "demand" / "champion-1mo.json").read_text())
    assert pointer["version"] == published.model.manifest.version
    assert str(pointer["registered"]) == str(champion.version)
    assert pointer["trained_by"] == "chen", "who ran it may not approve it"
    assert published.model.manifest.notes["trained_by"] == read_run(published.run).info.trained_by == "chen"
    assert published.model.manifest.notes["gate"] == read_run(published.run).info.gate == "passed"
    run = client.get_run(str(champion.run_id))
    assert run.data.metrics[f"{COMBINATION}.wape"] == pytest.approx(
        published.measures.row(by_predicate=pl.col("name") == COMBINATION, named=True)["wape"]
    )
    again = load_demand_model(home / "models" / "demand" / pointer["folder"]).forecast()
    both = again.join(read_run(published.run).forecast, on=["unique_id", "step"], suffix=" published")
    assert both.height == again.height
    assert both["forecast"].to_list() == both["forecast published"].to_list()


def test_the_procedure_is_judged_beside_the_floor(published: PublishedDemand) -> None:
    measures = published.measures
    assert measures.columns == ["name", "series", *MEASURES]
    served = measures.row(by_predicate=pl.col("name") == COMBINATION, named=True)
    floor = measures.row(by_predicate=pl.col("name") == "naive", named=True)
    assert served["wape"] < floor["wape"]


def test_a_second_run_is_kept_beside_the_first(home: Path, published: PublishedDemand) -> None:
    later = datetime(2024, 7, 2, 8, tzinfo=UTC)
    (again,) = _job(home, issued_at=later).run(_quiet)
    assert again.run != published.run
    assert published.run.is_dir()
    assert again.model.manifest.version == published.model.manifest.version
    assert latest_run_id(home / "forecasts", Frequency.MONTH) == again.run.name


def test_a_measure_that_cannot_be_taken_is_left_out_of_what_is_published(
    tmp_path: Path, published: PublishedDemand, monkeypatch: pytest.MonkeyPatch
) -> None:
    undefined = published.measures.with_columns(owa=pl.lit(float("nan")))
    monkeypatch.setattr("experiments.run_demand.measure", lambda *_: undefined)
    (one,) = _job(tmp_path).run(_quiet)
    told = read_run(one.run).info.accuracy["naive"]
    assert "owa" not in told
    assert told["wape"] > 0


def test_too_little_history_and_unknown_frequencies_publish_nothing(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="freqs"):
        _job(tmp_path, freqs=("1h",))
    first = pl.scan_parquet(_SAMPLE / "sales.parquet").select(pl.col("ds").min()).collect().item()
    early = first.replace(year=first.year + 1)
    with pytest.raises(TooShortToBacktestError):
        _job(tmp_path, as_of=early).run(_quiet)
    assert not (tmp_path / "forecasts").exists()
    assert not (tmp_path / "models").exists()
