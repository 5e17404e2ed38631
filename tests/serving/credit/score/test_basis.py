"""A record holds all that its answer was computed from: the answer comes again from it, bit for bit."""

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from serving.credit.errors import BasisError, NoFeaturesError
from serving.credit.score.answer import Marks, answer_from
from serving.credit.score.basis import basis_of, inputs_sha256
from serving.credit.sources.feature_store import Sidecar
from serving.ledger.chain import Json, canonical_json
from tests.serving.conftest import GRAPH_SHA256

if TYPE_CHECKING:
    from tests.serving.conftest import Client

QUESTIONS: list[dict[str, object]] = [
    {"party_id": "P0000000"},
    {"party_id": "P0000001", "line": "leasing", "stage": "in_lending"},
    {"party_id": "P0000002", "line": "leasing", "stage": "pre_lending"},
    {"party_id": "P0000004"},
    {"party_id": "P0000005"},
    {"party_id": "P0000007"},
    {"party_id": "P0000008"},
    {"features": {"debt_ratio": 0.1 + 0.2, "degree": None, "lawsuits": -0.0}},
]


def stored(client: "Client", decision_id: str) -> dict[str, Any]:
    """Return a record as the ledger gives it back."""
    found: dict[str, Any] = json.loads(canonical_json(client.deployment.parts.ledger.get(decision_id).record))
    return found


@pytest.mark.parametrize("question", QUESTIONS, ids=json.dumps)
def test_an_answer_comes_again_from_its_record(client: "Client", question: dict[str, object]) -> None:
    given = client.score(question)
    assert given.status_code == 200, given.text
    record = stored(client, given.json()["decision_id"])
    marks = Marks(record["decision_id"], record["request_id"], tuple(record["companies"]))
    again = answer_from(basis_of(record["basis"]), client.deployment.parts.scorer().terms, marks)
    assert again.model_dump_json() == given.text


def test_a_record_says_who_asked_what_and_of_which_versions(client: "Client") -> None:
    answer = client.score({"party_id": "P0000001"}).json()
    record = stored(client, answer["decision_id"])
    assert record["subject"] == "P0000001"
    assert record["companies"] == ["*"]
    assert record["request_id"] == answer["request_id"]
    assert record["request"] == {"party_id": "P0000001", "line": None, "stage": None}
    sources = record["basis"]["sources"]
    assert sources["model_version"] == answer["model_version"]
    assert sources["data_as_of"] == answer["data_as_of"]
    for name in ("features_sha256", "book_sha256", "policy_sha256"):
        assert len(bytes.fromhex(sources[name])) == 32
    assert sources["graph_sha256"] == GRAPH_SHA256, "as the features' file names it"
    assert client.http.get("/readyz").json()["parts"]["graph"]["version"] == GRAPH_SHA256


def test_records_and_features_from_before_the_graphs_hash_are_read(client: "Client") -> None:
    basis = json.loads(
        json.dumps(stored(client, client.score({"party_id": "P0000001"}).json()["decision_id"])["basis"])
    )
    del basis["sources"]["graph_sha256"]
    assert basis_of(basis).sources.graph_sha256 is None
    assert Sidecar(data_as_of=date(2026, 10, 31), features=("a",)).graph_sha256 is None


def test_a_payload_of_features_is_of_no_file(client: "Client") -> None:
    answer = client.score({"features": {"degree": 1.0}}).json()
    record = stored(client, answer["decision_id"])
    sources = record["basis"]["sources"]
    assert record["subject"] == ""
    of_files = ("features_sha256", "book_sha256", "data_as_of", "graph_as_of", "graph_sha256")
    assert {sources[name] for name in of_files} == {None}
    assert record["basis"]["inputs"]["degree"] == 1.0
    assert record["basis"]["inputs"]["lawsuits"] is None


def test_inputs_hash_depends_on_names_and_bits_not_on_their_order() -> None:
    values = np.array([0.1, np.nan, -0.0])
    whole = inputs_sha256(("b", "a", "c"), values)
    assert whole == inputs_sha256(("a", "b", "c"), np.array([np.nan, 0.1, -0.0]))
    assert whole != inputs_sha256(("b", "a", "c"), np.array([0.1, np.nan, 0.0]))
    assert whole != inputs_sha256(("b", "a", "d"), values)
    assert whole != inputs_sha256(("b", "a", "c"), np.array([np.nextafter(0.1, 1), np.nan, -0.0]))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"inputs_sha256": "0" * 64}, "inputs_sha256"),
        ({"standing": "fine"}, "standing"),
        ({"facts": {"party_id": 3}}, "facts.party_id"),
        ({"surplus": 1}, "surplus"),
        ({"decided_at": None}, "decided_at"),
    ],
)
def test_a_changed_basis_is_refused_by_the_name_of_its_field(
    client: "Client", change: dict[str, Json], field: str
) -> None:
    record = stored(client, client.score({"party_id": "P0000001"}).json()["decision_id"])
    with pytest.raises(BasisError) as caught:
        basis_of({**record["basis"], **change})
    assert caught.value.field == field
    assert field in caught.value.zh
    assert field in caught.value.en


def test_inputs_of_another_model_are_refused(client: "Client") -> None:
    record = stored(client, client.score({"party_id": "P0000001"}).json()["decision_id"])
    basis = basis_of(record["basis"])
    with pytest.raises(BasisError, match="inputs"):
        basis.vector(("another",))


def test_a_basis_without_any_input_gives_no_answer(client: "Client") -> None:
    record = stored(client, client.score({"party_id": "P0000001"}).json()["decision_id"])
    features = basis_of(record["basis"]).features
    digest = inputs_sha256(features, np.full(len(features), np.nan))
    nothing = basis_of({**record["basis"], "inputs": dict.fromkeys(features), "inputs_sha256": digest})
    with pytest.raises(NoFeaturesError):
        answer_from(nothing, client.deployment.parts.scorer().terms, Marks("d", "r", ("*",)))
