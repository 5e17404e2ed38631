"""The catalogue: every feature with its texts and class, the models that use it, and 304 for who has it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from features.catalogue import catalogue
from tests.serving.credit.questions.question_world import Asker

if TYPE_CHECKING:
    from tests.serving.conftest import Client, World


@pytest.fixture
def asker(client: "Client", world: "World") -> Asker:
    return Asker(client.http, world.planner)


def test_every_credit_feature_is_listed_with_texts_class_and_source(asker: Asker) -> None:
    found = {one["name"]: one for one in asker.get("/v1/features?domain=credit").json()["features"]}
    assert set(found) == {item.name for item in catalogue("credit")}
    for item in catalogue("credit"):
        told = found[item.name]
        assert (told["text_zh"], told["text_en"], told["unit"]) == (item.zh, item.en, item.unit.value)
        assert told["class_zh"] == item.data_class.text.zh
        assert told["sources"] == list(item.sources)


def test_demand_and_capacity_have_their_drivers(asker: Asker) -> None:
    found = asker.get("/v1/features").json()["features"]
    names = {(one["domain"], one["name"]) for one in found}
    assert {("demand", "promotion"), ("demand", "spring_festival"), ("capacity", "dew_point")} <= names
    assert all(one["text_zh"] and one["text_en"] and one["class_zh"] for one in found)


def test_a_feature_names_the_models_that_use_it(
    asker: Asker, world: "World", put_model: Callable[..., str]
) -> None:
    names = tuple(item.name for item in catalogue("credit"))[:3]
    version = put_model(world.home, features=names, name="v2")
    found = {one["name"]: one["models"] for one in asker.get("/v1/features?domain=credit").json()["features"]}
    for name in names:
        assert found[name] == [{"family": "credit", "version": version, "alias": "champion"}]
    assert [models for name, models in found.items() if models and name not in names] == []


def test_one_feature_is_given_by_name_and_an_unknown_one_is_404(asker: Asker) -> None:
    name = catalogue("credit")[0].name
    assert [one["name"] for one in asker.get(f"/v1/features/{name}").json()["features"]] == [name]
    unknown = asker.get("/v1/features/no_such_feature")
    assert unknown.status_code == 404
    assert "no_such_feature" in unknown.json()["detail"]
    assert asker.get("/v1/features?domain=weather").status_code == 422


def test_who_has_the_catalogue_is_told_304(asker: Asker) -> None:
    first = asker.get("/v1/features")
    again = asker.get("/v1/features", If_None_Match=f'"other", W/{first.headers["ETag"]}')
    assert (again.status_code, again.content) == (304, b"")
    assert asker.get("/v1/features", If_None_Match='"other"').status_code == 200
