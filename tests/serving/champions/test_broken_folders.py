"""A folder that cannot be read is named and left out; lists, cards and orders go on with the rest."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from serving.champions.families import Level
from serving.champions.lanes import Lanes
from serving.champions.switches import SwitchBoard
from serving.ledger.database import Database
from tests.serving.champions.conftest import Operations
from tests.serving.demand.demand_world import ISSUED, make_run, publish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.conftest import World


@pytest.mark.parametrize("broken", ["scorecard", "credit/older"])
def test_broken_manifest_is_named_and_hides_nothing_else(
    operations: Operations, world: "World", broken: str
) -> None:
    folder = world.home / "models" / broken
    folder.mkdir(exist_ok=True)
    (folder / "manifest.json").write_text('{"version": 7}')
    listed = operations.get("/v1/models")
    assert listed.status_code == 200, listed.text
    (family,) = listed.json()["families"]
    versions = {one["version"] for one in family["versions"]}
    assert {operations.first, operations.second} <= versions
    assert (operations.scorecard in versions) == (broken != "scorecard")
    for text in (family["problem_zh"], family["problem_en"]):
        assert broken.rpartition("/")[2] in text
        assert str(world.home) not in text, "where the home lies is not for every key to know"
    assert operations.get(f"/v1/models/credit/{operations.first}").status_code == 200
    named = {"alias": "challenger", "version": operations.first}
    assert operations.order("approver", "aliases", **named).status_code == 200
    assert operations.order("approver", "rollback").json()["version"] == operations.first


def test_card_without_its_text_is_shown_from_the_manifest(operations: Operations, world: "World") -> None:
    manifest = world.home / "models" / "credit" / "v1" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"own_0.txt"', '"card.md": "0", "own_0.txt"'))
    card = operations.get(f"/v1/models/credit/{operations.first}")
    assert (card.status_code, card.json()["card"]) == (200, None)


def test_broken_run_is_named_and_the_others_can_be_gone_back_to(tmp_path: "Path") -> None:
    database = Database(tmp_path / "ledger.db")
    for days, run_id in enumerate(("run-1", "run-2")):
        issued_at = ISSUED + timedelta(days=days)
        publish(tmp_path, make_run(date(2026, 10, 31), issued_at=issued_at, run_id=run_id))
    (tmp_path / "forecasts" / "run-0").mkdir()
    (tmp_path / "forecasts" / "run-0" / "run.json").write_text("{")
    lane = Lanes(tmp_path, SwitchBoard(database)).of("demand-1mo")
    assert [one.version for one in lane.kept().versions] == ["run-1", "run-2"]
    (problem,) = lane.kept().broken
    assert "run-0" in problem.en
    assert lane.below(Level.CHAMPION, "run-2") == (Level.PREVIOUS, "run-1")
    database.close()
