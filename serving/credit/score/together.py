"""Score requests that are there at the same time in one call of the model, which costs far less than a call for each."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

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
    """Gathers what comes within one turn of an event loop; nobody waits for a clock, and one request alone for nobody."""

    def __init__(self) -> None:
        # A service has one loop; whoever has several, such as a test of threads, gathers in each for itself.
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, deque[_Waiting]] = WeakKeyDictionary()

    async def score(self, answerer: Answerer, request: ScoreRequest, caller: Caller) -> Scored:
        """Answer a request. Raises what `answerer` says of it."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(answerer, (request, caller), loop.create_future())
        gathered = self._waiting.setdefault(loop, deque())
        gathered.append(waiting)
        if len(gathered) == 1:
            loop.call_soon(_score_some, gathered)
        return await waiting.scored


def tried(work: Callable[[*Given], Found], *given: *Given) -> Found | Exception:
    """Return what the work gives, or its error."""
    try:
        return work(*given)
    except Exception as error:  # noqa: BLE001 - whoever asked is told, and nobody else
        return error


def _score_some(gathered: deque[_Waiting]) -> None:
    taken: list[_Waiting] = []
    while gathered and len(taken) < _MOST:
        taken.append(gathered.popleft())
    if gathered:
        asyncio.get_running_loop().call_soon(_score_some, gathered)
    taken = [one for one in taken if not one.scored.done()]  # whoever went away needs no answer
    for answerer in {id(one.answerer): one.answerer for one in taken}.values():
        ones = [one for one in taken if one.answerer is answerer]
        _tell(ones, answerer)


def _tell(ones: list[_Waiting], answerer: Answerer) -> None:
    found = tried(answerer.score_all, [one.asked for one in ones])
    answers = [found] * len(ones) if isinstance(found, Exception) else found
    for one, scored in zip(ones, answers, strict=True):
        if isinstance(scored, Exception):
            one.scored.set_exception(scored)
        else:
            one.scored.set_result(scored)
