"""W3C trace context: a strict reader of `traceparent`, and what goes out in its place."""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

__all__ = ["Trace", "read_trace"]

# https://www.w3.org/TR/trace-context/#traceparent-header: lower case only; a later version may append fields.
_TRACEPARENT: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})(-.*)?", re.DOTALL)
_FORBIDDEN_VERSION: Final = b"ff"
_FIRST_VERSION: Final = b"00"
_NO_TRACE: Final = b"0" * 32
_NO_SPAN: Final = b"-" + b"0" * 16 + b"-"
_TRACE_BYTES: Final = 16
_SPAN_BYTES: Final = 8
_SAMPLED: Final = 1


class Trace(NamedTuple):
    """The trace that a request belongs to, and the span that answering it is."""

    trace_id: str
    span_id: str
    sampled: bool

    @property
    def header(self) -> bytes:
        """The `traceparent` that the answer carries."""
        return f"00-{self.trace_id}-{self.span_id}-{int(self.sampled):02x}".encode()


def read_trace(given: bytes | None, new_bytes: Callable[[int], bytes]) -> Trace:
    """Continue the caller's trace; where none is given, or a malformed one, begin a trace."""
    span_id = new_bytes(_SPAN_BYTES).hex()
    found = _TRACEPARENT.fullmatch(given) if given else None
    if found is None or not _allowed(found):
        return Trace(new_bytes(_TRACE_BYTES).hex(), span_id, sampled=True)
    return Trace(found[2].decode(), span_id, sampled=bool(int(found[3], 16) & _SAMPLED))


def _allowed(found: "re.Match[bytes]") -> bool:
    version, trace_id, _, more = found.groups()
    if version == _FORBIDDEN_VERSION or (version == _FIRST_VERSION and more is not None):
        return False
    return trace_id != _NO_TRACE and _NO_SPAN not in found[0][:54]
