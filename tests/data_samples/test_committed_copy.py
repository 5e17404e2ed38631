"""The small copy in the repository: small, and exactly what the command in its card writes."""

import json
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from sample_group.generator import checked_window, generate
from sample_group.schema import TABLES, TRUTH
from tests.data_samples.conftest import Group, silent

COPY = Path(__file__).parents[2] / "data_samples" / "group"


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Group:
    card = json.loads((COPY / "data_card.json").read_text(encoding="utf-8"))
    window = checked_window(date.fromisoformat(card["start"]), date.fromisoformat(card["end"]))
    folder = tmp_path_factory.mktemp("copy") / "group"
    generate(folder, seed=card["seed"], scale=card["scale"], window=window, say=silent)
    return Group(folder)


def test_copy_is_under_five_megabytes() -> None:
    assert sum(path.stat().st_size for path in COPY.rglob("*.parquet")) < 5_000_000


@pytest.mark.parametrize("name", sorted(TABLES))
def test_copy_of_a_table_regenerates(again: Group, name: str) -> None:
    assert_frame_equal(again.table(name), Group(COPY).table(name), rel_tol=1e-9)


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_copy_of_the_truth_regenerates(again: Group, name: str) -> None:
    assert_frame_equal(again.truth(name), Group(COPY).truth(name), rel_tol=1e-4)


def test_card_and_readme_tell_the_rows() -> None:
    card = json.loads((COPY / "data_card.json").read_text(encoding="utf-8"))
    readme = (COPY.parent / "README.md").read_text(encoding="utf-8")
    for name in TABLES:
        assert card["rows"][name] == Group(COPY).table(name).height
        assert f"| {name} | {card['rows'][name]:,} |" in readme
    assert f"--seed {card['seed']} --scale {card['scale']}" in readme
