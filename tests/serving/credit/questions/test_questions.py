"""Questions beside the score: exact, masked, within the caller's companies, in the chain before they are answered."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from serving.access.roles import Role
from tests.serving.credit.questions.question_world import Asker, put_exposures, put_graph
from tests.serving.demand.demand_world import make_planner

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

PORTRAIT = "/v1/credit/portrait/P0000001"
EXPOSURE = "/v1/credit/exposure/P0000001"


@dataclass(frozen=True)
class Questions:
    """The service over the hand-made graph: an officer of the whole group, one of ORG-07, and the ledger."""

    home: Path
    client: "Client"
    group: Asker
    org07: Asker

    def record(self, decision_id: str) -> dict[str, Any]:
        return dict(self.client.deployment.parts.ledger.get(decision_id).record)


def officer(home: Path, *companies: str) -> str:
    return make_planner(home, *companies, roles=(Role.RISK_OFFICER,), name="officer")


@pytest.fixture
def asked(world: "World", make_client: "MakeClient") -> Questions:
    return open_questions(world, make_client)


def open_questions(world: "World", make_client: "MakeClient", **settings: float | str) -> Questions:
    put_graph(world.home)
    put_exposures(world.home)
    path = world.home / "features" / "credit_book.parquet"
    business = [
        ["ORG-07"] if party == "P0000001" else ["ORG-08"] for party in pl.read_parquet(path)["party_id"]
    ]
    pl.read_parquet(path).with_columns(companies=pl.Series(business)).write_parquet(path)
    group, org07 = officer(world.home, "*"), officer(world.home, "ORG-07")
    client = make_client(world.home, group, **settings)
    return Questions(world.home, client, Asker(client.http, group), Asker(client.http, org07))


# What if


def test_what_if_scores_before_as_score_does_and_after_as_a_payload_does(asked: Questions) -> None:
    score = asked.group.post("/v1/credit/score", {"party_id": "P0000010"}).json()
    answer = asked.group.post(
        "/v1/credit/what-if", {"party_id": "P0000010", "changes": {"debt_ratio": 2.5, "lawsuits": None}}
    ).json()
    inputs = {part["feature"]: part["value"] for part in score["contributions"]}
    changed = {**inputs, "debt_ratio": 2.5, "lawsuits": None}
    after = asked.group.post("/v1/credit/score", {"features": changed}).json()
    for place, other in (("before", score), ("after", after)):
        assert answer[place]["log_odds"] == pytest.approx(other["log_odds"], abs=1e-12)
        assert (answer[place]["grade"], answer[place]["points"]) == (other["grade"], other["points"])
    moved = sum(part["change"] for part in answer["contributions"])
    assert moved == pytest.approx(answer["after"]["log_odds"] - answer["before"]["log_odds"], abs=1e-9)
    assert {part["feature"]: (part["before"], part["after"]) for part in answer["changes"]} == {
        "debt_ratio": (inputs["debt_ratio"], 2.5),
        "lawsuits": (inputs["lawsuits"], None),
    }
    assert "no promise" in answer["caution_en"]


def test_what_if_is_written_down_before_it_is_answered(asked: Questions) -> None:
    answer = asked.group.post("/v1/credit/what-if", {"party_id": "P0000010", "changes": {"degree": 1}}).json()
    record = asked.record(answer["decision_id"])
    assert record["route"] == "credit/what-if"
    assert record["subject"] == "P0000010"
    assert record["request"]["changes"] == {"degree": 1.0}
    assert record["answer"]["after"] == answer["after"]
    assert record["companies"] == ["*"]


def test_what_if_names_every_change_the_model_cannot_take(asked: Questions) -> None:
    body = {"party_id": "P0000010", "changes": {"debt_ratioo": 1.0, "nothing": 2.0, "degree": 1.0}}
    answer = asked.group.post("/v1/credit/what-if", body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["changes.debt_ratioo", "changes.nothing"]
    assert "debt_ratio" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"party_id": "P0000010", "changes": {}},
        {"party_id": "P0000010"},
        {"changes": {"degree": 1}},
        {"party_id": "P0000010", "features": {"degree": 1}, "changes": {"degree": 1}},
        {"party_id": "P0000010", "changes": {"degree": "1"}},
    ],
)
def test_what_if_refuses_requests_that_say_too_little_or_too_much(asked: Questions, body: object) -> None:
    assert asked.group.post("/v1/credit/what-if", body).status_code == 422


def test_what_if_of_a_payload_needs_no_party(asked: Questions) -> None:
    body = {"features": {"debt_ratio": 0.1, "degree": 2.0}, "changes": {"debt_ratio": 3.0}}
    answer = asked.org07.post("/v1/credit/what-if", body)
    assert answer.status_code == 200
    assert answer.json()["party_id"] is None
    assert answer.json()["data_as_of"] is None


# Reasons


def test_reasons_of_a_party_are_the_contributions_of_its_score(asked: Questions) -> None:
    score = asked.group.post("/v1/credit/score", {"party_id": "P0000010"}).json()
    answer = asked.group.get("/v1/credit/reasons?party_id=P0000010&top=6").json()
    given = {line["feature"]: line["contribution"] for line in answer["reasons"]}
    largest = [part for part in score["contributions"] if part["contribution"] != 0][:6]
    assert given == pytest.approx({part["feature"]: part["contribution"] for part in largest}, abs=1e-12)
    assert answer["log_odds"] == pytest.approx(score["log_odds"], abs=1e-9)
    assert answer["points"] == answer["base_points"] + sum(side["points"] for side in answer["dimensions"])
    assert all(line["contribution"] > 0 for line in answer["adverse"])


def test_reasons_of_a_kept_decision_stay_when_the_features_change(
    asked: Questions, put_features: Callable[..., pl.DataFrame]
) -> None:
    score = asked.group.post("/v1/credit/score", {"party_id": "P0000010"}).json()
    before = asked.group.get(f"/v1/credit/reasons?decision_id={score['decision_id']}").json()
    put_features(asked.home, seed=99)
    asked.client.deployment.parts.refresh()
    after = asked.group.get(f"/v1/credit/reasons?decision_id={score['decision_id']}").json()
    assert after["of_decision"] == score["decision_id"]
    assert after["reasons"] == before["reasons"]
    assert after["log_odds"] == pytest.approx(score["log_odds"], abs=1e-9)
    assert "past_decision" in [note["code"] for note in after["quality"]["notes"]]
    now = asked.group.get("/v1/credit/reasons?party_id=P0000010").json()
    assert now["log_odds"] != pytest.approx(score["log_odds"], abs=1e-6)


def test_reasons_of_records_that_are_no_score_or_of_others_are_unknown(asked: Questions) -> None:
    score = asked.group.post("/v1/credit/score", {"party_id": "P0000001"}).json()
    reasons = asked.group.get("/v1/credit/reasons?party_id=P0000001").json()
    assert asked.org07.get(f"/v1/credit/reasons?decision_id={score['decision_id']}").status_code == 404
    assert asked.group.get(f"/v1/credit/reasons?decision_id={reasons['decision_id']}").status_code == 404
    assert asked.group.get("/v1/credit/reasons?decision_id=nothing").status_code == 404


def test_reasons_need_either_party_or_decision(asked: Questions) -> None:
    assert asked.group.get("/v1/credit/reasons").status_code == 422
    assert asked.group.get("/v1/credit/reasons?party_id=P0000001&decision_id=x").status_code == 422


# Portrait


def test_portrait_shows_relations_with_dates_and_texts(asked: Questions) -> None:
    answer = asked.group.get(f"{PORTRAIT}?hops=2").json()
    edges = {edge["edge_id"]: edge for edge in answer["edges"]}
    assert set(edges) == {"E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8"}
    assert edges["E2"]["text_en"] == "企业P0000010 owns 60% of 企业P0000001"
    assert edges["E2"]["valid_from"] == "2024-01-01"
    assert answer["graph_as_of"] == "2026-10-31"
    assert answer["store"] == "parquet"
    assert answer["left_out"]["text_en"] == "Nothing is left out."


def test_portrait_tells_persons_by_id_alone(asked: Questions) -> None:
    text = asked.group.get(f"{PORTRAIT}?hops=2").text
    assert "王小明" not in text
    person = next(node for node in json.loads(text)["nodes"] if node["party_id"] == "P0000020")
    assert (person["name"], person["masked"]) == ("***", True)


def test_portrait_follows_no_hub_and_says_what_it_cut_off(world: "World", make_client: "MakeClient") -> None:
    asked = open_questions(world, make_client)
    put_graph(world.home, more=30)
    answer = asked.group.get(f"{PORTRAIT}?hops=2&hub=20").json()
    assert not any(node["party_id"].startswith("X") for node in answer["nodes"])
    assert answer["left_out"]["hubs"] == [{"party_id": "P0000010", "edges": 32}]
    few = asked.group.get(f"{PORTRAIT}?hops=2&nodes=4").json()
    assert len(few["nodes"]) == 4
    assert few["left_out"]["rings"]
    assert "Left out" in few["left_out"]["text_en"]


def test_portrait_finds_the_path_along_which_a_default_reaches_the_party(asked: Questions) -> None:
    answer = asked.group.get(f"{PORTRAIT}?hops=2").json()
    path = answer["risk_paths"][0]
    assert (path["from_party"], path["parties"][-1]) == ("P0000004", "P0000001")
    assert path["strength"] == pytest.approx(
        float(pl.Series([step["factor"] for step in path["steps"]]).product()), abs=1e-12
    )
    assert path["text_en"].startswith("'企业P0000004' is in default: ")


def test_portrait_keeps_to_the_kinds_asked_for(asked: Questions) -> None:
    answer = asked.group.get(f"{PORTRAIT}?kinds=owns").json()
    assert {edge["kind"] for edge in answer["edges"]} == {"owns"}
    wrong = asked.group.get(f"{PORTRAIT}?kinds=owns,befriends")
    assert wrong.status_code == 422
    assert "befriends" in wrong.json()["errors"][0]["message"]


def test_portrait_leaves_out_business_of_other_companies_and_says_so(asked: Questions) -> None:
    answer = asked.org07.get(f"{PORTRAIT}?hops=2").json()
    shown = {edge["edge_id"] for edge in answer["edges"]}
    assert "E4" in shown  # ORG-07 sells to the party
    assert "E5" not in shown  # so does ORG-08
    assert "E6" in shown  # who owns what stands in the register
    assert answer["left_out"]["other_companies"]
    # The party in default is a counterparty of ORG-08 alone.
    assert answer["risk_paths"] == []


def test_questions_about_parties_of_other_companies_are_refused_alike(asked: Questions) -> None:
    for party in ("P0000010", "P9999999"):
        for path in (
            f"/v1/credit/portrait/{party}",
            f"/v1/credit/exposure/{party}",
            f"/v1/credit/reasons?party_id={party}",
        ):
            answer = asked.org07.get(path)
            assert answer.status_code == 403
            assert party not in answer.text.replace(path, "")


def test_portrait_of_an_unknown_party_is_404_and_of_a_strange_id_422(asked: Questions) -> None:
    assert asked.group.get("/v1/credit/portrait/P9999999").status_code == 404
    assert asked.group.get("/v1/credit/portrait/P1%27;DROP").status_code == 422


def test_portrait_without_a_graph_says_how_to_make_one(world: "World", make_client: "MakeClient") -> None:
    client = make_client(world.home, world.officer)
    answer = Asker(client.http, world.officer).get(PORTRAIT)
    assert answer.status_code == 503
    assert "graph build" in answer.json()["detail"]


def test_portrait_refuses_a_graph_that_would_take_too_much_memory(
    world: "World", make_client: "MakeClient"
) -> None:
    asked = open_questions(world, make_client, graph_memory_mb=1)
    put_graph(world.home, more=5000)
    answer = asked.group.get(PORTRAIT)
    assert answer.status_code == 503
    assert "ZHIHENG_GRAPH_MEMORY_MB" in answer.json()["detail"]


def test_portrait_falls_back_to_the_local_copy_when_the_server_is_away(
    world: "World", make_client: "MakeClient"
) -> None:
    asked = open_questions(world, make_client, neo4j_uri="bolt://127.0.0.1:9", portrait_server_seconds=0.3)
    answer = asked.group.get(PORTRAIT).json()
    assert answer["store"] == "parquet"
    assert answer["quality"]["level"] == "fallback"
    note = answer["quality"]["notes"][0]
    assert note["code"] == "graph_server_away"
    assert "2026-10-31" in note["text_en"]


def test_portrait_takes_up_a_graph_that_was_loaded_anew(asked: Questions) -> None:
    assert len(asked.group.get(f"{PORTRAIT}?hops=2").json()["edges"]) == 8
    put_graph(asked.home, more=3)
    asked.group.get(PORTRAIT)  # the last copy answers while the new one is loaded
    for _ in range(200):
        if len(asked.group.get(f"{PORTRAIT}?hops=2").json()["edges"]) == 11:
            return
    raise AssertionError("the new graph was never taken up")


# Exposure


def test_exposure_gives_lines_group_look_through_and_limits(asked: Questions) -> None:
    answer = asked.group.get(EXPOSURE).json()
    assert {line["org_id"]: line["gross"] for line in answer["lines"]} == {"ORG-07": 100.0, "ORG-08": 30.0}
    assert answer["total"] == {"companies": 2, "gross": 130.0, "net": 130.0}
    assert answer["groups"][0]["total"]["gross"] == 170.0
    assert answer["looked_through"][0]["gross_unknown"] == 5.0
    limits = {(line["org_id"], line["code"]): line for line in answer["limits"]}
    assert limits["ORG-07", "single"]["headroom"] == -10.0
    assert limits["ORG-07", "single"]["breach"] is True
    assert limits["ORG-08", "single"]["headroom"] is None
    assert limits["ORG-07", "group"]["headroom"] == 500.0
    assert asked.record(answer["decision_id"])["answer"]["limits"] == answer["limits"]


def test_exposure_for_one_company_holds_nothing_of_the_others(asked: Questions) -> None:
    answer = asked.org07.get(EXPOSURE)
    assert "ORG-08" not in answer.text
    body = answer.json()
    assert [line["org_id"] for line in body["lines"]] == ["ORG-07"]
    assert body["total"] is None
    assert body["groups"][0]["total"] is None
    assert [line["party_id"] for line in body["groups"][0]["largest"]] == ["P0000001"]
    assert body["other_companies_left_out"]
    assert "other_companies_left_out" in [note["code"] for note in body["quality"]["notes"]]


def test_exposure_totals_are_told_to_companies_where_the_setting_allows(
    world: "World", make_client: "MakeClient"
) -> None:
    asked = open_questions(world, make_client, exposure_totals_for_companies=True)
    assert asked.org07.get(EXPOSURE).json()["total"]["gross"] == 130.0


def test_exposure_of_an_unknown_party_is_404_and_without_the_file_503(asked: Questions) -> None:
    assert asked.group.get("/v1/credit/exposure/P9999999").status_code == 404
    (asked.home / "features" / "credit_exposure.json").unlink()
    answer = asked.group.get(EXPOSURE)
    assert answer.status_code == 503
    assert "credit prepare" in answer.json()["detail"]


def test_exposure_of_old_data_is_refused_where_that_is_the_policy(
    world: "World", make_client: "MakeClient"
) -> None:
    asked = open_questions(world, make_client, stale_policy_credit="refuse", stale_after_days=45)
    put_exposures(world.home, as_of=date(2020, 1, 31))
    answer = asked.group.get(EXPOSURE)
    assert answer.status_code == 503
    assert "2020-01-31" in answer.json()["detail"]


# Schema


def test_schema_lists_the_inputs_of_the_model_in_its_order(asked: Questions, world: "World") -> None:
    answer = asked.group.get("/v1/credit/schema")
    body = answer.json()
    assert body["model_version"] == world.version
    assert [one["name"] for one in body["inputs"]] == list(body["json_schema"]["properties"])
    assert all(one["may_be_missing"] for one in body["inputs"])
    assert body["json_schema"]["additionalProperties"] is False


def test_schema_says_how_old_features_may_be_and_of_which_inputs_age_says_nothing(
    tmp_path: Path,
    make_client: "MakeClient",
    put_model: Callable[..., str],
    put_features: Callable[..., pl.DataFrame],
) -> None:
    names = ("is_company", "days_past_due")
    put_model(tmp_path, features=names, name="v1")
    put_features(tmp_path, names)
    client = make_client(tmp_path, officer(tmp_path, "*"), stale_after_days=45)
    body = Asker(client.http, client.key).get("/v1/credit/schema").json()
    assert body["max_age_days"] == 45
    assert {one["name"]: one["max_age_days"] for one in body["inputs"]} == {
        "is_company": None,
        "days_past_due": 45,
    }


def test_a_party_outside_of_the_keys_business_is_refused_in_words_about_parties(asked: Questions) -> None:
    refused = asked.org07.post("/v1/credit/score", {"party_id": "P0000010"}, Accept_Language="zh")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:zhiheng:problem:outside-scope")
    assert "不是贵企业（ORG-07）的往来方" in refused.json()["detail"]
    assert "汇总" not in refused.json()["detail"]


def test_schema_is_given_once_and_then_304_until_the_model_changes(
    asked: Questions, put_model: Callable[..., str]
) -> None:
    first = asked.group.get("/v1/credit/schema")
    again = asked.group.get("/v1/credit/schema", If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    put_model(asked.home, seed=8, name="v2")
    asked.client.deployment.parts.refresh()
    assert asked.group.get("/v1/credit/schema", If_None_Match=first.headers["ETag"]).status_code == 200


def test_schema_alone_is_json_schema(asked: Questions) -> None:
    answer = asked.group.get("/v1/credit/schema", Accept="application/schema+json")
    assert answer.headers["Content-Type"].startswith("application/schema+json")
    assert answer.json()["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("path", [PORTRAIT, EXPOSURE, "/v1/credit/reasons?party_id=P0000001"])
def test_only_risk_officers_ask_about_parties(asked: Questions, world: "World", path: str) -> None:
    assert Asker(asked.client.http, world.planner).get(path).status_code == 403
    assert Asker(asked.client.http, world.planner).get("/v1/credit/schema").status_code == 200
