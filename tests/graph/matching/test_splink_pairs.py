"""splink behind the same call: the rules on codes, kinds and branches hold there too."""

import builtins
import importlib.util
import sys
from collections.abc import Mapping, Sequence

import polars as pl
import pytest

from bench.graph_parts.dirty_names import MIXES, dirty_records
from bench.graph_parts.resolution import measured
from graph.credit_code import is_valid_credit_code
from graph.errors import MissingExtraError
from graph.matching.errors import TooFewExamplesError
from graph.resolution import CLUSTER_SCHEMA, Engine, resolve

needs_splink = pytest.mark.skipif(
    importlib.util.find_spec("splink") is None, reason="the extra [splink] is not installed"
)


@needs_splink
def test_splink_finds_most_pairs_and_no_two_codes_come_together() -> None:
    table = dirty_records(2000, mix=MIXES["everyday"], seed=4)
    found = resolve(table.drop("truth"), engine=Engine.SPLINK, seed=1)
    quality = measured(table, found.clusters)
    assert quality.precision > 0.97
    assert quality.recall > 0.85
    assert "splink" in found.matches["method"].to_list()
    assert found.matches["score"].is_between(0, 1).all()
    joined = table.join(found.clusters, on="party_id").with_columns(pl.col("credit_code").str.to_uppercase())
    valid = joined.filter(pl.col("credit_code").map_elements(is_valid_credit_code, return_dtype=pl.Boolean))
    assert valid.group_by("canonical_id").agg(pl.col("credit_code").n_unique())["credit_code"].max() == 1


@needs_splink
def test_the_same_seed_gives_the_same_answer() -> None:
    table = dirty_records(800, mix=MIXES["everyday"], seed=5).drop("truth")
    one, other = (resolve(table, engine=Engine.SPLINK, seed=3) for _ in range(2))
    assert one.clusters.equals(other.clusters)
    assert one.review.equals(other.review)


@needs_splink
@pytest.mark.parametrize("count", [0, 2])
def test_too_few_records_to_learn_from_are_still_answered(count: int) -> None:
    table = pl.DataFrame(
        {
            "party_id": ["A", "B"],
            "kind": ["company"] * 2,
            "name": ["济南恒泽铭瑞新材料有限公司", "青岛远达物流有限公司"],
        }
    ).head(count)
    found = resolve(table, engine=Engine.SPLINK)
    assert found.clusters.schema == CLUSTER_SCHEMA
    assert found.clusters.height == count
    assert found.matches.is_empty()


@needs_splink
def test_records_of_which_no_two_agree_teach_nothing_and_it_is_said() -> None:
    names = ["济南恒泽铭瑞新材料有限公司", "青岛远达物流有限公司", "烟台海川渔业有限公司"]
    table = pl.DataFrame({"party_id": ["A", "B", "C"], "kind": ["company"] * 3, "name": names})
    with pytest.raises(TooFewExamplesError, match="--engine rules"):
        resolve(table, engine=Engine.SPLINK)


def test_a_missing_splink_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(
        name: str,
        namespace: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        names: Sequence[str] | None = (),
        level: int = 0,
    ) -> object:
        if name.partition(".")[0] == "splink":
            raise ModuleNotFoundError("No module named 'splink'", name="splink")
        return real(name, namespace, local, names, level)

    monkeypatch.delitem(sys.modules, "graph.matching.splink_pairs", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    table = pl.DataFrame({"party_id": ["A"], "kind": ["company"], "name": ["济南恒泽铭瑞新材料有限公司"]})
    with pytest.raises(MissingExtraError, match="splink") as caught:
        resolve(table, engine=Engine.SPLINK)
    assert "附加组件" in caught.value.zh
