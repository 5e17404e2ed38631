"""Features, book, exposures and the graph's local copy: damaged, gone or too old while the service answers."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.credit.neighbour_scores import SCORE_FEATURES
from tests.chaos.house import House, slug, until
from tests.chaos.parts_house import (
    EVERY_ROUTE,
    PARTY,
    codes,
    cut,
    flip,
    gauge,
    log_says,
    loses_nothing,
    restored,
    say_hash,
    wait_for_problem,
    wait_until_whole,
)
from tests.serving.conftest import FEATURES
from tests.serving.credit.questions.question_world import put_graph

Damage = Callable[[Path], object]
DAMAGES: dict[str, Damage] = {"flipped": flip, "cut": cut, "gone": Path.unlink}
OLD = date(2020, 1, 1)
LONG_AGO = date(2024, 2, 1)  # the relations of the graph hold since January of that year


def features(house: House) -> Path:
    return house.world.home / "features" / "credit_latest.parquet"


def book(house: House) -> Path:
    return house.world.home / "features" / "credit_book.parquet"


def rewrite_book(house: House, **columns: pl.Expr) -> None:
    """Make the book another's: of another day, or of another model."""
    pl.read_parquet(book(house)).with_columns(**columns).write_parquet(book(house))
    say_hash(book(house))


def flags(house: House) -> list[str]:
    """Return what a score says of itself and of its age."""
    answer = house.score(PARTY).json
    return [*codes(answer), *(note["code"] for note in answer["warnings"])]


def exposures(house: House) -> Path:
    return house.world.home / "features" / "credit_exposure.parquet"


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("part", ["features", "book"])
def test_damaged_features_or_book_leave_the_last_good_ones_answering(
    parts: House, part: str, damage: str
) -> None:
    path = features(parts) if part == "features" else book(parts)
    before = parts.score(PARTY).json
    with loses_nothing(parts, part, path):
        DAMAGES[damage](path)
        found = wait_for_problem(parts, part, path.name)
        assert found["ready"] is True
        assert parts.ready() == 200
        after = parts.score(PARTY).json
        assert (after["pd"], after["quality"], after["data_as_of"]) == (
            before["pd"],
            before["quality"],
            before["data_as_of"],
        )
        assert (gauge(parts, "zhiheng_part_ready", part), gauge(parts, "zhiheng_part_problem", part)) == (
            1,
            1,
        )
        assert log_says(parts, f"{part} cannot be used", path.name)
    assert gauge(parts, "zhiheng_part_problem", part) == 0


def test_half_of_the_description_of_the_features_is_no_description(parts: House) -> None:
    beside = features(parts).with_suffix(".json")
    with loses_nothing(parts, "features", beside):
        cut(beside)
        wait_for_problem(parts, "features", beside.name)
        assert parts.score(PARTY).status == 200


def test_book_of_another_day_is_not_used_and_the_answer_says_so(parts: House) -> None:
    with restored(book(parts), book(parts).with_suffix(".json")):
        rewrite_book(parts, as_of=pl.lit(OLD))
        until(lambda: "rules_not_checked" in flags(parts), "the book of another day is used")
        assert parts.score(PARTY).json["quality"]["level"] == "fallback"
    until(lambda: "rules_not_checked" not in flags(parts), "the right book is not taken up")


def test_book_of_another_model_leaves_the_neighbours_unscored_and_the_answer_says_so(
    parts: House, put_model: Callable[..., str]
) -> None:
    pointer = parts.world.home / "models" / "credit" / "champion.json"
    with restored(pointer, book(parts), book(parts).with_suffix(".json")):
        wanted = (*FEATURES, SCORE_FEATURES[0])
        version = put_model(parts.world.home, features=wanted, name="with_neighbours")
        until(lambda: "neighbour_scores_missing" in flags(parts), "the book of another model is used")
        answer = parts.score(PARTY).json
        assert (answer["model_version"], answer["quality"]["level"]) == (version, "fallback")
        rewrite_book(parts, model_version=pl.lit(version))
        until(lambda: "neighbour_scores_missing" not in flags(parts), "the right book is not taken up")
    until(lambda: parts.score(PARTY).json["model_version"] != version, "the champion did not come back")


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_exposures_are_refused_and_scores_go_on(parts: House, damage: str) -> None:
    with restored(exposures(parts)):
        DAMAGES[damage](exposures(parts))
        refused = parts.ask(f"credit/exposure/{PARTY}", "officer")
        assert slug(refused, 503) == "not-ready"
        assert "zhiheng credit prepare" in refused.json["detail"]
        assert slug(parts.ask(f"credit/portrait/{PARTY}", "org07"), 503) in {"not-ready", "outside-scope"}
        assert parts.score(PARTY).status == 200
    assert parts.ask(f"credit/exposure/{PARTY}", "officer").status == 200


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_damaged_copy_of_the_graph_leaves_the_last_good_one_answering(parts: House, damage: str) -> None:
    def portrait() -> dict[str, object]:
        answer = parts.ask(f"credit/portrait/{PARTY}", "officer")
        assert answer.status == 200, answer.text
        return dict(answer.json)

    before = portrait()
    graph = parts.world.home / "graph"
    (part,) = graph.glob("part-*.parquet")
    with restored(graph):
        if damage == "gone":
            shutil.rmtree(graph)
        elif damage == "cut":
            cut(part)
        else:
            flip(part, 0.999999)  # the mark at its end: a bit in the middle may only change a figure
        until(lambda: "graph_copy_broken" in codes(portrait()), "the broken copy is not told")
        found = portrait()
        assert (found["graph_as_of"], found["edges"]) == (before["graph_as_of"], before["edges"])
        assert parts.score(PARTY).status == 200
    until(lambda: "graph_copy_broken" not in codes(portrait()), "the whole copy is not taken up")


def test_data_and_graph_that_are_too_old_are_flagged(parts: House) -> None:
    beside = features(parts).with_suffix(".json")
    with loses_nothing(parts, "features", beside):
        say_hash(features(parts), data_as_of=str(OLD), graph_as_of=str(OLD))
        until(lambda: "stale_data" in flags(parts), "old data are not flagged")
        answer = parts.score(PARTY).json
        assert {"stale_data", "stale_graph"} <= set(flags(parts))
        assert (answer["data_as_of"], answer["graph_as_of"]) == (str(OLD), str(OLD))
        page = parts.service.call("GET", "/metrics").text
        assert 'zhiheng_quality_flags_total{code="stale_graph"}' in page
        assert gauge(parts, "zhiheng_part_age_seconds", "features") > 45 * 86_400
    until(lambda: "stale_data" not in flags(parts), "the newer data are not taken up")


def test_old_copy_of_the_graph_is_flagged_on_the_portrait(parts: House) -> None:
    def portrait() -> dict[str, Any]:
        return dict(parts.ask(f"credit/portrait/{PARTY}", "officer").json)

    graph = parts.world.home / "graph"
    with restored(graph):
        shutil.rmtree(graph)
        put_graph(parts.world.home, known_at=LONG_AGO)
        until(lambda: "stale_graph" in codes(portrait()), "an old graph is not flagged")
        found = portrait()
        assert found["graph_as_of"] == str(LONG_AGO)
        assert found["quality"]["level"] == "fallback"
    until(lambda: "stale_graph" not in codes(portrait()), "the newer graph is not taken up")


def test_every_route_answers_when_all_is_whole(parts: House) -> None:
    """What the other tests compare with: nothing that they break is broken before."""
    wait_until_whole(parts, "features")
    for route, body in EVERY_ROUTE.items():
        answer = parts.ask(route, "officer", body)
        assert answer.status == 200, (route, answer.text)
    assert json.loads(features(parts).with_suffix(".json").read_text())["data_as_of"] == "2026-10-31"
