"""Jobs on the group's book: expected loss, facts, hits, alerts and the pooled model of a small random group."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.book_alerts import ALERTS, MIGRATION, BookAlerts
from experiments.book_loss import FACTS, HITS, LIMITS, LOSSES, STATES, BookLoss
from experiments.build_features import LINKS, PANEL
from experiments.credit_book import HIT_SCHEMA
from experiments.errors import MissingChampionError, MissingPanelError, SplitError
from experiments.learn_pooled import POOLED, POOLED_PDS, LearnPooled
from experiments.publish import POINTER
from features.credit.book import Book
from features.credit.build import features_of
from features.credit.links import LINKS_SCHEMA
from features.credit.rule_facts import RULE_FACTS_SCHEMA
from graph.errors import EmptyGraphError
from graph.parquet_store import ParquetStore
from graph.snapshot import Snapshot
from models.bundle import write_bundle
from models.credit.booster import BoosterSettings, Design
from models.credit.grade import group_master_scale
from models.credit.learn import learn_credit_model
from models.credit.model import FAMILY, CreditModel
from models.credit.monitoring import ALERT_SCHEMA, STATE_SCHEMA
from models.credit.pooled import read_pooled
from tests.features.credit.conftest import random_group
from tests.features.credit.test_rule_facts import ORGS, companies

__all__ = ["random_group"]

Tables = dict[str, pl.LazyFrame]
AS_OF = date(2024, 6, 30)
FEATURES = ("days_past_due", "max_days_past_due_12m", "leverage", "age_years")


def quiet(_zh: str, _en: str) -> None:
    """Say nothing."""


def features(tables: Tables, day: date) -> pl.DataFrame:
    return features_of(Book.read(tables, day), Snapshot.from_edges(tables["edges"], as_of=day))


def learn(frame: pl.DataFrame) -> CreditModel:
    """Learn a small model for which late payers default more."""
    rng = np.random.default_rng(1)
    x = frame.select(pl.col(FEATURES).cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    x = np.ascontiguousarray(np.vstack([x] * 6))
    late = np.nan_to_num(x[:, 1]) > 5
    y = (rng.random(len(x)) < np.where(late, 0.4, 0.03)).astype(float)
    settings = BoosterSettings(rounds=20, bags=1, min_data_in_leaf=10)
    groups = np.tile(np.arange(len(frame)), 6)
    return learn_credit_model(
        Design(x, y, FEATURES),
        groups=groups,
        settings=settings,
        scale=group_master_scale(),
        seed=1,
        num_threads=1,
        folds=3,
    ).model


@pytest.fixture(scope="module")
def home(random_group: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with tables, graph, a panel of two month-ends without links, and a champion."""
    folder = tmp_path_factory.mktemp("home")
    tables = {**random_group, "companies": companies(*ORGS)}
    (folder / "tables").mkdir()
    for name, table in tables.items():
        table.collect().write_parquet(folder / "tables" / f"{name}.parquet")
    ParquetStore(folder / "graph").append(tables["edges"])
    frame = features(random_group, date(2022, 12, 31))
    model = learn(frame)
    models = folder / "models"
    write_bundle(
        models / "m",
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=1,
        data_hash="d",
        code_version="c",
    )
    (models / POINTER).write_text(json.dumps({"folder": "m"}), encoding="utf-8")
    days = [date(2022, 12, 31), date(2023, 6, 30)]
    panel = pl.concat([features(random_group, day) for day in days])
    (folder / "features").mkdir()
    panel.with_columns(label=pl.col("party_id").str.tail(1).is_in(["3", "7"]).cast(pl.Int8)).write_parquet(
        folder / "features" / PANEL
    )
    pl.DataFrame(schema=LINKS_SCHEMA).write_parquet(folder / "features" / LINKS)
    return folder


def places(home: Path, **change: Path) -> dict[str, Path]:
    found = {name: home / name for name in ("tables", "graph", "features", "models")}
    return {**found, "out": home / "out", **change}


def test_the_book_is_measured_and_written(home: Path) -> None:
    book = BookLoss(**places(home), as_of=AS_OF).run(quiet)
    losses = pl.read_parquet(home / "out" / LOSSES)
    assert losses["el_booked"].is_sorted(descending=True)
    assert losses["el_booked"].sum() == pytest.approx(book.losses["el_booked"].sum())
    assert losses.height == losses["exposure_id"].n_unique() > 0
    assert set(losses["stage"]) == {1, 2, 3}
    in_default = book.facts.filter("in_default")["party_id"]
    assert set(losses.filter(pl.col("party_id").is_in(in_default.implode()))["stage"]) == {3}
    unknown = pl.col("assumed").list.contains("no_origination_pd")
    assert 0 < losses.filter(~unknown).height < losses.height
    assert pl.read_parquet_schema(home / "out" / FACTS) == RULE_FACTS_SCHEMA
    limits = pl.read_parquet(home / "out" / LIMITS)
    assert set(limits["org_id"]) == {"ORG-01", "ORG-02"}
    assert set(limits["used"]) == {0.0}
    hits = pl.read_parquet(home / "out" / HITS)
    assert hits.schema == HIT_SCHEMA
    assert set(hits.filter(code="in-default", checked=True)["party_id"]) == set(in_default)
    states = pl.read_parquet(home / "out" / STATES)
    assert states.schema == STATE_SCHEMA
    assert states.height == book.facts.height
    assert states.filter(pl.col("party_id").is_in(in_default.implode()))["grade"].null_count() == len(
        in_default
    )


def test_what_is_known_later_changes_nothing_that_was_measured(home: Path, tmp_path: Path) -> None:
    day, changed = date(2023, 6, 15), tmp_path / "tables"
    changed.mkdir()
    for path in (home / "tables").iterdir():
        pl.read_parquet(path).filter(pl.col("known_at") <= day).write_parquet(changed / path.name)
    past = tmp_path / "features"
    past.mkdir()
    panel = pl.read_parquet(home / "features" / PANEL)
    panel.filter(pl.col("as_of") <= day).write_parquet(past / PANEL)
    pl.read_parquet(home / "features" / LINKS).write_parquet(past / LINKS)
    whole, cut = (
        BookLoss(**places(home, tables=tables, features=features, out=tmp_path / tables.name), as_of=day).run(
            quiet
        )
        for tables, features in ((home / "tables", home / "features"), (changed, past))
    )
    assert whole.losses.equals(cut.losses)
    assert whole.hits.equals(cut.hits)


def test_without_a_panel_no_pd_at_origination_is_made_up(home: Path, tmp_path: Path) -> None:
    said: list[str] = []
    places_without = places(home, features=tmp_path, out=tmp_path)
    book = BookLoss(**places_without, as_of=AS_OF).run(lambda _, en: said.append(en))
    assert book.losses["assumed"].list.contains("no_origination_pd").all()
    assert "no PD at origination" in said[0]


def test_alerts_between_two_days(home: Path) -> None:
    alerts = BookAlerts(**places(home), before=date(2023, 6, 30), as_of=AS_OF).run(quiet)
    assert alerts.schema == ALERT_SCHEMA
    assert alerts.equals(pl.read_parquet(home / "out" / ALERTS))
    assert alerts["el_change"].is_sorted(descending=True)
    assert {"new-hard-stop", "neighbour-defaulted"} <= set(alerts["code"])
    moved = pl.read_parquet(home / "out" / MIGRATION)
    assert moved["parties"].sum() == 90
    with pytest.raises(SplitError, match="must lie before"):
        BookAlerts(**places(home), before=AS_OF, as_of=AS_OF).run(quiet)


def test_the_pooled_model_is_learnt_and_read_again(home: Path) -> None:
    job = LearnPooled(tables=home / "tables", panel=home / "features" / PANEL, out=home / "out", as_of=AS_OF)
    model = job.run(quiet)
    again = read_pooled(json.loads((home / "out" / POOLED).read_text(encoding="utf-8")))
    assert again == model
    answers = pl.read_parquet(home / "out" / POOLED_PDS)
    assert answers["party_id"].n_unique() == answers.height == 90
    assert (
        answers.select((pl.col("pd_low") <= pl.col("pd")) & (pl.col("pd") <= pl.col("pd_high")))
        .to_series()
        .all()
    )
    # Only the newest of the two month-ends: half a year apart, their labels overlap.
    newest = pl.read_parquet(home / "features" / PANEL).filter(as_of=date(2023, 6, 30))
    assert model.cells[""].rows == newest.height
    assert {name.split(" / ")[0] for name in model.cells if name} == {"company", "person"}


def test_missing_pieces_are_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingChampionError, match="zhiheng train credit"):
        BookLoss(**places(home, models=tmp_path), as_of=AS_OF).run(quiet)
    with pytest.raises(EmptyGraphError):
        BookLoss(**places(home, graph=tmp_path / "none"), as_of=AS_OF).run(quiet)
    with pytest.raises(MissingPanelError):
        LearnPooled(tables=home / "tables", panel=tmp_path / PANEL, out=tmp_path, as_of=AS_OF).run(quiet)
