"""Model files and pointers that are damaged while the service answers: nothing scores with a broken model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.house import House
from tests.chaos.parts_house import (
    PARTY,
    cut,
    flip,
    gauge,
    log_says,
    loses_nothing,
    put,
    wait_for_problem,
    wait_until_whole,
)


def models(house: House) -> Path:
    return house.world.home / "models" / "credit"


def assert_last_good_answers(house: House, before: dict[str, object]) -> None:
    """The model in memory goes on with the very same figures, and operators are told."""
    after = house.score(PARTY).json
    same = ("model_version", "pd", "log_odds", "quality")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert house.ready() == 200
    assert gauge(house, "zhiheng_part_ready", "model") == 1
    assert gauge(house, "zhiheng_part_problem", "model") == 1
    assert log_says(house, "model cannot be used")


@pytest.mark.parametrize("traceless", [True, False])
def test_flipped_bit_of_the_champion_leaves_the_model_in_memory_answering(
    parts: House, *, traceless: bool
) -> None:
    before, file = parts.score(PARTY).json, models(parts) / "v1" / "own_0.txt"
    with loses_nothing(parts, "model", file):
        flip(file, traceless=traceless)
        wait_for_problem(parts, "model", file.name)
        assert_last_good_answers(parts, before)


@pytest.mark.parametrize("how", ["to a folder that is not there", "half written", "gone"])
def test_pointer_that_leads_nowhere_leaves_the_last_champion_answering(parts: House, how: str) -> None:
    before, pointer = parts.score(PARTY).json, models(parts) / "champion.json"
    with loses_nothing(parts, "model", pointer):
        if how == "gone":
            pointer.unlink()
        elif how == "half written":
            cut(pointer)
        else:
            put(pointer, json.dumps({"version": "away", "folder": "away"}).encode())
        wait_for_problem(
            parts, "model", "champion.json" if how != "to a folder that is not there" else "away"
        )
        assert_last_good_answers(parts, before)


def test_new_champion_that_is_broken_never_scores(parts: House, put_model: Callable[..., str]) -> None:
    before, home = parts.score(PARTY).json, parts.world.home
    pointer, folder = models(parts) / "champion.json", models(parts) / "v2"
    kept = pointer.read_bytes()
    with loses_nothing(parts, "model", pointer):
        elsewhere = home / "elsewhere"
        version = put_model(elsewhere, seed=8, name="v2")
        shutil.move(elsewhere / "models" / "credit" / "v2", folder)
        flip(folder / "own_0.txt")
        put(pointer, json.dumps({"version": version, "folder": "v2"}).encode())
        wait_for_problem(parts, "model", "own_0.txt")
        assert_last_good_answers(parts, before)
        put(pointer, kept)
        wait_until_whole(parts, "model")
        shutil.rmtree(folder)
