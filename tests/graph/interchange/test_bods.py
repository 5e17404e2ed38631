"""Import of the Beneficial Ownership Data Standard 0.4."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.edges import EDGE_SCHEMA, visible
from graph.errors import InterchangeFileError
from graph.interchange.bods import read_bods
from graph.interchange.imported import Imported
from graph.parties import PARTY_SCHEMA, parties_as_of

Statement = dict[str, object]
_CODE = "91350100M000100Y43"  # the worked example of GB 32100-2015


def _statement(kind: str, record: str, details: Statement, said_on: str, **other: object) -> Statement:
    statement: Statement = {
        "statementId": other.pop("statement_id", f"{record}-{said_on}"),
        "declarationSubject": "e-target",
        "statementDate": said_on,
        "publicationDetails": {
            "publicationDate": other.pop("published", said_on),
            "bodsVersion": "0.4",
            "publisher": {"name": "示例登记机关"},
        },
        "source": {"type": ["officialRegister"]},
        "recordId": record,
        "recordType": kind,
        "recordStatus": other.pop("status", "new"),
        "recordDetails": {"isComponent": False, **details},
    }
    return {**statement, **other}


def entity(record: str, name: str, said_on: str = "2020-01-10", **other: object) -> Statement:
    details: Statement = {
        "entityType": {"type": other.pop("form", "registeredEntity")},
        "name": name,
        "identifiers": other.pop("identifiers", []),
    }
    return _statement("entity", record, details, said_on, **other)


def person(record: str, name: str | None, said_on: str = "2020-01-10", **other: object) -> Statement:
    names = [{"type": "former", "fullName": "旧名"}, {"type": "legal", "fullName": name}] if name else []
    details: Statement = {"personType": "knownPerson" if name else "anonymousPerson", "names": names}
    if name is None:
        details["unspecifiedPersonDetails"] = {"reason": "interestedPartyExemptFromDisclosure"}
    return _statement("person", record, details, said_on, **other)


def relationship(interests: list[Statement], said_on: str = "2020-01-10", **other: object) -> Statement:
    details: Statement = {
        "interestedParty": other.pop("party", "p-1"),
        "subject": other.pop("subject", "e-1"),
        "interests": interests,
    }
    record = str(other.pop("record", "r-1"))
    return _statement("relationship", record, details, said_on, **other)


def holding(exact: float | None = None, kind: str = "shareholding", **other: object) -> Statement:
    share = {} if exact is None else {"share": {"exact": exact}}
    return {"type": kind, "directOrIndirect": "direct", **share, **other}


PARTIES = [entity("e-1", "甲公司"), person("p-1", "张三")]


def read(folder: Path, *statements: Statement) -> Imported:
    path = folder / "bods.json"
    path.write_text(json.dumps([*PARTIES, *statements], ensure_ascii=False), encoding="utf-8")
    return read_bods(path)


def seen(result: Imported, as_of: date, valid_on: date | None = None) -> list[tuple[object, ...]]:
    shown = visible(result.edges, as_of, valid_on).sort("edge_id").collect()
    return shown.select("src", "dst", "kind", "share", "voting").rows()


def test_a_declared_holding_becomes_an_edge_known_when_it_was_published(tmp_path: Path) -> None:
    interests = [holding(60, startDate="2015-03-01"), holding(75, "votingRights", startDate="2015-03-01")]
    result = read(tmp_path, relationship(interests, "2020-01-10", published="2020-02-01"))
    assert result.left_out.is_empty()
    assert result.edges.schema == EDGE_SCHEMA
    assert result.parties.schema == PARTY_SCHEMA
    edge = result.edges.row(0, named=True)
    assert edge["valid_from"] == date(2015, 3, 1)
    assert edge["known_at"] == date(2020, 2, 1)
    assert (edge["source"], edge["confidence"], edge["direct"]) == ("示例登记机关", 1.0, True)
    assert seen(result, date(2020, 1, 31)) == []
    assert seen(result, date(2020, 2, 1)) == [("p-1", "e-1", "owns", 0.6, 0.75)]


def test_json_lines_read_like_an_array(tmp_path: Path) -> None:
    statements = [*PARTIES, relationship([holding(30)])]
    lines, array = tmp_path / "bods.jsonl", tmp_path / "bods.json"
    lines.write_text("\n\n".join(json.dumps(said) for said in statements), encoding="utf-8")
    array.write_text(json.dumps(statements), encoding="utf-8")
    assert read_bods(lines).edges.equals(read_bods(array).edges)
    assert read_bods(lines).parties.equals(read_bods(array).parties)


def test_parties_carry_kind_legal_name_and_a_valid_credit_code(tmp_path: Path) -> None:
    codes = [{"id": "91350100M000100Y44"}, {"id": _CODE.lower(), "schemeName": "统一社会信用代码"}]
    result = read(
        tmp_path,
        entity("e-2", "乙公司", identifiers=codes),
        entity("e-3", "财政局", form="stateBody"),
        entity("e-4", "家族信托", form="arrangement"),
    )
    rows = result.parties.select("party_id", "kind", "name", "credit_code").rows()
    assert rows == [
        ("e-1", "company", "甲公司", None),
        ("e-2", "company", "乙公司", _CODE),
        ("e-3", "government", "财政局", None),
        ("e-4", "fund", "家族信托", None),
        ("p-1", "person", "张三", None),
    ]


def test_prefix_keeps_publishers_apart(tmp_path: Path) -> None:
    path = tmp_path / "bods.json"
    path.write_text(json.dumps([*PARTIES, relationship([holding(30)])]), encoding="utf-8")
    result = read_bods(path, prefix="gb:")
    assert result.parties["party_id"].to_list() == ["gb:e-1", "gb:p-1"]
    assert result.edges.select("edge_id", "src", "dst").row(0) == (
        "gb:r-1#owns:shareholding",
        "gb:p-1",
        "gb:e-1",
    )


def test_an_update_from_a_later_day_keeps_what_held_before(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        relationship([holding(30)], "2020-01-10"),
        relationship([holding(55)], "2022-06-01", status="updated"),
    )
    assert seen(result, date(2022, 5, 31)) == [("p-1", "e-1", "owns", 0.3, None)]
    assert seen(result, date(2022, 6, 1)) == [("p-1", "e-1", "owns", 0.55, None)]
    assert seen(result, date(2023, 1, 1), date(2021, 1, 1)) == [("p-1", "e-1", "owns", 0.3, None)]
    assert result.edges["edge_id"].n_unique() == 1


def test_an_update_of_the_same_period_is_a_correction(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        relationship([holding(30, startDate="2018-01-01")], "2020-01-10"),
        relationship([holding(35, startDate="2018-01-01")], "2022-06-01", status="updated"),
    )
    assert result.edges["retracted_at"].to_list() == [date(2022, 6, 1), None]
    assert seen(result, date(2021, 1, 1)) == [("p-1", "e-1", "owns", 0.3, None)]
    assert seen(result, date(2023, 1, 1), date(2019, 1, 1)) == [("p-1", "e-1", "owns", 0.35, None)]


def test_a_repeated_claim_adds_no_row(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        relationship([holding(30)], "2020-01-10"),
        relationship([holding(30)], "2021-01-10", status="updated"),
    )
    assert result.edges.height == 1
    assert result.edges["valid_from"].to_list() == [date(2020, 1, 10)]


def test_an_interest_no_longer_declared_ends(tmp_path: Path) -> None:
    both: list[Statement] = [holding(30), {"type": "appointmentOfBoard"}]
    result = read(
        tmp_path,
        relationship(both, "2020-01-10"),
        relationship([holding(30)], "2021-05-01", status="updated"),
    )
    before, after = date(2021, 4, 30), date(2021, 5, 1)
    assert {row[2] for row in seen(result, before)} == {"owns", "controls"}
    assert {row[2] for row in seen(result, after)} == {"owns"}
    assert {row[2] for row in seen(result, after, before)} == {"owns", "controls"}


@pytest.mark.parametrize(
    ("interests", "last_day"),
    [
        ([], date(2021, 12, 31)),
        ([holding(30)], date(2021, 12, 31)),
        ([holding(30, endDate="2021-09-30")], date(2021, 9, 29)),
        ([holding(30, endDate="2021-09")], date(2021, 8, 31)),
    ],
)
def test_a_closed_record_ends_its_interests(
    tmp_path: Path, interests: list[Statement], last_day: date
) -> None:
    result = read(
        tmp_path,
        relationship([holding(30)], "2020-01-10"),
        relationship(interests, "2022-01-01", status="closed"),
    )
    assert len(seen(result, date(2021, 12, 31))) == 1
    assert seen(result, date(2022, 1, 1)) == []
    assert len(seen(result, date(2022, 1, 1), last_day)) == 1
    assert seen(result, date(2022, 1, 1), date.fromordinal(last_day.toordinal() + 1)) == []


def test_a_history_published_on_one_day_is_kept(tmp_path: Path) -> None:
    day = "2024-01-01"
    result = read(
        tmp_path,
        relationship([holding(20)], "2010-01-01", published=day),
        relationship([holding(40)], "2015-01-01", published=day, status="updated"),
        relationship([holding(60)], "2020-01-01", published=day, status="updated"),
    )
    as_of = date(2024, 1, 1)
    for year, share in ((2012, 0.2), (2017, 0.4), (2022, 0.6)):
        assert seen(result, as_of, date(year, 6, 1)) == [("p-1", "e-1", "owns", share, None)]


def test_a_record_that_turns_to_another_party_ends_the_old_edge(tmp_path: Path) -> None:
    both: list[Statement] = [holding(30), {"type": "appointmentOfBoard"}]
    result = read(
        tmp_path,
        person("p-2", "李四"),
        relationship(both, "2020-01-10"),
        relationship(both, "2021-01-10", status="updated", party="p-2"),
    )
    for as_of, party in ((date(2020, 6, 1), "p-1"), (date(2021, 6, 1), "p-2")):
        shown = {row[:3] for row in seen(result, as_of)}
        assert shown == {(party, "e-1", "owns"), (party, "e-1", "controls")}


def test_a_renamed_party_has_two_versions(tmp_path: Path) -> None:
    result = read(tmp_path, entity("e-1", "甲控股", "2023-01-01", status="updated"))
    assert parties_as_of(result.parties, date(2022, 1, 1))["name"].to_list() == ["甲公司", "张三"]
    assert parties_as_of(result.parties, date(2023, 1, 1))["name"].to_list() == ["甲控股", "张三"]


def test_what_cannot_be_carried_is_reported(tmp_path: Path) -> None:
    unspecified = {"reason": "subjectUnableToConfirmOrIdentifyBeneficialOwner"}
    cases = {
        "unspecified_party": relationship([holding(30)], record="r-a", party=unspecified),
        "unknown_party": relationship([holding(30)], record="r-b", subject="e-99"),
        "self_loop": relationship([holding(30)], record="r-c", party="e-1"),
        "share_out_of_range": relationship([holding(130)], record="r-d"),
        "unknown_interest_type": relationship([{"type": "friendship"}], record="r-e"),
        "bad_date": relationship([holding(30, startDate="12/03/2015")], record="r-f"),
        "empty_period": relationship([holding(30, startDate="2019", endDate="2019")], record="r-g"),
        "closed_party": entity("e-1", "甲公司", "2021-01-01", status="closed"),
    }
    result = read(tmp_path, *cases.values())
    assert result.edges.is_empty()
    assert result.left_out["problem"].to_list() == list(cases)
    assert result.left_out["line"].to_list() == list(range(3, 3 + len(cases)))
    assert result.left_out["statement_id"].to_list() == [said["statementId"] for said in cases.values()]
    assert "130" in result.left_out["zh"][3]
    assert "130" in result.left_out["en"][3]


def test_anonymous_person_is_carried_without_name_and_reported(tmp_path: Path) -> None:
    result = read(tmp_path, person("p-9", None), relationship([holding(30)], party="p-9"))
    assert seen(result, date(2021, 1, 1)) == [("p-9", "e-1", "owns", 0.3, None)]
    assert result.left_out["problem"].to_list() == ["unspecified_party"]
    assert result.parties.filter(pl.col("party_id") == "p-9")["name"].to_list() == [None]


@pytest.mark.parametrize("name", ["statementId", "recordId", "recordType", "recordDetails"])
def test_a_statement_without_a_needed_field_is_left_out(tmp_path: Path, name: str) -> None:
    said = relationship([holding(30)])
    del said[name]
    result = read(tmp_path, said)
    assert result.edges.is_empty()
    assert result.left_out.select("line", "problem").rows() == [(3, "missing_field")]
    assert name in result.left_out["en"][0]


def test_a_statement_id_given_again_is_left_out(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        relationship([holding(30)], statement_id="s-1"),
        relationship([holding(90)], statement_id="s-1"),
    )
    assert result.edges["share"].to_list() == [0.3]
    assert result.left_out["problem"].to_list() == ["repeated_statement"]


def test_publication_date_stands_in_for_a_missing_statement_date(tmp_path: Path) -> None:
    said = relationship([holding(30)], published="2021-03-04T08:00:00Z")
    del said["statementDate"]
    assert read(tmp_path, said).edges["valid_from"].to_list() == [date(2021, 3, 4)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", None),
        ("  \n ", None),
        ('[{"statementId": "a",}]', 1),
        ('{"statementId": "a"}\n{"statementId": \n', 2),
        ('{"statementId": "a"}\n[1]\n', 2),
        ('[{"recordType": "entity"}, 7]', 2),
        ('[{"statementType": "entityStatement", "statementID": "x"}]', 1),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "bods.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InterchangeFileError) as refused:
        read_bods(path)
    assert refused.value.line == line
    assert str(path) in refused.value.zh


def test_a_missing_file_and_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InterchangeFileError, match="cannot be opened"):
        read_bods(tmp_path / "none.json")
    path = tmp_path / "gbk.json"
    path.write_bytes('[{"name": "甲公司"}]'.encode("gbk"))
    with pytest.raises(InterchangeFileError, match="UTF-8"):
        read_bods(path)


@pytest.mark.parametrize("text", ["[]", '{"statementType": "x", "recordType": "y"}'])
def test_a_byte_order_mark_is_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bods.json"
    path.write_text(f"\ufeff\n{text}", encoding="utf-8")
    assert read_bods(path).edges.is_empty()


def test_an_empty_array_is_an_empty_import(tmp_path: Path) -> None:
    path = tmp_path / "bods.json"
    path.write_text("[]", encoding="utf-8")
    result = read_bods(path)
    assert (result.parties.height, result.edges.height, result.left_out.height) == (0, 0, 0)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=True) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIELDS = (
    [(name,) for name in relationship([])]
    + [("recordDetails", name) for name in ("interestedParty", "subject", "interests")]
    + [("publicationDetails", name) for name in ("publicationDate", "publisher")]
    + [("source", "type")]
)
INTEREST_FIELDS = st.sampled_from([*holding(1), "startDate", "endDate", "beneficialOwnershipOrControl"])


@settings(max_examples=150)
@given(st.sampled_from(FIELDS), INTEREST_FIELDS, ANYTHING, ANYTHING)
def test_no_content_breaks_the_import(
    tmp_path_factory: pytest.TempPathFactory, field: tuple[str, ...], part: str, value: object, inner: object
) -> None:
    said = relationship([{**holding(30), part: inner}])
    holder = said
    for name in field[:-1]:
        holder = holder[name]  # type: ignore[assignment]
    holder[field[-1]] = value
    named = entity("e-2", "乙")
    named["recordDetails"][part] = inner  # type: ignore[index]
    named["recordDetails"]["identifiers"] = value  # type: ignore[index]
    result = read(tmp_path_factory.mktemp("bods"), said, named)
    assert result.edges.height + result.left_out.height >= 1


DAYS = st.dates(date(2020, 1, 1), date(2020, 1, 8))
CLAIMS = st.lists(
    st.builds(
        lambda share, start: holding(share, **({"startDate": str(start)} if start else {})),
        st.sampled_from([10, 20, 30]),
        st.none() | DAYS,
    ),
    max_size=1,
)
HISTORIES = st.lists(
    st.tuples(DAYS, DAYS, CLAIMS, st.sampled_from(["updated", "closed"])), min_size=1, max_size=6
)


@settings(max_examples=25)
@given(HISTORIES)
def test_any_history_shows_one_holding_at_most_and_no_later_knowledge(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[date, date, list[Statement], str]]
) -> None:
    statements = [
        relationship(
            interests, str(said), published=str(max(said, known)), status=status, statement_id=f"s-{place}"
        )
        for place, (said, known, interests, status) in enumerate(history)
    ]
    folder = tmp_path_factory.mktemp("bods")
    whole = read(folder, *statements)
    for number in range(1, 10):
        as_of = date(2020, 1, number)
        by_then = [said for said in statements if said["publicationDetails"]["publicationDate"] <= str(as_of)]  # type: ignore[index]
        then = read(folder, *by_then)
        for day in (date(2020, 1, 1), date(2020, 1, 5), date(2020, 1, 9)):
            shown = [row for row in seen(whole, as_of, day) if row[2] == "owns"]
            assert len(shown) <= 1
            assert shown == [row for row in seen(then, as_of, day) if row[2] == "owns"]


DATED = st.tuples(
    st.integers(1, 8), st.integers(0, 3), st.sampled_from([None, 10, 20, 30]), st.integers(1, 8)
)
STATUS = st.sampled_from(["updated", "updated", "closed"])


def january(day: int) -> date:
    return date(2020, 1, day)


def painted(
    history: list[tuple[tuple[int, int, int | None, int], str]], as_of: int, day: int
) -> float | None:
    """Paint what each statement says over what was said before, in the order they became known."""
    shown: dict[int, float | None] = {}
    order = sorted((said + delay, said, place) for place, ((said, delay, _, _), _) in enumerate(history))
    for known, said, place in order:
        (_, _, share, start), status = history[place]
        if known > as_of:
            break
        if share is not None:
            shown |= dict.fromkeys(range(start, 15), share / 100)
        if share is None or status == "closed":
            shown |= dict.fromkeys(range(said, 15))
    return shown.get(day)


@settings(max_examples=40)
@given(st.lists(st.tuples(DATED, STATUS), min_size=1, max_size=6))
def test_dated_histories_show_what_was_said_last_of_each_day(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[tuple[int, int, int | None, int], str]]
) -> None:
    # Another interest that is always there, so that an update without the holding does not mean an unknown one.
    board: Statement = {"type": "appointmentOfBoard", "startDate": "2019-01-01"}
    statements = [
        relationship(
            [board] if share is None else [board, holding(share, startDate=str(january(start)))],
            str(january(said)),
            published=str(january(said + delay)),
            status=status,
            statement_id=f"s-{place}",
        )
        for place, ((said, delay, share, start), status) in enumerate(history)
    ]
    result = read(tmp_path_factory.mktemp("bods"), *statements)
    for as_of in {said + delay for (said, delay, _, _), _ in history}:
        for day in range(1, 10):
            shown = [row[3] for row in seen(result, january(as_of), january(day)) if row[2] == "owns"]
            expected = painted(history, as_of, day)
            assert shown == ([] if expected is None else [expected])
