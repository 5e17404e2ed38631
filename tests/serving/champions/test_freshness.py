"""Too old: flagged, or refused where the policy says so."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.serving.champions.conftest import PARTY
from tests.serving.credit.questions.question_world import Asker, put_exposures, put_graph
from tests.serving.metrics_page import samples

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

# Written for the world's data of 2026-10-31, whatever the day of the test.
LONG_AGO = "2020-01-31"


def age(world: "World", field: str) -> None:
    sidecar = world.home / "features" / "credit_latest.json"
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), field: LONG_AGO}))


@pytest.mark.parametrize(("field", "code"), [("data_as_of", "stale_data"), ("graph_as_of", "stale_graph")])
def test_old_data_and_graph_are_flagged_or_refused(
    world: "World", make_client: "MakeClient", field: str, code: str
) -> None:
    age(world, field)
    limits = {"stale_after_days": 100, "stale_graph_days": 100}
    flags = make_client(world.home, world.officer, **limits).score(PARTY)
    assert flags.status_code == 200
    assert code in [note["code"] for note in flags.json()["warnings"]]
    refuses = make_client(world.home, world.officer, **limits, stale_policy_credit="refuse")
    refused = refuses.score(PARTY, Accept_Language="en")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:zhiheng:problem:stale")
    assert LONG_AGO in refused.json()["detail"]
    assert refuses.score({"features": {"degree": 1.0}}).status_code == 200, "what is sent along has no date"


def test_old_model_is_flagged_and_never_refused(world: "World", make_client: "MakeClient") -> None:
    path = world.home / "models" / "credit" / "v1" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "trained_as_of": LONG_AGO}))
    client = make_client(world.home, world.officer, stale_policy_credit="refuse", stale_after_days=100_000)
    answer = client.score(PARTY)
    assert [note["code"] for note in answer.json()["warnings"]] == ["stale_model"]
    assert client.http.get("/readyz").json()["parts"]["model"]["as_of"] == LONG_AGO


@pytest.mark.parametrize(
    "dated", [{"trained_as_of": LONG_AGO}, {"training_window": ["2018-01-31", LONG_AGO]}]
)
def test_age_of_the_model_is_measured_from_the_day_of_its_training_data(
    world: "World", make_client: "MakeClient", dated: dict[str, object]
) -> None:
    path = world.home / "models" / "credit" / "v1" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "trained_as_of": None, **dated}))
    page = make_client(world.home, world.officer).http.get("/metrics").text
    ages = {labels["part"]: value for labels, value in samples(page, "zhiheng_part_age_seconds")}
    passed = datetime.now(UTC) - datetime.fromisoformat(LONG_AGO).replace(tzinfo=UTC)
    assert ages["model"] == pytest.approx(passed.total_seconds(), abs=2 * 86_400)


@pytest.mark.parametrize(("days", "level"), [(1, "fallback"), (100_000, "full")])
def test_old_data_make_a_fallback_of_every_answer_alike(
    world: "World", make_client: "MakeClient", days: int, level: str
) -> None:
    """Score, reasons, what-if, portrait, exposure and rows of a book say the same of the same data."""
    put_graph(world.home)
    put_exposures(world.home)
    client = make_client(world.home, world.officer, stale_after_days=days)
    asker = Asker(client.http, world.officer)
    party = "P0000010"
    answers = {
        "score": asker.post("/v1/credit/score", {"party_id": party}).json(),
        "reasons": asker.get(f"/v1/credit/reasons?party_id={party}").json(),
        "what-if": asker.post("/v1/credit/what-if", {"party_id": party, "changes": {"degree": 1.0}}).json(),
        "portrait": asker.get("/v1/credit/portrait/P0000001").json(),
        "exposure": asker.get("/v1/credit/exposure/P0000001").json(),
    }
    book = asker.post("/v1/credit/scores", {"party_ids": [party]}).json()["answers"][0]
    told = {name: answer["quality"]["level"] for name, answer in answers.items()} | {"book": book["quality"]}
    assert told == dict.fromkeys(told, level)
    notes = {name: [note["code"] for note in one["quality"]["notes"]] for name, one in answers.items()}
    notes["book"] = book["quality_notes"]
    assert {name: codes.count("stale_data") for name, codes in notes.items()} == dict.fromkeys(
        notes, int(level == "fallback")
    )
    warned = [note["code"] for note in answers["score"]["warnings"]]
    assert ("stale_data" in warned) == (level == "fallback")
    if level == "fallback":
        assert answers["score"]["advice"] != "pass"
        assert book["advice"] == answers["score"]["advice"]
