"""The path of a network effect, to a key for some companies: up to the first step that is another company's business."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import polars as pl
import pytest

from models.credit.model import CreditModel
from serving.access.roles import Role
from serving.credit.score.basis import CarrierPath
from serving.credit.score.schemas import Carrier
from serving.credit.score.shown import shown_carrier
from serving.decisions.scoped import scoped
from serving.ledger.json_text import Json
from tests.serving.credit.sources.test_party_book import NETWORK, network_model
from tests.serving.demand.demand_world import make_planner

if TYPE_CHECKING:
    from tests.serving.conftest import Client, MakeClient, World

PARTY = "P0000008"


def edge(src: str, dst: str, kind: str) -> dict[str, object]:
    nothing = dict.fromkeys(("share", "amount", "role", "valid_from", "valid_to", "known_at"))
    return {"src": src, "dst": dst, "kind": kind, **nothing}


def path(**said: object) -> CarrierPath:
    told = {
        "channel": "anyone", "end_id": "Z", "parties": ["A", "B", "C", "Z"], "text_zh": "Z 已违约", "text_en": "Z defaulted",
        "path": [edge("A", "B", "owns"), edge("B", "C", "supplies"), edge("C", "Z", "guarantees")], **said,
    }  # fmt: skip
    return CarrierPath.model_validate(told, strict=False)


def carrier(found: CarrierPath) -> Carrier:
    return Carrier(
        route=found.channel, route_zh="各类关系", route_en="any relation", log_odds=0.4, end_id=found.end_id,
        parties=list(found.parties), edges=list(found.path), text_zh=found.text_zh, text_en=found.text_en,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("business", "end_companies", "companies", "steps"),
    [
        (((), (), ()), ("ORG-01",), ("ORG-01",), 3),
        (((), ("ORG-01",), ()), ("ORG-01", "ORG-02"), ("ORG-01",), 3),
        (((), ("ORG-02",), ()), ("ORG-01",), ("ORG-01",), 1),
        (((), ("ORG-01", "ORG-02"), ()), ("ORG-01",), ("ORG-01",), 1),
        (((), ("ORG-01", "ORG-02"), ()), ("ORG-01",), ("ORG-01", "ORG-02"), 3),
        ((("ORG-02",), (), ()), ("ORG-01",), ("ORG-01",), 0),
        (((), (), ()), ("ORG-02",), ("ORG-01",), 2),
        (((), (), ()), (), ("ORG-01",), 2),
        (None, None, ("ORG-01",), 3),
    ],
)
def test_steps_end_where_others_business_begins_and_before_an_end_that_others_alone_know(
    business: object, end_companies: object, companies: tuple[str, ...], steps: int
) -> None:
    found = path(business=business, end_companies=end_companies)
    assert found.steps_for(companies) == steps
    shown = shown_carrier(carrier(found), companies, (found,))
    assert shown is not None
    assert [one.src for one in shown.edges] == ["A", "B", "C"][:steps]
    assert shown.other_companies_left_out is (steps < 3)
    if steps < 3:
        assert (shown.end_id, shown.parties) == (None, ["A", "B", "C"][: steps + 1] if steps else [])
        assert "Z" not in json.dumps([shown.parties, shown.text_zh, shown.text_en])
        assert (shown.route, shown.log_odds) == ("anyone", 0.4)


def test_a_book_that_does_not_say_whose_business_it_is_shows_public_steps_alone() -> None:
    found = path().told_apart()
    assert found.steps_for(("ORG-01",)) == 1
    assert path(path=[edge("A", "Z", "owns")], parties=["A", "Z"]).told_apart().steps_for(("ORG-01",)) == 0
    assert "business" not in path().plain(), "a record from before is written as it was"


def test_keys_of_the_group_see_the_path_as_it_is() -> None:
    found = path(business=[["ORG-02"], [], []], end_companies=[])
    whole = carrier(found)
    assert shown_carrier(whole, ("*",), ()) is whole
    assert "other_companies_left_out" not in whole.model_dump(mode="json")


def test_a_record_of_before_paths_were_cut_is_cut_when_it_is_read() -> None:
    stored = path()
    told: Json = carrier(stored).model_dump(mode="json")
    answer: Mapping[str, Json] = {"carrier": told, "pd": 0.1}
    record: Mapping[str, Json] = {"basis": {"paths": [stored.plain()]}, "answer": answer}
    shown = scoped(record, ("ORG-01",))
    assert shown.left_out == ("basis.paths", "answer.carrier")
    assert "Z" not in json.dumps(shown.record)
    assert answer["carrier"] == told, "what is recorded stays"
    assert scoped(record, ("*",)).record is record


def limited(world: "World", *roles: Role) -> str:
    return make_planner(world.home, "ORG-07", roles=roles, name=roles[0].value)


@pytest.fixture
def put_path(
    world: "World",
    model: CreditModel,
    put_features: Callable[..., pl.DataFrame],
    put_book: Callable[..., pl.DataFrame],
    write_champion: Callable[..., str],
) -> Callable[..., None]:
    """Return a function that writes a book whose path of `PARTY` says whose business it is."""

    def put(business: list[list[str]], end_companies: list[str]) -> None:
        put_features(world.home, (*model.features, NETWORK[1]))
        book = put_book(world.home, write_champion(world.home, network_model(model), "v2"))
        whose = {"business": business, "end_companies": end_companies}
        carriers = [
            None if row is None else [one | whose for one in row] for row in book["carriers"].to_list()
        ]
        file: Path = world.home / "features" / "credit_book.parquet"
        book.with_columns(
            pl.when(pl.col("party_id") == PARTY).then(0.95).otherwise(0.02).alias(NETWORK[0]),
            companies=pl.Series([["ORG-07"]] * book.height),
            carriers=pl.DataFrame({"carriers": carriers})["carriers"],
        ).write_parquet(file)

    return put


def read(client: "Client", path: str, key: str, **headers: str) -> httpx.Response:
    return client.http.get(path, Authorization=f"Bearer {key}", **headers)


@pytest.mark.parametrize(
    ("business", "end_companies"), [([["ORG-08"]], ["ORG-07"]), ([[]], ["ORG-08"])], ids=["step", "end"]
)
def test_a_limited_key_is_told_no_step_of_others_in_answer_record_or_export_and_it_replays(
    world: "World", make_client: "MakeClient", put_path: Callable[..., None],
    business: list[list[str]], end_companies: list[str],
) -> None:  # fmt: skip
    put_path(business, end_companies)
    key, auditor = limited(world, Role.RISK_OFFICER), limited(world, Role.AUDITOR)
    client = make_client(world.home, world.officer)
    whole = client.score({"party_id": PARTY}).json()
    assert whole["carrier"]["end_id"] == "P0000009"
    assert "other_companies_left_out" not in whole["carrier"]
    answer = client.score({"party_id": PARTY}, Authorization=f"Bearer {key}").json()
    assert answer["pd"] == whole["pd"]
    assert answer["carrier"]["log_odds"] == whole["carrier"]["log_odds"]
    assert (answer["carrier"]["end_id"], answer["carrier"]["edges"]) == (None, [])
    assert answer["carrier"]["other_companies_left_out"] is True
    assert "other_companies_left_out" in [note["code"] for note in answer["quality"]["notes"]]
    decision = answer["decision_id"]
    for reader in (key, auditor):
        record = read(client, f"/v1/decisions/{decision}", reader).json()["decision"]
        assert record["intact"] is True
        assert "basis.paths" in record["left_out"]
        assert "P0000009" not in json.dumps(record)
        assert "ORG-08" not in json.dumps(record)
    exported = read(client, "/v1/decisions/export", auditor, Accept="application/x-ndjson").text
    assert decision in exported
    assert "P0000009" not in exported
    assert "ORG-08" not in exported
    kept = client.deployment.parts.ledger.get(decision).record["basis"]
    assert "P0000009" in json.dumps(kept), "the record is whole"
    url = f"/v1/decisions/{decision}/replay"
    replayed = client.http.post(url, b"", Authorization=f"Bearer {key}").json()
    assert replayed["outcome"] == "identical", replayed


def test_a_limited_key_is_told_a_path_that_is_its_own_and_not_who_else_knows_it(
    world: "World", make_client: "MakeClient", put_path: Callable[..., None]
) -> None:
    put_path([["ORG-07"]], ["ORG-07", "ORG-08"])
    key = limited(world, Role.RISK_OFFICER)
    client = make_client(world.home, key)
    answer = client.score({"party_id": PARTY}).json()
    assert answer["carrier"]["end_id"] == "P0000009"
    assert "other_companies_left_out" not in answer["carrier"]
    record = read(client, f"/v1/decisions/{answer['decision_id']}", key).json()["decision"]["record"]
    assert [one["end_id"] for one in record["basis"]["paths"]] == ["P0000009"]
    assert "ORG-08" not in json.dumps(record)
