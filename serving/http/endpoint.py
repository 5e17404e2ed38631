"""What is said of a route once: its address, who may call it, what goes in and what can come out."""

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from serving.access.roles import Role

__all__ = ["JSON", "Endpoint"]

JSON: Final = "application/json"
_ALWAYS: Final = (400, 405, 431, 500)
_WITH_KEY: Final = (401, 403, 422, 429, 503, 504)
_WITH_BODY: Final = (408, 413, 415, 422)
_WITH_QUERY: Final = (422,)


@dataclass(frozen=True)
class Endpoint:
    """One route: where it lies, who may call it, what goes in and what can come out.

    `accepted` is what a request is answered with (202) where a job was made of it. `consumes` and `produces` are the media
    types that its body and its answer can have, the first where none is asked for. `statuses` are problems of its own:
    those that come with having a key or a body are added (`declared`). What is `cached` has an ETag and can be 304.
    """

    path: str
    method: str
    summary: str
    answer: type[BaseModel]
    request: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    accepted: type[BaseModel] | None = None
    roles: frozenset[Role] = frozenset()
    statuses: tuple[int, ...] = ()
    unready: bool = False
    slow: bool = False
    consumes: tuple[str, ...] = (JSON,)
    produces: tuple[str, ...] = (JSON,)
    cached: bool = False

    @property
    def declared(self) -> tuple[int, ...]:
        """Return every status of a problem that the route can give."""
        given = {
            *self.statuses,
            *_ALWAYS,
            *(_WITH_KEY if self.roles else ()),
            *(_WITH_BODY if self.takes_body else ()),
            *(_WITH_QUERY if self.query else ()),
            *((404,) if "{" in self.path else ()),
            *((406,) if len(self.produces) > 1 else ()),
        }
        return tuple(sorted(given))

    @property
    def takes_body(self) -> bool:
        """Whether a request has a body."""
        return self.request is not None or self.consumes != (JSON,)
