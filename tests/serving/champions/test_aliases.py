"""Who is champion: approved by another than the trainer, rolled back to what lies here whole, listed with its card."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from models.bundle import write_bundle
from models.credit.model import FAMILY, CreditModel
from serving.champions.store import Pointer, write_pointer
from tests.serving.champions.conftest import Operations

if TYPE_CHECKING:
    from tests.serving.conftest import World


def keep_challenger(world: "World", model: CreditModel, *, trained_by: str, name: str = "challenger") -> str:
    folder = world.home / "models" / "credit" / name
    bundle = write_bundle(
        folder,
        {**model.files(), "model_card.md": f"# by {trained_by}\n".encode()},
        family=FAMILY,
        features=model.features,
        seed=7,
        data_hash="0",
        code_version="test",
        metrics={"auc": 0.81},
        notes={"trained_by": trained_by},
    )
    return bundle.manifest.version


def test_challenger_becomes_champion_by_an_approver(
    operations: Operations, world: "World", model: CreditModel
) -> None:
    version = keep_challenger(world, model, trained_by="Chen Trains")
    answer = operations.order("approver", "aliases", alias="champion", version=version)
    assert answer.status_code == 200, answer.text
    assert answer.json()["instead_of"] == operations.second
    assert answer.json()["registry"] == "unused"
    body = operations.score().json()
    assert body["model_version"] == version
    assert body["quality"]["level"] == "full", "a champion is no fallback"


@pytest.mark.parametrize("trained_by", ["chen trains", "ChenTrains", "Ｃｈｅｎ Ｔｒａｉｎｓ"])
def test_trainer_may_not_make_the_own_model_champion(
    operations: Operations, world: "World", model: CreditModel, trained_by: str
) -> None:
    version = keep_challenger(world, model, trained_by=trained_by)
    refused = operations.order("trainer", "aliases", alias="champion", version=version)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:zhiheng:problem:own-model")
    assert operations.score().json()["model_version"] == operations.second
    assert operations.order("trainer", "aliases", alias="challenger", version=version).status_code == 200


def test_a_published_champion_supersedes_one_named_here(
    operations: Operations, world: "World", model: CreditModel, put_model: Callable[..., str]
) -> None:
    version = keep_challenger(world, model, trained_by="x")
    operations.order("approver", "aliases", alias="champion", version=version)
    third = put_model(world.home, seed=9, name="v3")
    operations.client.deployment.parts.refresh()
    assert operations.score().json()["model_version"] == third
    put_model(world.home, seed=8, name="v2")
    operations.client.deployment.parts.refresh()
    assert operations.score().json()["model_version"] == operations.second, "an old order does not come back"


def test_aliases_of_versions_that_are_not_here_whole_are_refused(
    operations: Operations, world: "World"
) -> None:
    unknown = operations.order("approver", "aliases", alias="champion", version="credit-000000000000")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:zhiheng:problem:unknown-version")
    (world.home / "models" / "credit" / "v1" / "own_0.txt").write_text("tree")
    broken = operations.order("approver", "aliases", alias="champion", version=operations.first)
    assert broken.status_code == 404
    same = operations.order("approver", "aliases", alias="champion", version=operations.second)
    assert same.status_code == 409
    assert operations.order("approver", "aliases", alias="king", version=operations.first).status_code == 422


def test_rollback_goes_to_the_previous_version_unless_one_is_named(
    operations: Operations, world: "World", put_model: Callable[..., str]
) -> None:
    third = put_model(world.home, seed=9, name="v3")
    operations.client.deployment.parts.refresh()
    back = operations.order("approver", "rollback").json()
    assert (back["version"], back["instead_of"]) == (operations.second, third)
    body = operations.score().json()
    assert body["model_version"] == operations.second
    assert "model_rolled_back" in [note["code"] for note in body["quality"]["notes"]]
    named = operations.order("approver", "rollback", version=operations.first)
    assert named.json()["version"] == operations.first
    assert operations.score().json()["model_version"] == operations.first
    assert operations.order("approver", "rollback", version=operations.first).status_code == 409
    assert operations.order("approver", "rollback", version="nothing").status_code == 404
    assert [one["act"] for one in operations.get("/v1/incidents").json()["incidents"]] == [
        "rollback",
        "rollback",
    ]
    operations.order("operator", "restore")
    assert operations.score().json()["model_version"] == third


def test_rollback_never_goes_to_a_model_that_was_no_champion(
    operations: Operations, world: "World", model: CreditModel
) -> None:
    version = keep_challenger(world, model, trained_by="Chen Trains")
    for who in ("trainer", "approver"):
        back = operations.order(who, "rollback", version=version)
        assert (back.status_code, back.json()["type"]) == (409, "urn:zhiheng:problem:never-champion")
    assert operations.order("approver", "rollback", version=operations.scorecard).status_code == 409
    assert operations.score().json()["model_version"] == operations.second


def test_version_of_an_unknown_trainer_is_champion_only_where_the_approver_names_another(
    operations: Operations, world: "World"
) -> None:
    wanted = {"alias": "champion", "version": operations.first}
    refused = operations.order("approver", "aliases", **wanted)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:zhiheng:problem:trainer-unknown")
    assert "trained_by" in refused.json()["detail"], "the remedy names the field"
    own = operations.order("trainer", "aliases", **wanted, trained_by="chen TRAINS")
    assert (own.status_code, own.json()["type"]) == (403, "urn:zhiheng:problem:own-model")
    assert operations.score().json()["model_version"] == operations.second
    told = operations.order("approver", "aliases", **wanted, trained_by="李训练").json()
    assert (told["trained_by"], told["gate"]) == ("李训练", "none")


def test_who_is_named_does_not_replace_whom_the_version_names(
    operations: Operations, world: "World", model: CreditModel
) -> None:
    version = keep_challenger(world, model, trained_by="Chen Trains")
    wanted = {"alias": "champion", "version": version, "trained_by": "somebody else"}
    assert operations.order("trainer", "aliases", **wanted).status_code == 403
    assert operations.order("approver", "aliases", **wanted).json()["trained_by"] == "Chen Trains"


@pytest.mark.parametrize(
    ("said", "shown"), [({"gate": "passed"}, "passed"), ({}, "none"), ({"gate": "?"}, "none")]
)
def test_list_and_card_show_what_the_gate_said(
    operations: Operations, world: "World", model: CreditModel, said: dict[str, str], shown: str
) -> None:
    folder = world.home / "models" / "credit" / "gated"
    version = write_bundle(
        folder,
        model.files(),
        family=FAMILY,
        features=model.features,
        seed=7,
        data_hash="0",
        code_version="test",
        notes=said,
    ).manifest.version
    (family,) = operations.get("/v1/models").json()["families"]
    listed = {one["version"]: one["gate"] for one in family["versions"]}
    assert listed[version] == shown
    assert operations.get(f"/v1/models/credit/{version}").json()["gate"] == shown
    assert f"gate: {shown}" in operations.get(f"/v1/models/credit/{version}", Accept="text/markdown").text


def test_kill_after_a_rollback_goes_below_what_was_rolled_back_to(operations: Operations) -> None:
    operations.order("approver", "rollback")
    killed = operations.order("operator", "kill").json()
    assert killed["level"] == "scorecard", "the second champion was rolled back and is no previous version"


def test_list_says_who_answers_and_what_is_in_memory(
    operations: Operations, world: "World", model: CreditModel
) -> None:
    version = keep_challenger(world, model, trained_by="x")
    operations.order("approver", "aliases", alias="challenger", version=version)
    (family,) = operations.get("/v1/models").json()["families"]
    assert (family["family"], family["level"], family["version"]) == ("credit", "champion", operations.second)
    assert family["loaded_version"] == operations.second
    by_version = {one["version"]: one for one in family["versions"]}
    assert set(by_version) == {operations.first, operations.second, operations.scorecard, version}
    assert by_version[operations.second]["aliases"] == ["champion"]
    assert by_version[version]["aliases"] == ["challenger"]
    assert by_version[version]["metrics"] == {"auc": 0.81}
    assert {one["version"] for one in by_version.values() if one["loaded"]} == {operations.second, version}


def test_card_as_json_and_as_text(operations: Operations, world: "World", model: CreditModel) -> None:
    version = keep_challenger(world, model, trained_by="Chen Trains")
    card = operations.get(f"/v1/models/credit/{version}").json()
    assert card["trained_by"] == "Chen Trains"
    assert card["metrics"] == {"auc": 0.81}
    assert card["features"] == list(model.features)
    written = operations.get(f"/v1/models/credit/{version}", Accept="text/markdown")
    assert written.headers["content-type"].startswith("text/markdown")
    assert written.text == "# by Chen Trains\n"
    made = operations.get(f"/v1/models/credit/{operations.first}", Accept="text/markdown").text
    assert made.startswith(f"# credit {operations.first}\n")
    assert "own_0.txt" in made
    assert operations.get("/v1/models/credit/nothing").status_code == 404
    assert operations.get("/v1/models/nothing/x").status_code == 404


def test_a_pointer_names_the_challenger_of_the_files(
    operations: Operations, world: "World", model: CreditModel
) -> None:
    version = keep_challenger(world, model, trained_by="x")
    pointer = world.home / "models" / "credit" / "challenger.json"
    write_pointer(pointer, Pointer(version=version, folder="challenger"))
    operations.client.deployment.parts.refresh()
    assert operations.client.http.get("/readyz").json()["parts"]["challenger"]["version"] == version
    (world.home / "models" / "credit" / "challenger" / "own_0.txt").write_text("tree")
    operations.client.deployment.parts.refresh()
    ready = operations.client.http.get("/readyz")
    assert ready.status_code == 200, "a challenger answers nobody"
    assert "own_0.txt" in ready.json()["parts"]["challenger"]["problem_en"]
    pointer.unlink()
    operations.client.deployment.parts.refresh()
    assert "challenger" not in operations.client.http.get("/readyz").json()["parts"]


@pytest.mark.parametrize("body", [{}, {"alias": "champion"}, {"alias": "champion", "version": "../../x"}])
def test_malformed_orders_name_the_field(operations: Operations, body: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {operations.keys['approver']}", "Content_Type": "application/json"}
    answer = operations.client.http.post(
        "/v1/models/credit/aliases", json.dumps({"reason": "x", **body}).encode(), **headers
    )
    assert answer.status_code == 422
    assert answer.json()["errors"]
