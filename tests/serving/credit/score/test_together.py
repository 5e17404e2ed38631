"""Requests that are there together are scored in one call, and each is told what it would be told alone."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graph.errors import UnknownPartyError
from models.errors import AdditivityError
from serving.access.caller import Call, Caller
from serving.credit.score.schemas import ScoreAnswer, ScoreRequest
from serving.credit.score.scorer import CreditScorer
from serving.credit.score.together import Together
from serving.credit.score.writing import Asked, Scored

if TYPE_CHECKING:
    from tests.serving.conftest import Client

CALLER = Caller(Call("request-1", "key", ("risk_officer",)), "n", ("*",))
OF_THE_OCCASION = ("decision_id", "decided_at")
REQUESTS = [
    ScoreRequest(party_id="P0000001"),
    ScoreRequest(features={"debt_ratio": 0.5}),
    ScoreRequest(party_id="P0000002"),
    ScoreRequest(features={"debt_ratio": 0.9}),
]


def said(scored: Scored | Exception) -> dict[str, Any]:
    assert isinstance(scored, Scored), scored
    return ScoreAnswer.model_validate_json(scored.text).model_dump(exclude=set(OF_THE_OCCASION))


async def gathered(together: Together, answerer: Any, requests: Iterable[ScoreRequest]) -> list[Any]:  # noqa: ANN401
    asked = (together.score(answerer, request, CALLER) for request in requests)
    return await asyncio.gather(*asked, return_exceptions=True)


class Counting:
    """A scorer, and how many requests each of its calls had."""

    def __init__(self, scorer: CreditScorer) -> None:
        self.scorer, self.calls = scorer, list[int]()

    def score_all(self, asked: Iterable[Asked]) -> list[Scored | Exception]:
        listed = list(asked)
        self.calls.append(len(listed))
        return self.scorer.score_all(listed)


def test_answers_together_are_those_of_each_alone_bit_for_bit(client: "Client") -> None:
    scorer = client.deployment.parts.scorer()
    together = scorer.score_all([(request, CALLER) for request in REQUESTS])
    alone = [scorer.score(request, CALLER) for request in REQUESTS]
    assert [said(one) for one in together] == [said(one) for one in alone]
    assert len({one["log_odds"] for one in map(said, together)}) > 1


def test_what_is_wrong_with_one_is_told_to_that_one(client: "Client") -> None:
    counting = Counting(client.deployment.parts.scorer())
    requests = [REQUESTS[0], ScoreRequest(party_id="nobody"), REQUESTS[1]]
    first, second, third = asyncio.run(gathered(Together(), counting, requests))
    assert isinstance(second, UnknownPartyError)
    assert (said(first)["party_id"], said(third)["party_id"]) == ("P0000001", None)
    assert counting.calls == [3]


def test_a_row_that_does_not_add_up_is_refused_alone(
    client: "Client", monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = client.deployment.parts.scorer()
    model, wrong = scorer.model, scorer.store.row("P0000002")

    class Broken:
        features, version, scale, explainer = model.features, model.version, model.scale, model.explainer

        def score_matrix(self, x: Any, *, num_threads: int = 1) -> Any:  # noqa: ANN401
            if any(np.array_equal(row, wrong, equal_nan=True) for row in x):
                raise AdditivityError(model.version, 1.0)
            return model.score_matrix(x, num_threads=num_threads)

    monkeypatch.setattr(scorer, "model", Broken())
    found = scorer.score_all([(request, CALLER) for request in REQUESTS])
    assert [isinstance(one, AdditivityError) for one in found] == [False, False, True, False]


def test_many_are_scored_a_few_at_a_time_and_one_waits_for_nobody(client: "Client") -> None:
    counting, together = Counting(client.deployment.parts.scorer()), Together()
    found = asyncio.run(gathered(together, counting, REQUESTS * 5))
    assert [said(one) for one in found[:4]] == [said(one) for one in found[16:]]
    assert counting.calls == [8, 8, 4]
    asyncio.run(gathered(together, counting, REQUESTS[:1]))
    assert counting.calls[3:] == [1]


def test_one_that_goes_away_is_not_scored_and_holds_up_nobody(client: "Client") -> None:
    counting, together = Counting(client.deployment.parts.scorer()), Together()

    async def leave() -> list[Any]:
        tasks = [asyncio.ensure_future(together.score(counting, one, CALLER)) for one in REQUESTS[:2]]
        await asyncio.sleep(0)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    gone, there = asyncio.run(leave())
    assert isinstance(gone, asyncio.CancelledError)
    assert said(there)["party_id"] is None
    assert sum(counting.calls) == 1


def test_a_scorer_that_fails_as_a_whole_is_told_to_all(client: "Client") -> None:
    class Failing:
        def score_all(self, asked: Iterable[Asked]) -> list[Scored | Exception]:
            raise RuntimeError("no")

    found = asyncio.run(gathered(Together(), Failing(), REQUESTS))
    assert [type(one) for one in found] == [RuntimeError] * 4
