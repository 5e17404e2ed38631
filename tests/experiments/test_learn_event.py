"""A shock planted in history is found again, and can be put into a scenarios file as it is printed."""

import tomllib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from experiments.learn_event import LearnEvent
from models.demand.scenarios.scenario import Shock
from models.errors import ScenarioError


def _table(folder: Path) -> Path:
    days = np.arange(730)
    rng = np.random.default_rng(4)
    y = 100 + 10 * np.sin(2 * np.pi * days / 7) + rng.normal(0, 3, 730)
    y[400:414] *= 3
    frame = pl.DataFrame(
        {"unique_id": "salt", "ds": [date(2021, 1, 1) + timedelta(days=int(day)) for day in days], "y": y}
    )
    frame.write_parquet(folder / "sales.parquet")
    return folder / "sales.parquet"


def _job(table: Path, first: date) -> LearnEvent:
    return LearnEvent(table=table, freq="1d", first=first, last=first + timedelta(days=13), name="panic")


def test_a_planted_shock_is_found_and_printed_as_an_entry(tmp_path: Path) -> None:
    said: list[str] = []
    first = date(2021, 1, 1) + timedelta(days=400)
    learnt = _job(_table(tmp_path), first).run(lambda _zh, en: said.append(en))
    assert learnt.estimate.shock.surge == pytest.approx(3.0, abs=0.2)
    entry = tomllib.loads(learnt.toml)["scenario"]["shocks"][0]
    assert Shock.model_validate(entry) == learnt.estimate.shock
    assert "times the usual" in said[0]


def test_an_event_outside_the_history_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError):
        _job(_table(tmp_path), date(2030, 1, 1)).run(lambda _zh, _en: None)
