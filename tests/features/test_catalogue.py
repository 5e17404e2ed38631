"""The catalogue is read from the code, and a feature that is declared wrongly cannot be imported."""

import inspect
import math
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from features.catalogue import (
    Dimension,
    Feature,
    Unit,
    catalogue,
    catalogue_markdown,
    collect,
    feature,
    payload_schema,
)
from features.credit.build import FEATURES, NETWORK_FEATURES, OWN_FEATURES
from features.credit.neighbour_scores import SCORE_FEATURES
from features.errors import FeatureDefinitionError

REPOSITORY = Path(__file__).resolve().parents[2]


def _define(docstring: str, **declared: object) -> Feature:
    def debt() -> pl.Expr:
        return pl.col("debt")

    debt.__doc__ = docstring
    settings = {"unit": Unit.CNY, "dimension": Dimension.FINANCE, "sources": ("statements",), **declared}
    return feature(**settings)(debt)  # type: ignore[arg-type]


BOTH = "负债（元）。\n\nDebt in yuan."


def test_docstring_gives_both_texts_on_one_line_each() -> None:
    made = _define("负债\n    （元）。\n\n    Debt\n    in yuan.")
    assert (made.zh, made.en) == ("负债 （元）。", "Debt in yuan.")


@pytest.mark.parametrize(
    "docstring", ["", "负债。", "Debt.", "Debt.\n\n负债。", "负债。\n\n债务。", "负债。\n\nDebt.\n\nMore."]
)
def test_docstring_without_both_languages_is_refused(docstring: str) -> None:
    with pytest.raises(FeatureDefinitionError, match="one Chinese paragraph, then one in English"):
        _define(docstring)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"monotone": 2}, "monotone is 2"),
        ({"low": 1, "high": 1}, "range 1..1 is empty"),
        ({"sources": ()}, "names no source table"),
    ],
)
def test_declaration_without_sense_is_refused(declared: dict[str, object], message: str) -> None:
    with pytest.raises(FeatureDefinitionError, match=message) as caught:
        _define(BOTH, **declared)
    assert caught.value.name == "debt"


def test_one_name_for_two_features_is_refused() -> None:
    modules = [ModuleType("one"), ModuleType("two")]
    for module in modules:
        module.__dict__["debt"] = _define(BOTH)
    with pytest.raises(FeatureDefinitionError, match="debt: is defined in"):
        collect(modules)


def test_column_is_null_for_what_is_no_number_and_clipped_to_the_range() -> None:
    made = _define(BOTH, low=0, high=10)
    view = pl.DataFrame({"debt": [3, -1, 99, math.nan, math.inf, None]}, strict=False)
    assert view.select(made.column())["debt"].to_list() == [3.0, 0.0, 10.0, None, None, None]


def test_card_points_to_the_line_that_defines_the_feature() -> None:
    for item in catalogue():
        lines = (REPOSITORY / item.file).read_text(encoding="utf-8").splitlines()
        definition = "\n".join(lines[item.line - 1 : item.line + 20])
        assert f"def {item.name}() -> pl.Expr:" in definition
        assert inspect.getsource(item.expression).startswith("@feature(")


def test_catalogue_has_the_features_of_the_model_in_their_order() -> None:
    assert tuple(item.name for item in catalogue("credit")) == FEATURES + SCORE_FEATURES
    assert len(set(FEATURES)) == len(FEATURES) >= 40
    assert sorted((*OWN_FEATURES, *NETWORK_FEATURES)) == sorted(FEATURES)


def test_every_card_says_what_a_reader_needs() -> None:
    for item in catalogue():
        card = item.card()
        assert card["zh"] != card["en"]
        assert str(card["zh"]).endswith("。")
        assert str(card["en"]).endswith((".", ")."))
        assert str(card["data_class"]) in {"外部／低", "外部／中", "管理／高"}
        assert card["min"] is not None
        assert card["max"] is not None


def test_class_is_that_of_the_most_sensitive_source() -> None:
    classes = {item.name: item.data_class.text.zh for item in catalogue()}
    assert classes["leverage"] == "外部／中"
    assert classes["capital_decreases_36m"] == "外部／低"
    assert classes["customers_default_share"] == "管理／高"


def test_network_features_are_those_of_relations_and_supply() -> None:
    dimensions = {item.name: item.dimension for item in catalogue()}
    assert {dimensions[name] for name in NETWORK_FEATURES} == {Dimension.RELATIONS, Dimension.SUPPLY}
    assert all("edges" in item.sources for item in catalogue() if item.name in NETWORK_FEATURES)
    assert not any("edges" in item.sources for item in catalogue() if item.name in OWN_FEATURES)


def test_payload_schema_limits_each_feature_and_allows_no_other() -> None:
    schema = payload_schema([_define(BOTH, low=0)])
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "debt": {
            "type": ["number", "null"],
            "minimum": 0,
            "description": "负债（元）。 Debt in yuan.",
            "x-unit": "CNY",
        }
    }


def test_page_of_the_docs_is_current() -> None:
    page = (REPOSITORY / "docs" / "features.md").read_text(encoding="utf-8")
    assert page == catalogue_markdown(), "run `zhiheng docs`"
