"""Every field, parameter and shape of the OpenAPI text is told in Chinese and English; the glossary holds nothing idle."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.http.field_texts import field_text, field_texts, is_bilingual, schema_text, schema_texts
from tests.serving.http.bare_app import open_bare


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    home: Path = tmp_path_factory.mktemp("texts")
    opened = open_bare(home)
    yield opened.call("GET", "/openapi.json").json
    opened.deployment.stop()


def fields(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for shape, said in document["components"]["schemas"].items():
        for name, field in said.get("properties", {}).items():
            yield shape, name, field


def parameters(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if "$ref" not in parameter:
                    yield path, parameter
    for parameter in document["components"]["parameters"].values():
        yield "components", parameter


def test_every_field_is_described_in_both_languages(document: dict[str, Any]) -> None:
    found = list(fields(document))
    assert len(found) > 1000
    silent = [f"{shape}.{name}" for shape, name, one in found if not is_bilingual(one.get("description"))]
    assert silent == []


def test_every_parameter_is_described_in_both_languages(document: dict[str, Any]) -> None:
    found = list(parameters(document))
    assert len(found) > 50
    silent = [f"{path} {one['name']}" for path, one in found if not is_bilingual(one.get("description"))]
    assert silent == []


def test_every_shape_is_described_in_both_languages(document: dict[str, Any]) -> None:
    shapes = document["components"]["schemas"]
    assert [name for name, one in shapes.items() if not is_bilingual(one.get("description"))] == []


def test_every_good_answer_says_what_comes(document: dict[str, Any]) -> None:
    said = {
        f"{method} {path}": operation["responses"]["200"]["description"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert [route for route, text in said.items() if not is_bilingual(text)] == []


def test_no_text_of_the_glossary_is_idle(document: dict[str, Any]) -> None:
    told = {(f"{shape}.{name}", one["description"]) for shape, name, one in fields(document)}
    told |= {(f"{one['in']}.{one['name']}", one["description"]) for _, one in parameters(document)}
    told |= {(place.rpartition(".")[2], text) for place, text in told}
    # A query's shape is not in the document: its fields are the parameters of that name.
    read = {re.sub(r"^\w+Query\.", "query.", name): text for name, text in field_texts().items()}
    assert sorted(set(read.items()) - told) == []
    shapes = {(name, one["description"]) for name, one in document["components"]["schemas"].items()}
    assert sorted(set(schema_texts().items()) - shapes) == []


def test_no_shape_repeats_what_the_name_says() -> None:
    texts = field_texts()
    twice = [one for one, text in texts.items() if "." in one and texts.get(one.rpartition(".")[2]) == text]
    assert twice == []


def test_a_model_s_own_words_go_first() -> None:
    own = "模型自己的说法 / the model's own words"
    assert field_text("CapChange", "limit", own) == own
    assert schema_text("Advice", own) == own


def test_a_shape_s_text_goes_before_the_name_s() -> None:
    assert field_text("CapChange", "limit") == field_texts()["CapChange.limit"]
    assert field_text("AnyAnswer", "companies") == field_texts()["companies"]
    assert field_text("Totals", "companies") == field_texts()["Totals.companies"]
    assert field_text("CapChange", "limit", "only English") == field_texts()["CapChange.limit"]


def test_what_nobody_describes_stays_silent() -> None:
    assert field_text("Nothing", "no_such_field") is None
    assert schema_text("Nothing") is None


@pytest.mark.parametrize("text", [None, "", "English alone", "只有中文", "模型 XGBoost 的结果"])
def test_one_language_is_not_both(text: object) -> None:
    assert not is_bilingual(text)
