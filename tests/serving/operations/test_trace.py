"""Who may continue a trace: a well-formed traceparent; any other begins a new one."""

import pytest

from serving.operations.trace import read_trace

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def counting(size: int) -> bytes:
    return bytes(range(1, size + 1))


def test_a_given_trace_is_continued_under_a_span_of_our_own() -> None:
    trace = read_trace(GIVEN.encode(), counting)
    assert (trace.trace_id, trace.span_id, trace.sampled) == (TRACE, "0102030405060708", True)
    assert trace.header == f"00-{TRACE}-0102030405060708-01".encode()


def test_what_is_not_sampled_stays_unsampled() -> None:
    assert read_trace(GIVEN.encode()[:-2] + b"00", counting).header.endswith(b"-00")


def test_a_later_version_may_append_fields() -> None:
    assert read_trace(f"01{GIVEN[2:]}-what-comes".encode(), counting).trace_id == TRACE


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "00",
        GIVEN.upper(),
        GIVEN + " ",
        " " + GIVEN,
        GIVEN + "\n",
        GIVEN + "-01",
        GIVEN[:-1],
        "ff" + GIVEN[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        GIVEN.replace("4bf", "4bg"),
        f"01{GIVEN[2:]}x",
    ],
)
def test_a_malformed_trace_is_replaced(malformed: str) -> None:
    trace = read_trace(malformed.encode(), counting)
    assert trace.trace_id == bytes(range(1, 17)).hex()


def test_no_trace_begins_one() -> None:
    assert read_trace(None, counting).trace_id == bytes(range(1, 17)).hex()
