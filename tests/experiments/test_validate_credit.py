"""The job from a panel to the report: judged out of time, written, logged, reproducible, honest about what it lacks."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import mlflow
import numpy as np
import polars as pl
import pytest
from scipy.special import expit
from typer.testing import CliRunner

from experiments.errors import MissingPanelError, SplitError
from experiments.metrics import evaluate
from experiments.train_credit import TrainCredit
from experiments.validate_credit import FIGURES, PAGE, ValidateCredit, Validated
from experiments.validation_report.content import Outcome
from features.asof import month_ends
from features.credit.links import LINKS_SCHEMA
from features.credit.panel import PANEL_SCHEMA
from models.credit.booster import BoosterSettings
from zhiheng.commands import validate

pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),  # raised inside mlflow
    pytest.mark.filterwarnings(
        "ignore::ResourceWarning"
    ),  # mlflow leaves SQLite connections to the collector
]

MONTHS = month_ends(date(2021, 1, 31), date(2022, 12, 31))
PARTIES = 200
QUICK = BoosterSettings(rounds=25, bags=1, learning_rate=0.1, patience=5)


def panel() -> pl.DataFrame:
    """Draw a panel whose leverage and days past due tell of default; most other features are noise, some unknown."""
    rng = np.random.default_rng(5)
    risk = rng.normal(size=PARTIES)
    hit = rng.random(PARTIES) < expit(-1.6 + 1.5 * risk)
    blank = {name: pl.lit(None, dtype=dtype).alias(name) for name, dtype in PANEL_SCHEMA.items()}
    frames = []
    for day in MONTHS:
        known = pl.DataFrame(
            {
                "party_id": [f"P{i:03d}" for i in range(PARTIES)],
                "as_of": pl.Series([day] * PARTIES, dtype=pl.Date),
                "label": hit.astype(np.int8),
                "leverage": 0.5 + 0.2 * risk + 0.05 * rng.normal(size=PARTIES),
                "days_past_due": np.where(rng.random(PARTIES) < 0.1 + 0.3 * hit, 15.0, 0.0),
                "is_company": np.ones(PARTIES),
                "size_rank": rng.integers(1, 5, PARTIES).astype(float),
                "customers": rng.poisson(3, PARTIES).astype(float),
                "customers_default_share": rng.beta(1, 9, PARTIES),
                "current_ratio": rng.normal(1.5, 0.3, PARTIES),
            }
        )
        due = (pl.col("label") == 1, pl.col("as_of").dt.offset_by("6mo"))
        told = known.with_columns(pl.when(due[0]).then(due[1]).alias("default_on"))
        frames.append(
            told.with_columns(blank[name] for name in PANEL_SCHEMA if name not in told.columns).select(
                PANEL_SCHEMA.names()
            )
        )
    return pl.concat(frames).cast(dict(PANEL_SCHEMA))  # type: ignore[arg-type]


def quiet(_zh: str, _en: str) -> None:
    pass


Job = Callable[..., ValidateCredit]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    panel().write_parquet(home / "panel.parquet")
    pl.DataFrame(schema=LINKS_SCHEMA).write_parquet(home / "links.parquet")
    return home


@pytest.fixture(scope="module")
def job(home: Path) -> Job:
    def make(*, out: str = "reports", truth: Path | None = None, **changes: object) -> ValidateCredit:
        settings: dict[str, object] = {
            "panel": home / "panel.parquet", "links": home / "links.parquet", "models": home / "models",
            "tracking_uri": f"sqlite:///{home / 'mlflow.db'}", "artifacts": home / "artifacts", "code_version": "test",
            "test_months": 2, "booster": QUICK, "network": QUICK,
        }  # fmt: skip
        training = TrainCredit.model_validate({**settings, **changes})
        return ValidateCredit(training=training, tables=home / "nowhere", out=home / out, truth=truth)

    return make


@pytest.fixture(scope="module")
def validated(job: Job) -> Validated:
    return job().run(quiet)


def test_judged_rows_are_out_of_time_and_their_figures_those_of_the_metrics(validated: Validated) -> None:
    plain = json.loads(validated.figures.read_text(encoding="utf-8"))
    time, company = plain["sections"][0]["tables"][0]["rows"]
    assert (time["rows"], time["parties"]) == (2 * PARTIES, PARTIES)
    first_test, last_learnt = MONTHS[-2], date(2021, 8, 31)
    assert company["rows"] == sum(day <= last_learnt for day in MONTHS) * PARTIES
    assert plain["subject"]["learnt_on"].startswith(f"{MONTHS[0]} – {last_learnt}")
    assert plain["subject"]["tested_on"].startswith(str(first_test))
    assert time["auc"]["low"] > 0.6, "leverage tells of default"


def test_without_tables_truth_or_champion_the_report_says_so(validated: Validated) -> None:
    open_ones = {finding.name: finding.found.en for _, finding in validated.report.findings(Outcome.UNKNOWN)}
    assert "no version" in open_ones["not_worse_than_champion"]
    assert "Could not be divided by: kind, size" in open_ones["segments_rank"]
    assert "--truth" in open_ones["follows_true_pd"]
    page = validated.page.read_text(encoding="utf-8")
    assert page.index("no version") < page.index("</section>"), "on the first screen"


def test_the_run_holds_metrics_outcome_and_both_files(home: Path, validated: Validated) -> None:
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("credit")
    assert experiment is not None
    run = client.search_runs([experiment.experiment_id])[-1]
    assert run.info.run_name == "validate credit"
    assert run.info.status == "FINISHED"
    rows = validated.report.headline.rows[0]
    assert run.data.metrics["out_of_time_auc"] == rows[6].value  # type: ignore[union-attr]
    assert run.data.metrics["criteria_not_met"] == len(validated.report.findings(Outcome.NOT_MET))
    assert run.data.tags["outcome"] == validated.report.outcome.value
    files = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, "validation")}
    assert files == {PAGE, FIGURES}


def test_the_same_panel_and_seed_give_the_same_page(job: Job, validated: Validated) -> None:
    again = job(out="again").run(quiet)
    assert again.page.read_bytes() == validated.page.read_bytes()
    assert again.figures.read_bytes() == validated.figures.read_bytes()


def test_naive_rule_on_the_page_is_judged_on_the_same_rows(home: Path, validated: Validated) -> None:
    plain = json.loads(validated.figures.read_text(encoding="utf-8"))
    models = next(s for s in plain["sections"] if s["key"] == "comparison")["tables"][0]["rows"]
    late = next(row for row in models if row["model"]["en"] == "days past due in bands")
    test = (
        pl.read_parquet(home / "panel.parquet")
        .filter(pl.col("as_of") >= MONTHS[-2])
        .sort("as_of", "party_id")
    )
    # two bands are met, and lateness raises the rate, so the rule ranks as the days themselves do
    y, days = (test[name].cast(pl.Float64).to_numpy() for name in ("label", "days_past_due"))
    assert late["auc"]["value"] == pytest.approx(evaluate(y, days, seed=1, resamples=1)["auc"].value)


def test_a_panel_that_is_not_there_is_refused(job: Job, tmp_path: Path) -> None:
    for part in ("panel", "links"):
        with pytest.raises(MissingPanelError, match=part):
            job(**{part: tmp_path / f"{part}.parquet"}).run(quiet)


def test_a_panel_of_one_class_is_refused(job: Job, tmp_path: Path) -> None:
    panel().with_columns(label=pl.lit(0, dtype=pl.Int8)).write_parquet(tmp_path / "panel.parquet")
    with pytest.raises(SplitError, match="lacks one of the two labels"):
        job(panel=tmp_path / "panel.parquet").run(quiet)


def test_command_reads_the_home_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    result = CliRunner().invoke(validate.app, ["credit"])
    assert isinstance(result.exception, MissingPanelError)
    assert result.exception.path == str(tmp_path / "features" / "credit_panel.parquet")


def test_command_writes_where_it_is_told(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[ValidateCredit] = []

    def run(self: ValidateCredit, say: object) -> Validated:
        kept.append(self)
        raise MissingPanelError("stop here")

    monkeypatch.setattr(ValidateCredit, "run", run)
    monkeypatch.setenv("ZHIHENG_HOME", str(tmp_path))
    options = ["--truth", str(home), "--out", str(tmp_path / "out"), "--seed", "11"]
    CliRunner().invoke(validate.app, ["credit", *options])
    assert (kept[0].truth, kept[0].out, kept[0].training.seed) == (home, tmp_path / "out", 11)
    assert kept[0].tables == tmp_path / "checked" / "good"
