"""Whatever acts are tried in whatever order by whomever: no override counts without two persons, no appeal ends by a party to it."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from graph.errors import UserError
from models.credit.policy import Advice
from serving.review import appeal_states, override_states
from serving.review.appeal_schemas import Appeal, AppealOutcome, AppealState, Outcome
from serving.review.override_schemas import CreditOverride, OverrideState, ReasonCode
from serving.review.people import Person, same_name
from serving.review.schemas import Acted, ModelAnswer

NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)
DAY = NOW.date()
NAMES = ("钱经办", "钱 经办", "孙经办", "李审批", "LI Shenpi", "li shenpi")
PEOPLE = st.builds(Person, name=st.sampled_from(NAMES), key_id=st.sampled_from(["k1", "k2", "k3", "k4"]))
MODEL = ModelAnswer(
    decision_id="d1",
    route="credit/score",
    party_id="P1",
    pd=0.1,
    grade="C2",
    advice=Advice.DECLINE,
    decided_by=["grade"],
    hard_stops=[],
    key_id="k0",
    model_version="credit-1",
    policy="p",
    decided_at=NOW,
)


def act(person: Person, at: datetime = NOW) -> Acted:
    return Acted(name=person.name, key_id=person.key_id, at=at, reason="r", record_id="x")


def who(done: Acted) -> Person:
    return Person(name=done.name, key_id=done.key_id)


def pending(asker: Person, until: date) -> CreditOverride:
    return CreditOverride(
        override_id="o1",
        status=OverrideState.PENDING,
        model=MODEL,
        advice=Advice.PASS,
        grade="A1",
        reason_code=ReasonCode.OTHER,
        until=until,
        asked=act(asker),
        answered=None,
        withdrawn=None,
    )


VERBS = st.sampled_from(["approve", "refuse", "withdraw", "withdraw_as_approver", "supersede", "later"])


@given(asker=PEOPLE, steps=st.lists(st.tuples(VERBS, PEOPLE), max_size=12), days=st.integers(0, 5))
def test_override_counts_only_after_another_person_and_key_approved_it_in_time(
    asker: Person, steps: list[tuple[str, Person]], days: int
) -> None:
    held, day = pending(asker, DAY + timedelta(days=days)), DAY
    seen = [held.status]
    for verb, person in steps:
        if verb == "later":
            day += timedelta(days=1)
            continue
        at_hand = override_states.as_of(held, day)
        try:
            match verb:
                case "approve":
                    held = override_states.approved(at_hand, act(person))
                case "refuse":
                    held = override_states.refused(at_hand, act(person))
                case "supersede":
                    held = override_states.superseded(at_hand, "o2")
                case _:
                    approver = verb == "withdraw_as_approver"
                    held = override_states.withdrawn(at_hand, act(person), approver=approver)
        except UserError:
            assert override_states.as_of(held, day) == at_hand  # a refused act leaves no trace
            continue
        assert day <= held.until
        seen.append(held.status)
    now = override_states.as_of(held, day)
    if now.status is OverrideState.ACTIVE:
        assert day <= now.until
    if OverrideState.ACTIVE in seen:
        assert held.answered is not None
        assert not who(held.answered).is_same(asker)
        if held.status is OverrideState.WITHDRAWN:
            assert held.withdrawn is not None
            assert not who(held.withdrawn).is_same(
                asker
            )  # what two put in force takes another than the asker
    assert (held.model, held.asked) == (MODEL, act(asker))
    # pending, then at most one answer, then at most a withdrawal; nothing comes back
    assert len(seen) <= 3
    ended = {OverrideState.REFUSED, OverrideState.WITHDRAWN, OverrideState.SUPERSEDED}
    assert not ended & set(seen[:-1])
    assert seen.count(OverrideState.ACTIVE) <= 1


@given(asker=PEOPLE, other=PEOPLE, until=st.integers(-3, 3))
def test_state_of_an_override_on_a_day_never_goes_back(asker: Person, other: Person, until: int) -> None:
    held = pending(asker, DAY + timedelta(days=until))
    states = [override_states.as_of(held, DAY + timedelta(days=day)).status for day in range(-4, 5)]
    assert states == sorted(states, key=[OverrideState.PENDING, OverrideState.LAPSED].index)
    assert other.is_same(asker) == asker.is_same(other)


def opened(opener: Person) -> Appeal:
    return Appeal(
        appeal_id="a1",
        status=AppealState.OPEN,
        model=MODEL,
        ground="g",
        due_on=DAY + timedelta(days=20),
        due_estimated=False,
        overdue=False,
        late=False,
        opened=act(opener),
        assignee=None,
        assigned=None,
        outcome=None,
        new_advice=None,
        closed=None,
    )


APPEAL_VERBS = st.sampled_from(["assign", "uphold", "change", "withdraw", "later"])


@given(
    opener=PEOPLE,
    first=PEOPLE,
    steps=st.lists(st.tuples(APPEAL_VERBS, PEOPLE, st.sampled_from(NAMES)), max_size=12),
)
def test_appeal_is_decided_once_by_its_assignee_who_had_no_part_in_the_decision(
    opener: Person, first: Person, steps: list[tuple[str, Person, str]]
) -> None:
    held, day, took_part = opened(opener), DAY, [opener, first]
    closings = 0
    for verb, person, assignee in steps:
        if verb == "later":
            day += timedelta(days=9)
            continue
        at_hand = appeal_states.as_of(held, day)
        try:
            match verb:
                case "assign":
                    held = appeal_states.assigned(at_hand, act(person), assignee, took_part)
                case "withdraw":
                    held = appeal_states.withdrawn(at_hand, act(person))
                case _:
                    changed = verb == "change"
                    found = AppealOutcome(
                        outcome=Outcome.CHANGED if changed else Outcome.UPHELD,
                        new_advice=Advice.PASS if changed else None,
                        reason="r",
                    )
                    held = appeal_states.decided(at_hand, act(person), found, took_part)
        except UserError:
            assert appeal_states.as_of(held, day) == at_hand
            continue
        closings += held.status is AppealState.CLOSED
        assert held.due_on == DAY + timedelta(days=20)
    assert closings <= 1
    if held.outcome in (Outcome.UPHELD, Outcome.CHANGED):
        assert held.closed is not None
        assert held.assignee is not None
        assert same_name(held.closed.name, held.assignee)
        assert not any(who(held.closed).is_same(one) for one in took_part)
    assert (held.new_advice is not None) == (held.outcome is Outcome.CHANGED)
    if held.assignee is not None:
        assert not any(same_name(held.assignee, one.name) for one in took_part)
    assert appeal_states.as_of(held, DAY + timedelta(days=21)).overdue == (
        held.status is not AppealState.CLOSED
    )
