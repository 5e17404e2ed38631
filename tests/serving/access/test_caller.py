"""What is of several companies is shown to who is for all of them; what is of none in particular, to the whole group."""

import pytest

from serving.access.caller import Call, Caller


def caller(*companies: str) -> Caller:
    return Caller(Call("request-1", "key-1", ("auditor",)), "审计", companies)


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        (("ORG-07",), True),
        (("ORG-08", "ORG-07"), True),
        (("ORG-07", "ORG-09"), False),
        (("*",), False),
        ((), False),
        (None, False),
    ],
)
def test_caller_covers_what_is_of_its_companies_alone(named: tuple[str, ...] | None, *, seen: bool) -> None:
    assert caller("ORG-07", "ORG-08").covers(named) is seen
    assert caller("*").covers(named) is True
    assert caller().covers(named) is False
