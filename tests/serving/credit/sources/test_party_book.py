"""What the book adds to an answer: rules apart from the model, the neighbours' scores, the path that carries risk."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from features.credit.neighbour_scores import SCORE_FEATURES
from models.credit.booster import BoosterSettings, Design, train_boosters
from models.credit.calibration.maps import AffineCalibration
from models.credit.grade import group_master_scale
from models.credit.model import CreditModel

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

NETWORK = ("guaranteed_parties_worst_pd", "guaranteed_parties_default_share")
PutBook = Callable[..., pl.DataFrame]


def network_model(own: CreditModel) -> CreditModel:
    """Return a model whose PD rises with the worst PD among those it guarantees."""
    rng = np.random.default_rng(3)
    x = rng.random((600, 2))
    y = (x[:, 0] + 0.3 * rng.normal(size=600) > 0.7).astype(np.float64)
    settings = BoosterSettings(rounds=40, bags=1, num_leaves=4)
    boosters = train_boosters(Design(x, y, NETWORK), settings=settings, seed=1, num_threads=1)
    return CreditModel(
        own.features,
        own.own,
        AffineCalibration(1.0, 0.0),
        group_master_scale(),
        network_features=NETWORK,
        network=boosters,
    )


@pytest.fixture
def networked(world: "World", model: CreditModel, put_features: PutBook) -> CreditModel:
    frame = put_features(world.home, (*model.features, NETWORK[1]))
    assert NETWORK[0] in SCORE_FEATURES
    assert NETWORK[1] in frame.columns
    return network_model(model)


def test_a_rule_that_is_broken_decides_and_leaves_the_pd_alone(
    world: "World", client: "Client", put_book: PutBook
) -> None:
    before = client.score({"party_id": "P0000006"}).json()
    assert before["rules"] == []
    assert before["decided_by"] == ["grade"]
    put_book(world.home, world.version, bankruptcy_filings=1)
    client.deployment.parts.refresh()
    after = client.score({"party_id": "P0000006"}).json()
    assert after["pd"] == before["pd"]
    assert after["grade_advice"] == before["advice"]
    assert after["advice"] == "decline"
    assert "bankruptcy" in after["decided_by"]
    (hit,) = after["rules"]
    assert (hit["code"], hit["severity"], hit["checked"]) == ("bankruptcy", "decline", True)


def test_without_facts_rules_count_as_not_checked_and_nothing_passes(client: "Client") -> None:
    answer = client.score({"party_id": "P0000007"}).json()
    assert "rules_not_checked" in [note["code"] for note in answer["quality"]["notes"]]
    assert answer["quality"]["level"] == "fallback"
    assert answer["advice"] != "pass"


def test_neighbours_scores_reach_the_model_and_the_path_is_told(
    world: "World", networked: CreditModel, put_book: PutBook, make_client: "MakeClient",
    write_champion: Callable[..., str],
) -> None:  # fmt: skip
    version = write_champion(world.home, networked, "v2")
    book = put_book(world.home, version)
    raised = pl.when(pl.col("party_id") == "P0000008").then(0.95).otherwise(0.02).alias(NETWORK[0])
    book.with_columns(raised).write_parquet(world.home / "features" / "credit_book.parquet")
    client = make_client(world.home, world.officer)
    answer = client.score({"party_id": "P0000008"}).json()
    assert answer["network_log_odds"] > 0.3
    parts = {part["feature"]: part["contribution"] for part in answer["contributions"]}
    assert sum(parts[name] for name in NETWORK) == pytest.approx(answer["network_log_odds"], abs=1e-9)
    assert answer["own_log_odds"] + answer["network_log_odds"] == pytest.approx(answer["log_odds"], abs=1e-12)
    assert answer["pd"] > answer["own_pd"]
    carrier = answer["carrier"]
    assert (carrier["route"], carrier["end_id"]) == ("guaranteed", "P0000009")
    assert [edge["kind"] for edge in carrier["edges"]] == ["guarantees"]
    other = client.score({"party_id": "P0000010"}).json()
    assert other["network_log_odds"] < 0
    assert other["carrier"]["end_id"] is None
    assert "lower the risk" in other["carrier"]["text_en"]


def test_a_book_of_another_model_gives_no_scores_and_says_so(
    world: "World", networked: CreditModel, make_client: "MakeClient", write_champion: Callable[..., str]
) -> None:
    write_champion(world.home, networked, "v2")
    client = make_client(world.home, world.officer)
    answer = client.score({"party_id": "P0000008"}).json()
    assert "neighbour_scores_missing" in [note["code"] for note in answer["quality"]["notes"]]
    assert {part["feature"]: part["value"] for part in answer["contributions"]}[NETWORK[0]] is None
    assert client.http.get("/readyz").json()["parts"]["book"]["version"] == world.version


def test_a_book_without_one_of_the_models_neighbour_scores_says_so(
    world: "World", networked: CreditModel, put_book: PutBook, make_client: "MakeClient",
    write_champion: Callable[..., str],
) -> None:  # fmt: skip
    book = put_book(world.home, write_champion(world.home, networked, "v2"))
    book.drop(NETWORK[0]).write_parquet(world.home / "features" / "credit_book.parquet")
    answer = make_client(world.home, world.officer).score({"party_id": "P0000008"}).json()
    assert "neighbour_scores_missing" in [note["code"] for note in answer["quality"]["notes"]]


def test_without_a_book_the_service_answers_and_says_what_to_run(
    world: "World", make_client: "MakeClient"
) -> None:
    (world.home / "features" / "credit_book.parquet").unlink()
    client = make_client(world.home, world.officer)
    assert client.score({"party_id": "P0000000"}).json()["quality"]["level"] == "fallback"
    health = client.http.get("/readyz")
    assert health.status_code == 200
    assert "zhiheng credit prepare" in health.json()["parts"]["book"]["problem_en"]


def test_line_and_stage_say_who_answers(client: "Client") -> None:
    asked = {"party_id": "P0000000", "line": "leasing", "stage": "in_lending"}
    answer = client.score(asked).json()
    plain = client.score({"party_id": "P0000000"}).json()
    assert plain["route"] is None
    assert answer["route"]["answers_by"][0] == "credit_model"
    assert answer["route"]["interval_factor"] == 1.0
    assert (answer["pd"], answer["quality"]["level"]) == (plain["pd"], "full")


def test_a_cold_start_is_answered_by_its_like_and_adds_up(client: "Client") -> None:
    asked = {"party_id": "P0000002", "line": "leasing", "stage": "pre_lending"}  # one feature of six is known
    answer = client.score(asked).json()
    assert answer["route"]["answers_by"][0] == "pooled"
    assert answer["route"]["interval_factor"] == 2.0
    assert answer["route"]["segment"] == "company"
    assert answer["pd"] == 0.03
    # The ends of its like, twice as far in log-odds as the route says: odds of (2/98)^2 / (3/97), and (5/95)^2 / (3/97).
    low, high = ((part / (1 - part)) ** 2 / (0.03 / 0.97) for part in (0.02, 0.05))
    assert answer["pd_low"] == pytest.approx(low / (1 + low))
    assert answer["pd_high"] == pytest.approx(high / (1 + high))
    assert answer["quality"]["level"] == "fallback"
    assert answer["base_log_odds"] == answer["log_odds"]
    assert {part["contribution"] for part in answer["contributions"]} == {0.0}
    assert answer["carrier"] is None


def test_a_stage_without_exposure_is_refused_with_the_reason(client: "Client") -> None:
    refused = client.score(
        {"party_id": "P0000005", "line": "debt", "stage": "post_lending"}, Accept_Language="en"
    )
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("no-score")
    assert "pre_lending" in refused.json()["detail"]
    assert client.score({"party_id": "P0000000", "line": "leasing"}).status_code == 422
