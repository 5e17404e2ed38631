"""The group's lines forecast, registered and published in one go, against the published demand of the same weeks."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient

from experiments.capacity_demand import find_demand
from experiments.errors import DemandRunError, OptionError
from experiments.job import checked_job
from experiments.run_capacity import NAME, PublishedCapacity, RunCapacity
from models.capacity.lines.model_folder import load_line_model
from models.capacity.published.capacity_run import CapacityRun, latest_run_id, read_run
from models.capacity.published.run_frames import FRAMES
from models.capacity.published.run_scope import weeks_of_run
from models.demand.ledger.published_run import read_run as read_demand
from models.errors import LinePanelError, ProfileFileError
from tests.experiments.capacity_tables import AS_OF, ISSUED, publish_demand, write_tables

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]


class _Told:
    """Collects what a job says; both languages must say something."""

    def __init__(self) -> None:
        self.en: list[str] = []

    def __call__(self, zh: str, en: str) -> None:
        assert zh
        self.en.append(en)


def _job(home: Path, tables: Path, **options: object) -> RunCapacity:
    given: dict[str, object] = {
        "tables": tables,
        "home": home,
        "as_of": AS_OF,
        "issued_at": ISSUED,
        "horizon_days": 70,
        "scenarios": 200,
        "cutoffs": 0,
        "utilisation_months": 3,
        "tracking_uri": f"sqlite:///{home / 'mlflow.db'}",
        "artifacts": home / "mlartifacts",
        "code_version": "test",
        "trained_by": "chen",
        **options,
    }
    return checked_job(RunCapacity, **given)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tables: Path) -> Path:
    folder = tmp_path_factory.mktemp("home")
    publish_demand(folder, tables)
    return folder


@pytest.fixture(scope="module")
def published(home: Path, tables: Path) -> PublishedCapacity:
    return _job(home, tables, cutoffs=1).run(_Told())


@pytest.fixture(scope="module")
def run(published: PublishedCapacity) -> CapacityRun:
    return read_run(published.run)


def test_the_run_holds_the_demand_of_the_demand_run_key_by_key_and_week_by_week(
    home: Path, run: CapacityRun
) -> None:
    assert run.info.demand_run_id is not None
    demand = read_demand(home / "forecasts" / run.info.demand_run_id)
    assert run.info.demand_model_version == demand.info.model_version
    products = demand.forecast.filter(pl.col("level") == "product").select(
        "product_id", pl.col("ds").cast(pl.Date).alias("week"), "forecast", "q10", "q90"
    )
    both = run.demand.join(products, on=["product_id", "week"], suffix="_published")
    assert both.height == run.demand.height == products.height > 0
    for column in ("forecast", "q10", "q90"):
        assert both[column].to_list() == both[f"{column}_published"].to_list()


def test_shortfalls_stand_for_every_product_and_line_in_every_week_that_can_be_planned(
    run: CapacityRun,
) -> None:
    weeks = weeks_of_run(run)
    assert weeks[0] == date(2026, 1, 5)
    assert run.shortfall_products["week"].unique().sort().to_list() == list(weeks)
    assert run.shortfall_products.height == run.products.height * len(weeks)
    assert run.shortfall_lines.height == run.lines.height * len(weeks)
    short = run.shortfall_products.filter(pl.col("probability") > 0)
    assert short["bottleneck"].null_count() == 0
    assert run.utilisation["line_id"].n_unique() == run.lines.height
    assert (run.losses["hours"] > 0).all()
    assert run.losses["loss_en"].null_count() < run.losses.height
    assert set(run.lines["profile"]) == {"cylindrical_cells", "carbon_fibre", "sea_salt", "well_salt"}


def test_the_model_is_the_registered_champion_and_forecasts_what_was_published(
    home: Path, published: PublishedCapacity, run: CapacityRun
) -> None:
    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    champion = client.get_model_version_by_alias(NAME, "champion")
    pointer = json.loads((home / "models" / "capacity" / "champion.json").read_text())
    assert pointer["version"] == published.model.manifest.version == run.info.model_version
    assert str(pointer["registered"]) == str(champion.version)
    assert pointer["trained_by"] == run.info.trained_by == "chen", "who ran it may not approve it"
    assert published.model.manifest.notes == {"trained_by": "chen", "gate": "passed"}
    assert run.info.gate == "passed"
    assert run.info.mlflow_run_id == champion.run_id
    metrics = client.get_run(str(champion.run_id)).data.metrics
    assert metrics["lines.ratio"] == pytest.approx(run.info.accuracy["lines"]["ratio"])
    assert run.info.model_folder is not None
    again = load_line_model(home / run.info.model_folder).weeks().sort("line_id", "week")
    assert again["forecast"].to_list() == run.weeks["forecast"].to_list()


def test_a_model_that_does_no_better_than_the_plan_is_not_promoted_and_the_planned_rate_is_served(
    tmp_path: Path, tables: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _job(tmp_path, tables).run(_Told())
    assert "not_judged" in {note.code for note in read_run(first.run).info.notes}
    worse = pl.DataFrame(
        [{"name": "all", "weeks": 9, "mae": 0.3, "planned_mae": 0.2, "ratio": 1.5, "coverage": 0.8}]
    )
    monkeypatch.setattr("experiments.run_capacity.measures_of_lines", lambda errors: worse)
    told = _Told()
    later = _job(tmp_path, tables, seed=8, issued_at=ISSUED + timedelta(hours=1)).run(told)
    run = read_run(later.run)
    assert (run.info.quality, run.info.model_version, run.info.model_folder) == (
        "planned_rate",
        "planned-rate",
        None,
    )
    assert set(run.weeks["quality_flag"]) == set(run.days["quality_flag"]) == {"planned_rate"}
    assert run.weeks["reason_en"].str.contains("not below the planned rate's 20.0 %").all()
    assert any("champion stays" in one for one in told.en)
    whole = run.weeks.filter(pl.col("planned_output") > 0)
    assert (whole["forecast"] <= whole["planned_output"] * (1 + 1e-9)).all()
    assert (first.model.manifest.notes["gate"], later.model.manifest.notes["gate"]) == (
        "not_judged",
        "failed",
    )
    assert run.info.gate == "", "the planned rate is no model that a gate judged"
    pointer = json.loads((tmp_path / "models" / "capacity" / "champion.json").read_text())
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert pointer["version"] == first.model.manifest.version != later.model.manifest.version
    assert client.get_model_version_by_alias(NAME, "champion").tags["bundle_version"] == pointer["version"]
    assert len(client.search_model_versions(f"name = '{NAME}'")) == 2


def test_what_was_said_is_held_against_what_came(published: PublishedCapacity, run: CapacityRun) -> None:
    measures = published.measures
    assert set(measures["name"]) == {*run.lines["line_id"], "all"}
    assert measures["coverage"].is_between(0, 1).all()
    assert measures.filter(pl.col("name") == "all")["ratio"].item() < 1
    assert published.calibration is not None
    pairs = published.calibration.pairs
    assert pairs.height > 0
    assert (pairs["week"] > pairs["cutoff"]).all()
    assert pairs["probability"].is_between(0, 1).all()


def test_the_same_data_and_seed_give_the_same_run_whatever_became_known_later_and_however_rows_lie(
    tmp_path: Path, home: Path, tables: Path
) -> None:
    one = read_run(_job(home, tables, issued_at=ISSUED + timedelta(hours=1)).run(_Told()).run)
    other_tables, other_home = tmp_path / "tables", tmp_path / "home"
    other_tables.mkdir()
    for path in tables.glob("*.parquet"):
        frame = pl.read_parquet(path)
        later = frame.tail(20).with_columns(known_at=pl.lit(AS_OF + timedelta(days=1)))
        if path.stem == "line_output":
            later = later.with_columns(output=pl.lit(1.0), good_output=pl.lit(1.0))
        if path.stem == "stocks":
            later = later.with_columns(quantity=pl.lit(1.0))
        whole = pl.concat([frame, later]) if path.stem not in ("lines", "products") else frame
        whole.sample(fraction=1, shuffle=True, seed=5).write_parquet(other_tables / path.name)
    publish_demand(other_home, other_tables)
    other = read_run(_job(other_home, other_tables).run(_Told()).run)
    assert one.info.model_version == other.info.model_version
    for name in FRAMES:
        assert getattr(one, name).equals(getattr(other, name)), name


def test_without_demand_the_run_is_published_without_shortfalls_and_says_so(
    tmp_path: Path, tables: Path
) -> None:
    told = _Told()
    run = read_run(_job(tmp_path, tables).run(told).run)
    assert run.info.demand_run_id is None
    assert run.shortfall_products.is_empty()
    assert run.demand.is_empty()
    assert run.weeks.height > 0
    assert "no_demand_run" in {note.code for note in run.info.notes}
    assert any("zhiheng demand run" in one for one in told.en)


def test_demand_that_is_required_or_named_and_not_there_is_refused_and_nothing_is_published(
    tmp_path: Path, tables: Path
) -> None:
    with pytest.raises(DemandRunError, match="zhiheng demand run"):
        _job(tmp_path, tables, require_demand=True).run(_Told())
    with pytest.raises(DemandRunError, match="no-such-run"):
        _job(tmp_path, tables, demand_run="no-such-run").run(_Told())
    assert latest_run_id(tmp_path / "capacity") is None
    assert not (tmp_path / "models").exists()


def test_demand_of_later_data_is_not_used(home: Path, tables: Path) -> None:
    with pytest.raises(DemandRunError, match="later data"):
        _job(home, tables, as_of=AS_OF - timedelta(days=1), require_demand=True).run(_Told())


def test_demand_whose_weeks_are_over_gives_no_shortfalls_and_is_refused_where_required(
    tmp_path: Path, tables: Path
) -> None:
    late = publish_demand(tmp_path, tables, AS_OF - timedelta(days=140))
    with pytest.raises(DemandRunError, match=f"{late}.*no week after"):
        find_demand(tmp_path, as_of=AS_OF, required=True)
    assert [note.code for note in find_demand(tmp_path, as_of=AS_OF).notes][-1] == "demand_run_over"


def test_a_run_of_older_data_says_so_and_does_not_become_the_newest(tmp_path: Path, tables: Path) -> None:
    first = _job(tmp_path, tables).run(_Told())
    newest = first.run.name
    told, day = _Told(), AS_OF - timedelta(days=60)
    older = _job(tmp_path, tables, as_of=day, issued_at=ISSUED + timedelta(days=1)).run(told).run
    assert latest_run_id(tmp_path / "capacity") == newest != older.name
    assert any(f"older than those of run {newest}" in one for one in told.en)
    pointer = json.loads((tmp_path / "models" / "capacity" / "champion.json").read_text())
    assert pointer["version"] == first.model.manifest.version
    assert any("were not computed" in one for one in told.en)
    assert not any("more likely short than not" in one for one in told.en)


def test_a_run_that_cannot_be_made_leaves_the_last_one(tmp_path: Path, tables: Path) -> None:
    _job(tmp_path, tables).run(_Told())
    last = latest_run_id(tmp_path / "capacity")
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    (profiles / "wrong.toml").write_text("id = 3")
    with pytest.raises(ProfileFileError, match=r"wrong\.toml"):
        _job(tmp_path, tables, issued_at=ISSUED + timedelta(days=1)).run(_Told())
    (profiles / "wrong.toml").unlink()
    with pytest.raises(LinePanelError):
        _job(tmp_path, tables, as_of=date(2019, 1, 1), issued_at=ISSUED + timedelta(days=1)).run(_Told())
    assert latest_run_id(tmp_path / "capacity") == last
    with pytest.raises(OptionError, match="horizon"):
        _job(tmp_path, tables, horizon_days=1)
