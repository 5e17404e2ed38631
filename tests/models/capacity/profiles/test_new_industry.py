"""A new industry is a file and nothing else: the example of the docs, from the file to a forecast and a scenario."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import BaseModel

from features.capacity.history_file import line_panel_of_file
from graph.ontology import Wording
from models.capacity.allocation.problem import PlanLine, PlanProblem, PlanProduct, Route
from models.capacity.lines.model import LineModel, fit_lines
from models.capacity.profiles.line_profile import profile_of_line
from models.capacity.profiles.profile import Profile
from models.capacity.profiles.profile_files import load_profiles
from models.capacity.profiles.shift_calendar import calendar_hours
from models.capacity.scenarios.apply import apply
from models.capacity.scenarios.scenario_files import load_scenarios

DOCS = Path(__file__).parents[4] / "docs" / "capacity-profiles.md"
FIRST, DAYS, RATE = date(2025, 1, 1), 200, 5.0


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return a folder of profiles that holds the example of the docs and nothing else."""
    example = re.search(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "cathode.toml").write_text(example[1], encoding="utf-8")
    return tmp_path


def _fitted(profiles: dict[str, Profile]) -> LineModel:
    """Fit a kiln that ran day and night so far, as its history file tells."""
    rng = np.random.default_rng(7)
    history = pl.DataFrame(
        {
            "line_id": ["K1"] * DAYS,
            "ds": [FIRST + timedelta(days=number) for number in range(DAYS)],
            "planned_rate": [RATE] * DAYS,
            "planned_hours": [24.0] * DAYS,
            "run_hours": 24 - rng.uniform(0, 0.2, DAYS),
            "unit": ["t"] * DAYS,
            "profile": ["cathode"] * DAYS,
        }
    ).with_columns(output=pl.col("run_hours") * RATE)
    as_of = FIRST + timedelta(days=DAYS - 1)
    return fit_lines(line_panel_of_file(history, as_of=as_of), profiles=profiles)


def test_the_example_of_the_docs_is_a_profile_that_a_line_takes(folder: Path) -> None:
    profiles = load_profiles(folder)
    named = profile_of_line({"line_id": "K1", "unit": "t", "profile": "cathode"}, profiles)
    assert named.finding is None
    assert named.profile.constraints.restart_hours == 12
    guessed = profile_of_line({"line_id": "K1", "family": "cathode", "unit": "t", "name": "一号窑"}, profiles)
    assert guessed.profile == named.profile
    assert calendar_hours(named.profile.calendar, pl.Series([FIRST, date(2025, 1, 5)])).tolist() == [24, 24]
    assert (
        profile_of_line({"line_id": "K1", "family": "cathode", "unit": "t"}, load_profiles()).profile.id
        == "generic"
    )


def test_the_models_of_lines_heed_the_new_industrys_bottleneck(folder: Path) -> None:
    profiles = dict(load_profiles(folder))
    limit = 23.0 * RATE
    free, limited = (_fitted(one).days() for one in ({}, profiles))
    assert (free["forecast"] > limit + 0.5).any()
    assert (limited["forecast"] <= limit + 1e-6).all()


def test_the_examples_of_scenarios_fit_the_new_industrys_plan() -> None:
    weeks = tuple(date(2026, 9, 7) + timedelta(weeks=number) for number in range(12))
    plan = PlanProblem(
        weeks=weeks,
        lines=tuple(
            PlanLine(name, "ORG-1", "t", np.full(12, 140.0), np.full(12, 0.97)) for name in ("K1", "K2")
        ),
        products=(PlanProduct("NCM", "ORG-1", "cathode", "t"),),
        routes=tuple(Route(name, "NCM", RATE, 900, 900, 900) for name in ("K1", "K2")),
        demand=np.full((1, 12), 1200.0),
    )
    for one in load_scenarios():
        assert apply(one, plan) is not plan


def test_the_docs_explain_every_field() -> None:
    text = DOCS.read_text(encoding="utf-8")
    missing = sorted(
        name for name in set(_fields(Profile)) if f"`{name}`" not in text and f".{name}`" not in text
    )
    assert not missing


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        parts = [one for one in _models_in(field.annotation) if one is not Wording]
        if not parts:
            yield name
        for part in parts:
            yield from _fields(part)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models_in(part)
