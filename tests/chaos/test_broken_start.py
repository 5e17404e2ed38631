"""A service that starts on broken things: it says what is missing on every route, answers by the rules where it is told
to, and comes back by itself when they are repaired.
"""

import json
import shutil
from collections.abc import Callable, Iterator

import pytest

from serving.champions.store import read_pointer
from tests.chaos.conftest import MakeWorld
from tests.chaos.house import House, slug, until
from tests.chaos.parts_house import (
    EVERY_ROUTE,
    PARTY,
    codes,
    cut,
    flip,
    gauge,
    log_says,
    open_parts_house,
    replace_worker,
    restored,
    say_hash,
    wait_until_whole,
)
from tests.serving.conftest import StartService

OLD = "2020-01-01"
BROKEN = ("models", "features", "graph")


@pytest.fixture(scope="module")
def broken(
    tmp_path_factory: pytest.TempPathFactory, make_world: MakeWorld, start_service: StartService
) -> Iterator[House]:
    """A house that starts with a damaged champion and no other, without a graph, on half of the exposures."""
    house = open_parts_house(
        make_world(tmp_path_factory.mktemp("broken")),
        start_service,
        ZHIHENG_STALE_POLICY_CREDIT="refuse",
        ZHIHENG_STALE_GRAPH_DAYS="45",
    )
    home = house.world.home
    for name in BROKEN:
        shutil.copytree(home / name, home / "whole" / name)
    flip(home / "models" / "credit" / "v1" / "own_0.txt")
    shutil.rmtree(home / "graph")
    cut(home / "features" / "credit_exposure.parquet")
    yield house.start(until="/healthz")
    house.close()


def repair(house: House) -> None:
    """Put back what was broken."""
    home = house.world.home
    for name in BROKEN:
        shutil.copytree(home / "whole" / name, home / name, dirs_exist_ok=True)
    until(lambda: house.part("model").get("level") == "champion", "the champion does not answer again")
    wait_until_whole(house, "model")


def order(house: House, act: str) -> None:
    answer = house.ask(f"models/credit/{act}", "operator", {"reason": "演练 / drill"})
    assert answer.status == 200, answer.text


def test_nothing_scores_with_a_broken_model_and_each_route_says_what_is_missing(broken: House) -> None:
    assert broken.ready() == 503
    assert broken.service.call("GET", "/healthz").status == 200
    part = broken.part("model")
    assert (part["ready"], "own_0.txt" in part["problem_en"]) == (False, True)
    assert gauge(broken, "zhiheng_part_ready", "model") == 0
    assert log_says(broken, "model cannot be used", "own_0.txt")
    for route, body in EVERY_ROUTE.items():
        refused = broken.ask(route, "officer", body)
        assert slug(refused, 503) == "not-ready", route
    assert "own_0.txt" in broken.score(PARTY).json["detail"]
    sent = broken.ask("credit/score", "officer", {"features": {"debt_ratio": 1.0}})
    assert slug(sent, 503) == "not-ready"


def test_without_any_whole_model_the_rules_answer_when_an_operator_says_so(broken: House) -> None:
    order(broken, "kill")
    try:
        until(lambda: broken.score(PARTY).status == 200, "the rules do not answer")
        answer = broken.score(PARTY).json
        assert answer["quality"]["level"] == "rules_only"
        assert "model_rules_only" in codes(answer)
        assert [answer[name] for name in ("pd", "log_odds", "points", "grade")] == [None] * 4
        assert answer["advice"] != "approve"
        assert slug(broken.ask(f"credit/reasons?party_id={PARTY}", "officer"), 503) == "model-killed"
    finally:
        order(broken, "restore")


def test_repaired_files_are_taken_up_without_a_restart(broken: House) -> None:
    repair(broken)
    for route, body in EVERY_ROUTE.items():
        answer = broken.ask(route, "officer", body)
        assert answer.status == 200, (route, answer.text)
    assert broken.score(PARTY).json["quality"]["level"] == "full"
    assert broken.ready() == 200


def test_what_is_too_old_is_refused_where_the_policy_says_so(broken: House) -> None:
    repair(broken)
    features = broken.world.home / "features" / "credit_latest.parquet"
    with restored(features.with_suffix(".json")):
        say_hash(features, data_as_of=OLD, graph_as_of=OLD)
        until(lambda: broken.score(PARTY).status == 503, "old data are answered from")
        refused = broken.score(PARTY)
        assert slug(refused, 503) == "stale"
        assert OLD in refused.json["detail"]
        assert "ZHIHENG_STALE_POLICY_CREDIT" in refused.json["detail"]
        sent = broken.ask("credit/score", "officer", {"features": {"debt_ratio": 1.0}})
        assert sent.status == 200, "what is sent along has no date"
        page = broken.service.call("GET", "/metrics").text
        assert 'zhiheng_problems_total{problem="stale"}' in page
    until(lambda: broken.score(PARTY).status == 200, "the newer data are not taken up")


def test_worker_that_starts_with_a_damaged_champion_answers_with_the_one_before(
    broken: House, put_model: Callable[..., str]
) -> None:
    repair(broken)
    home = broken.world.home
    pointer = home / "models" / "credit" / "champion.json"
    first = read_pointer(pointer).version
    with restored(home / "models"):
        second = put_model(home, seed=9, name="later")
        until(lambda: broken.score(PARTY).json.get("model_version") == second, "the second is not taken up")
        flip(home / "models" / "credit" / "later" / "own_0.txt")
        replace_worker(broken)
        until(lambda: broken.score(PARTY).status == 200, "nobody answers")
        answer = broken.score(PARTY).json
        assert (answer["model_version"], answer["quality"]["level"]) == (first, "fallback")
        assert "model_previous" in codes(answer)
        assert broken.part("model")["level"] == "previous"
    wait_until_whole(broken, "model")
    assert json.loads(pointer.read_text())["version"] == first
