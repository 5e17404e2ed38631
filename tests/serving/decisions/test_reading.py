"""Who sees which record, paging over many, and the clock that does not run behind the chain: the same in every database."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from serving.access.caller import Call, Caller
from serving.access.roles import Role
from serving.decisions import reading
from serving.decisions.errors import UnknownDecisionError
from serving.decisions.reading import Asked, DecisionReader
from serving.decisions.steady_clock import SteadyClock
from serving.ledger.chain import Json, Ledger
from serving.ledger.database import Database
from serving.listing import Span
from tests.serving.databases import Place

NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def caller(*companies: str, role: Role = Role.AUDITOR) -> Caller:
    return Caller(Call("r" * 8, "k", (role.value,)), "某人", companies)


def fill(ledger: Ledger, companies: Sequence[str], count: int, *, first: int = 0, **more: Json) -> None:
    ledger.append(
        [
            {
                "decision_id": f"{number:032d}",
                "recorded_at": (NOW + timedelta(hours=number)).isoformat(),
                "route": "credit/score",
                "subject": f"P{number % 3}",
                "key_id": "k",
                "companies": list(companies),
                "answer": {"advice": "decline" if number % 2 else "pass"},
                **more,
            }
            for number in range(first, first + count)
        ]
    )


def seqs(reader: DecisionReader, asked: Asked, who: Caller, limit: int = 2) -> list[int]:
    """Return the places of all that fits, read page by page."""
    found: list[int] = []
    page = reader.newest(asked, who, before=None, limit=limit)
    found += [one.seq for one in page.decisions]
    while page.cursor is not None:
        page = reader.newest(asked, who, before=page.cursor, limit=limit)
        found += [one.seq for one in page.decisions]
    return found


def test_only_records_whose_companies_are_all_the_callers_are_seen(database: Database) -> None:
    ledger = Ledger(database)
    for first, companies in enumerate((["ORG-07"], ["ORG-08"], ["ORG-07", "ORG-08"], ["*"], [])):
        fill(ledger, companies, 1, first=first)
    reader = DecisionReader(database, ledger)
    assert seqs(reader, Asked(), caller("ORG-07")) == [1]
    assert seqs(reader, Asked(), caller("ORG-07", "ORG-08")) == [3, 2, 1]
    assert seqs(reader, Asked(), caller("*")) == [5, 4, 3, 2, 1]
    with pytest.raises(UnknownDecisionError):
        reader.get(f"{1:032d}", caller("ORG-07"))
    assert reader.get(f"{0:032d}", caller("ORG-07")).seq == 1


def test_company_that_is_part_of_another_name_is_not_that_company(database: Database) -> None:
    ledger = Ledger(database)
    fill(ledger, ["ORG-1"], 1)
    fill(ledger, ["ORG-11"], 1, first=1)
    reader = DecisionReader(database, ledger)
    assert seqs(reader, Asked(), caller("ORG-1")) == [1]
    assert seqs(reader, Asked(company="ORG-1"), caller("*")) == [1]


def test_order_and_repetition_of_companies_make_no_difference(place: Place, database: Database) -> None:
    ledger = Ledger(database)
    fill(ledger, ["B", "A"], 1)
    fill(ledger, ["A", "B", "A"], 1, first=1)
    again = place.database()
    fill(Ledger(again), ["A", "B"], 1, first=2)  # another process, which knows no scopes yet
    assert seqs(DecisionReader(database, ledger), Asked(), caller("B", "A")) == [3, 2, 1]
    assert ledger.verify().broken is None
    again.close()


def test_filters_hold_together(database: Database) -> None:
    ledger = Ledger(database)
    fill(ledger, ["*"], 4)
    fill(ledger, ["*"], 4, first=4, route="demand/forecast", key_id="k2")
    reader = DecisionReader(database, ledger)
    assert seqs(reader, Asked(route="demand/forecast", subject="P1"), caller("*")) == [8, 5]
    assert seqs(reader, Asked(key_id="k2", route="credit/score"), caller("*")) == []
    assert seqs(reader, Asked(key_id="k2", subject="P0"), caller("*")) == [7]


def test_pages_join_without_gap_or_repeat_however_small_the_windows_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_WINDOW", 3)
    monkeypatch.setattr(reading, "_MOST_WINDOWS", 2)
    ledger = Ledger(database)
    fill(ledger, ["*"], 20)
    reader = DecisionReader(database, ledger)
    everything = list(range(20, 0, -1))
    for limit in (1, 2, 3, 7, 50):
        assert seqs(reader, Asked(), caller("*"), limit) == everything
        rare = seqs(reader, Asked(subject="P0", fields={"advice": "decline"}), caller("*"), limit)
        assert rare == [seq for seq in everything if (seq - 1) % 3 == 0 and (seq - 1) % 2]


def test_days_are_included_at_both_ends(database: Database) -> None:
    ledger = Ledger(database)
    fill(ledger, ["*"], 72)
    day = (NOW + timedelta(hours=30)).astimezone(ZONE).date()
    found = DecisionReader(database, ledger).oldest(
        Span.of(day, day, ZONE), caller("*"), after=0, up_to=100, limit=100
    )
    days = {datetime.fromisoformat(one.recorded_at).astimezone(ZONE).date() for one in found}
    assert (days, len(found)) == ({day}, 24)
    later = DecisionReader(database, ledger).newest(
        Asked(Span.of(date(2027, 1, 1), None, ZONE)), caller("*"), before=None, limit=5
    )
    assert (later.decisions, later.cursor) == ([], None)


def test_officer_sees_no_routes_of_planners(database: Database) -> None:
    ledger = Ledger(database)
    fill(ledger, ["*"], 1)
    fill(ledger, ["*"], 1, first=1, route="demand/forecast")
    reader = DecisionReader(database, ledger)
    assert seqs(reader, Asked(), caller("*", role=Role.RISK_OFFICER)) == [1]
    assert seqs(reader, Asked(), caller("*")) == [2, 1]


def test_clock_behind_the_chain_gives_the_chains_time_and_says_so(database: Database) -> None:
    ledger = Ledger(database)
    given = [NOW]
    clock = SteadyClock(database, lambda: given[0], zone=UTC, tolerance_seconds=5)
    assert (clock.now().at, clock.now().notes) == (NOW, [])
    fill(ledger, ["*"], 3)  # the newest is two hours later
    newest = NOW + timedelta(hours=2)
    moment = clock.now()
    assert (moment.at, [note.code for note in moment.notes]) == (newest, ["clock_behind"])
    given[0] = newest - timedelta(seconds=4)
    assert (clock.now().at, clock.now().notes) == (newest, [])
    given[0] = newest + timedelta(seconds=1)
    assert (clock.now().at, clock.now().notes) == (given[0], [])
