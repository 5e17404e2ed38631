"""Score requests that are there at the same time in one call of the model, which costs far less than a call for each."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, TypeVarTuple

from serving.access.caller import Caller
from serving.credit.score.schemas import ScoreRequest
from serving.credit.score.writing import Asked, Scored

__all__ = ["Answerer", "Together", "tried"]

# More gain little, and the first would wait for the last: commits go on meanwhile.
_MOST: Final = 8


Given = TypeVarTuple("Given")
Found = TypeVar("Found")


class Answerer(Protocol):
    """Who scores: the model, or the rules alone."""

    def score_all(self, asked: Iterable[Asked]) -> list[Scored | Exception]:
        """Answer each request, or say what is wrong with it; one does not change what another is told."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    answerer: Answerer
    asked: Asked
    scored: "asyncio.Future[Scored]"


class Together:
    """Gathers what comes within one turn of the event loop; nobody waits for a clock, and one request alone for nobody.

    For one event loop at a time.
    """

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def score(self, answerer: Answerer, request: ScoreRequest, caller: Caller) -> Scored:
        """Answer a request. Raises what `answerer` says of it."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._waiting.clear()  # who waited in a loop that ended waits no more
            self._loop = loop
        waiting = _Waiting(answerer, (request, caller), loop.create_future())
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            loop.call_soon(self._score_some)
        return await waiting.scored

    def _score_some(self) -> None:
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < _MOST:
            taken.append(self._waiting.popleft())
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._score_some)
        taken = [one for one in taken if not one.scored.done()]  # whoever went away needs no answer
        for answerer in {id(one.answerer): one.answerer for one in taken}.values():
            ones = [one for one in taken if one.answerer is answerer]
            _tell(ones, answerer)


def tried(work: Callable[[*Given], Found], *given: *Given) -> Found | Exception:
    """Return what the work gives, or its error."""
    try:
        return work(*given)
    except Exception as error:  # noqa: BLE001 - whoever asked is told, and nobody else
        return error


def _tell(ones: list[_Waiting], answerer: Answerer) -> None:
    found = tried(answerer.score_all, [one.asked for one in ones])
    answers = [found] * len(ones) if isinstance(found, Exception) else found
    for one, scored in zip(ones, answers, strict=True):
        if isinstance(scored, Exception):
            one.scored.set_exception(scored)
        else:
            one.scored.set_result(scored)
