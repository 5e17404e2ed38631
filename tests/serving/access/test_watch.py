"""Risky use is noted once per window with its record in the chain; auditors see what their companies' keys did."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from serving.access.caller import Call, Caller
from serving.access.errors import RefusedKeyError
from serving.access.identity import Identity
from serving.access.risk_events import RiskEvent, RiskEvents, RiskFilter, RiskKind
from serving.access.watch import Thresholds, Watch
from serving.access.working_hours import WorkingHours
from serving.ledger.chain import Ledger
from serving.ledger.database import Database
from serving.ledger.errors import LedgerUnavailableError
from serving.listing import Page, Span
from tests.serving.databases import Place

if TYPE_CHECKING:
    from tests.serving.conftest import MakeClient, World

HOURS = WorkingHours(8, 20, ZoneInfo("Asia/Shanghai"))
NIGHT = datetime(2026, 11, 2, 15, tzinfo=UTC)  # Monday, 23:00 in Shanghai
MORNING = datetime(2026, 11, 2, 2, tzinfo=UTC)  # Monday, 10:00
THRESHOLDS = Thresholds(3600, rows=100, parties=5, refusals=4, out_of_scope=3)
GROUP = Caller(Call("r", "auditor", ("auditor",)), "审计", ("*",))


def caller(key_id: str = "a", *companies: str) -> Caller:
    return Caller(Call("request-1", key_id, ("risk_officer",), "trace-1"), "王芳", companies or ("ORG-03",))


@dataclass
class Post:
    database: Database
    now: datetime = NIGHT
    seconds: float = 0.0
    watch: Watch = field(init=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.database)
        clock = lambda: self.now  # noqa: E731
        events = RiskEvents(self.database, self.ledger, clock=clock)
        self.watch = Watch(events, THRESHOLDS, HOURS, clock=clock, timer=lambda: self.seconds)

    def seen(self, reader: Caller = GROUP, span: Span = Span(), **wanted: object) -> list[RiskEvent]:  # noqa: B008 - frozen
        page = Page(span, before=None, limit=100)
        found, _ = self.watch.events.page(RiskFilter(**wanted, page=page), reader)  # type: ignore[arg-type]
        return found

    def kinds(self) -> list[RiskKind]:
        return [event.kind for event in self.seen()]


@pytest.fixture
def post(place: Place) -> Iterator[Post]:
    database = place.database()
    database.open()
    yield Post(database)
    database.close()


def test_event_stands_in_the_table_and_in_the_chain(post: Post) -> None:
    post.watch.events.note(RiskKind.BULK_EXPORT, caller(), rows=5000, said={"format": "csv"})
    (event,) = post.seen()
    record = post.ledger.get(event.decision_id).record
    assert (event.kind, event.rows, event.said) == (RiskKind.BULK_EXPORT, 5000, {"format": "csv"})
    assert (event.key_id, event.key_name, event.at) == ("a", "王芳", NIGHT)
    assert record["answer"] == {"kind": "bulk_export", "rows": 5000, "said": {"format": "csv"}}
    assert (record["trace_id"], record["key_id"], record["companies"]) == ("trace-1", "a", ["ORG-03"])
    assert post.ledger.verify().broken is None


def test_mass_scoring_at_night_is_noted_once_per_window(post: Post) -> None:
    post.watch.scored(caller(), 99)
    assert post.kinds() == []
    post.watch.scored(caller(), 1)
    post.watch.scored(caller(), 500)
    assert [(event.kind, event.rows) for event in post.seen()] == [(RiskKind.MASS_SCORING_OFF_HOURS, 100)]
    post.seconds = 3600
    post.watch.scored(caller(), 99)
    assert len(post.seen()) == 1, "a new window counts from nothing"
    post.watch.scored(caller(), 1)
    assert len(post.seen()) == 2


def test_mass_scoring_by_day_is_work(post: Post) -> None:
    post.now = MORNING
    post.watch.scored(caller(), 100_000)
    assert not any(post.watch.asked(caller(), f"P{number}") for number in range(50))
    assert post.kinds() == []


def test_many_different_parties_at_night_are_noted_and_one_party_is_not(post: Post) -> None:
    assert [post.watch.asked(caller(), "P1") for _ in range(50)] == [False] * 50
    due = [post.watch.asked(caller(), f"P{number}") for number in range(10)]
    assert due.index(True) == 4
    assert sum(due) == 1, "once per window"
    post.watch.note_parties(caller())
    assert [(event.kind, event.rows) for event in post.seen()] == [(RiskKind.MANY_PARTIES_OFF_HOURS, 5)]
    assert "P1" not in repr(post.watch._windows)


def test_many_refusals_are_noted_at_any_hour(post: Post) -> None:
    post.now = MORNING
    for _ in range(3):
        post.watch.refused(caller())
        post.watch.refused(caller("b"))
    assert post.kinds() == []
    post.watch.refused(caller())
    post.watch.refused(caller())
    assert [(event.kind, event.key_id) for event in post.seen()] == [(RiskKind.MANY_REFUSALS, "a")]


def test_tries_at_others_companies_count_when_they_differ(post: Post) -> None:
    for _ in range(3):
        post.watch.refused(caller("a"), "one address", outside=True)
    assert post.kinds() == []
    for number in range(3):
        post.watch.refused(caller("b"), f"address {number}", outside=True)
    assert (RiskKind.MANY_OUT_OF_SCOPE, "b") in [(event.kind, event.key_id) for event in post.seen()]


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("withdrawn", RiskKind.WITHDRAWN_KEY_USED),
        ("expired", RiskKind.EXPIRED_KEY_USED),
        ("rotated", RiskKind.ROTATED_KEY_USED),
    ],
)
def test_use_of_a_key_that_ended_is_noted_once(post: Post, cause: str, kind: RiskKind) -> None:
    error = RefusedKeyError(Identity("a", "t", frozenset(), ("ORG-03",)), cause)
    for _ in range(3):
        post.watch.invalid(error, caller())
    assert post.kinds() == [kind]


def test_auditor_sees_keys_of_own_companies_alone(post: Post) -> None:
    for companies in (("ORG-03",), ("ORG-04",), ("ORG-03", "ORG-04"), ("*",)):
        post.watch.events.note(RiskKind.BULK_EXPORT, caller("-".join(companies), *companies), rows=1)
    own = Caller(Call("r", "auditor", ("auditor",)), "审计", ("ORG-03",))
    assert [event.companies for event in post.seen(own)] == [("ORG-03",)]
    assert len(post.seen()) == 4


def test_pages_hold_every_event_once_whatever_is_hidden_between(post: Post) -> None:
    for number in range(450):
        post.watch.events.note(
            RiskKind.BULK_EXPORT, caller("a", "ORG-03" if number % 3 else "ORG-04"), rows=number
        )
    own = Caller(Call("r", "auditor", ("auditor",)), "审计", ("ORG-03",))
    rows: list[int | None] = []
    before: int | None = None
    while True:
        found, before = post.watch.events.page(RiskFilter(page=Page(Span(), before, 70)), own)
        rows += [event.rows for event in found]
        if before is None:
            break
        assert len(found) == 70
    assert rows == [number for number in reversed(range(450)) if number % 3]


def test_filters_cut_by_kind_key_and_time(post: Post) -> None:
    post.watch.events.note(RiskKind.BULK_EXPORT, caller("a"), rows=1)
    post.now = MORNING.replace(day=3)
    post.watch.events.note(RiskKind.MANY_REFUSALS, caller("b"), rows=2)
    assert [event.rows for event in post.seen(kind=RiskKind.BULK_EXPORT)] == [1]
    assert [event.rows for event in post.seen(key_id="b")] == [2]
    assert [event.rows for event in post.seen(span=Span(since=post.now))] == [2]
    assert [event.rows for event in post.seen(span=Span(before=post.now))] == [1]
    day, zone = date(2026, 11, 3), ZoneInfo("Asia/Shanghai")
    assert [event.rows for event in post.seen(span=Span.of(day, day, zone))] == [2]


# A server that is away is what the ledger's own tests try.
@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_cannot_be_noted_is_logged_and_an_export_is_refused(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.database.close()
    post.database.path.rename(post.database.path.with_suffix(".gone"))
    post.database.path.mkdir()
    for _ in range(4):
        post.watch.refused(caller())
    assert "many_refusals" in caplog.text
    assert "王芳" not in caplog.text
    with pytest.raises(LedgerUnavailableError):
        post.watch.events.note(RiskKind.BULK_EXPORT, caller(), rows=1)


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (datetime(2025, 9, 29, 0, tzinfo=UTC), True),  # Monday 08:00
        (datetime(2025, 9, 28, 23, 59, tzinfo=UTC), False),  # Monday 07:59
        (datetime(2025, 9, 29, 12, tzinfo=UTC), False),  # Monday 20:00
        (datetime(2025, 10, 2, 2, tzinfo=UTC), False),  # National Day, a Thursday
        (datetime(2025, 10, 11, 2, tzinfo=UTC), True),  # a Saturday that is worked
        (datetime(2025, 10, 18, 2, tzinfo=UTC), False),  # a Saturday that is not
        (datetime(2150, 1, 5, 2, tzinfo=UTC), True),  # a Monday that no calendar knows
        (datetime(2150, 1, 4, 2, tzinfo=UTC), False),  # a Sunday
    ],
)
def test_working_hours_are_those_of_the_state_councils_calendar(moment: datetime, inside: bool) -> None:
    assert HOURS.contain(moment) is inside


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("first", [1, 4, 7])
def test_twice_a_threshold_is_noted_however_two_windows_divide_it(post: Post, first: int) -> None:
    for done in range(2 * THRESHOLDS.refusals):
        post.seconds = 0 if done == 0 else THRESHOLDS.seconds - (1 if done < first else 0)
        post.watch.refused(caller())
    assert RiskKind.MANY_REFUSALS in post.kinds()


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_less_may_be_divided_so_that_no_window_notes_it(post: Post) -> None:
    """A limit that docs/access.md tells: windows follow each other and do not slide."""
    for post.seconds in (0, 3599, 3599, 3600, 3601, 3601):
        post.watch.refused(caller())
    assert post.kinds() == []


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 200])
def test_what_reaches_a_threshold_over_all_workers_reaches_the_share_of_one(workers: int) -> None:
    share = THRESHOLDS.share(workers)
    for whole, part in (
        (THRESHOLDS.rows, share.rows),
        (THRESHOLDS.parties, share.parties),
        (THRESHOLDS.refusals, share.refusals),
        (THRESHOLDS.out_of_scope, share.out_of_scope),
    ):
        assert part >= 1
        assert workers * (part - 1) < whole, "spread evenly below the share it is below the threshold"
    assert (share.seconds, share.workers) == (THRESHOLDS.seconds, workers)


def test_features_sent_to_be_scored_at_night_count_as_mass_scoring(
    world: "World", make_client: "MakeClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WorkingHours, "contain", lambda *_: False)
    client = make_client(world.home, world.officer, watch_rows=4)
    events = client.deployment._access.watch.events

    def noted() -> list[tuple[RiskKind, int | None]]:
        found, _ = events.page(RiskFilter(page=Page(Span(), before=None, limit=9)), GROUP)
        return [(event.kind, event.rows) for event in found]

    def what_if(asked: object) -> None:
        headers = {"Authorization": f"Bearer {client.key}", "Content_Type": "application/json"}
        told = client.http.post("/v1/credit/what-if", json.dumps(asked).encode(), **headers)
        assert told.status_code == 200, told.text

    for _ in range(5):
        assert client.score({"party_id": "P0000000"}).status_code == 200, "a party that is there is no try"
    assert client.score({"features": {"debt_ratio": 0.5}}).status_code == 200
    what_if({"features": {"debt_ratio": 0.5}, "changes": {"debt_ratio": 0.6}})
    what_if({"party_id": "P0000000", "changes": {"debt_ratio": 0.6}})
    assert noted() == []
    assert client.score({"features": {"debt_ratio": 0.7}}).status_code == 200
    assert noted() == [(RiskKind.MASS_SCORING_OFF_HOURS, 4)]
