"""The issue's list of bad input: where each is tested, and that each is said with field, rule and remedy in both languages."""

import ast
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import polars as pl
import pytest
import xlsxwriter

from models.credit.model import CreditModel
from serving.access.roles import Role
from tests.contract.contract_app import GROUP, ContractApp, open_app
from tests.contract.group_data import OUR_PARTY, OURS, THEIR_PARTY
from tests.contract.made_things import Made, make_things

TESTS: Final = Path(__file__).parent.parent
SCORE, SCORES = "/v1/credit/score", "/v1/credit/scores"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HTTP, REVIEW, UPLOADS = "serving/http/", "serving/review/", "serving/uploads/test_reading.py"
SQL: Final = (
    "P1'; DROP TABLE decisions; --",
    "' OR '1'='1",
    'P1" UNION SELECT secret_hash FROM api_keys',
    "P1%",
    "P_______",
)
PATHS: Final = (
    "../../ledger.db",
    "..\\ledger.db",
    "/etc/passwd",
    "C:\\book.xlsx",
    "answers.json\x00.csv",
    "....//ledger.db",
)

WHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "unknown field": (
        f"{HTTP}test_every_post.py::test_bodies_that_are_none_are_named",
        "serving/credit/books/test_books.py::test_an_unknown_column_is_refused_with_the_name_that_is_near",
    ),
    "wrong unit": (
        "serving/credit/books/test_rows.py::test_values_out_of_range_are_named_with_the_range",
        "serving/capacity/test_capacity_plan.py::test_units_that_differ_are_named",
    ),
    "NaN and infinity in JSON": (f"{HTTP}test_every_post.py::test_every_field_of_every_request_refuses_what_is_no_value",),
    "numbers as text": (f"{HTTP}test_every_post.py::test_numbers_as_text_are_refused_in_every_field",),
    "huge numbers": (f"{HTTP}test_every_post.py::test_every_field_of_every_request_refuses_what_is_no_value",),
    "deep nesting": (f"{HTTP}test_every_post.py::test_bodies_that_are_none_are_named",),
    "1 GB body": (
        f"{HTTP}test_raw_clients.py::test_a_gigabyte_that_is_announced_is_refused_before_it_is_sent",
        f"{HTTP}test_raw_clients.py::test_chunks_without_end_are_refused",
        f"{HTTP}test_every_post.py::test_a_body_without_end_is_cut_off_and_the_connection_closed",
    ),
    "2 million rows": (
        f"{UPLOADS}::test_more_rows_than_may_be_are_refused_before_they_are_read",
        "serving/credit/books/test_books.py::test_too_many_rows_are_refused_with_the_remedy",
        "serving/intake/test_intake.py::test_larger_files_and_more_rows_than_allowed_get_413",
    ),
    "zip bomb in xlsx": (
        f"{UPLOADS}::test_a_bomb_is_refused_by_its_directory",
        f"{UPLOADS}::test_a_directory_that_lies_about_a_part_is_found_out",
        "contract/test_bad_input.py::test_a_bomb_is_refused_wherever_a_workbook_is_taken",
    ),
    "formula in a cell": (
        "serving/credit/books/test_books.py::test_text_like_a_formula_comes_back_as_text",
        "serving/decisions/test_export.py::test_cell_that_excel_takes_for_a_formula_is_text",
        f"{UPLOADS}::test_a_formula_that_nobody_computed_is_refused_not_taken_for_missing",
        "contract/test_bad_input.py::test_a_formula_handed_in_comes_back_as_text",
    ),
    "SQL in a party id": ("contract/test_bad_input.py::test_sql_in_an_id_is_an_id_that_nobody_has",),
    "path in a file name": ("contract/test_bad_input.py::test_a_path_in_a_file_name_leads_nowhere",),
    "wrong or expired key": (
        "serving/access/test_keys.py::test_changed_key_is_refused",
        "serving/access/test_keys.py::test_withdrawn_key_is_refused_at_once_and_stays_listed",
        f"{HTTP}test_door.py::test_keys_that_ended_are_refused_in_the_same_words_and_shown_to_the_auditor",
    ),
    "key of another company": (
        f"{HTTP}test_door.py::test_key_of_one_company_may_not_ask_about_others_parties",
        "contract/test_no_answer_across_companies.py::test_what_is_anothers_alone_is_refused",
    ),
    "replayed approval": (
        f"{REVIEW}test_credit_overrides.py::test_same_approval_sent_twice_counts_once",
        "contract/test_bad_input.py::test_an_approval_sent_again_changes_nothing",
    ),
    "two overrides at once": (
        f"{REVIEW}test_credit_overrides.py::test_of_two_overrides_asked_at_once_exactly_one_is_kept",
        f"{REVIEW}test_credit_overrides.py::test_second_override_of_a_decision_is_refused_while_one_is_open",
    ),
    "clock set back": (
        "serving/decisions/test_reading.py::test_clock_behind_the_chain_gives_the_chains_time_and_says_so",
        f"{REVIEW}test_credit_overrides.py::test_clock_set_back_does_not_bring_a_lapsed_override_back",
        f"{REVIEW}test_appeals.py::test_clock_set_back_moves_no_due_date",
    ),
}  # fmt: skip


@pytest.mark.parametrize("item", WHERE)
def test_every_item_has_its_tests(item: str) -> None:
    for place in WHERE[item]:
        file, _, name = place.partition("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in names, f"{item}: {place} is gone; name the test that took its place"


class Bad(NamedTuple):
    """A bad request, how it is answered, the field that is named, and a sign of the remedy in each language."""

    body: object
    said: str
    field: str
    zh: str
    en: str
    path: str = SCORE
    kind: str = "application/json"


def csv(text: str) -> bytes:
    return text.encode()


BAD: Final[Mapping[str, Bad]] = {
    "unknown field": Bad(
        b'{"party_id": "P0000021", "limit": 1}', "422 extra_forbidden", "limit", "请删去", "remove it"
    ),
    "unknown feature": Bad(
        {"features": {"no_such": 1.0}}, "422 unknown_feature", "features.no_such", "请删去", "remove it"
    ),
    "unknown column": Bad(
        csv("party_id,degreee\nP0000021,1\n"), "422", "degreee", "请", "degree", SCORES, "text/csv"
    ),
    "NaN": Bad(
        b'{"features": {"degree": NaN}}', "422 finite_number", "features.degree", "有限的数", "finite number"
    ),
    "infinity": Bad(
        b'{"features": {"degree": -Infinity}}',
        "422 finite_number",
        "features.degree",
        "有限的数",
        "finite number",
    ),
    "number as text": Bad(
        {"features": {"degree": "1"}}, "422 float_type", "features.degree", "不得为文本", "not text"
    ),
    "huge number": Bad(
        b'{"features": {"degree": 1e400}}',
        "422 finite_number",
        "features.degree",
        "有限的数",
        "finite number",
    ),
    "deep nesting": Bad(b"[" * 5000 + b"]" * 5000, "400", "nested deeper", "层", "nested deeper than 64"),
    "large body": Bad(b" " * 300_000, "413", "262144", "请减少", "Send less"),
    "key of another company": Bad(
        {"party_id": THEIR_PARTY}, "403", OURS, "请核对主体编号", "Check the party's id"
    ),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, model: CreditModel) -> Iterator[ContractApp]:
    with open_app(tmp_path_factory.mktemp("bad"), model) as opened:
        yield opened


@pytest.fixture(scope="module")
def made(app: ContractApp) -> Made:
    return make_things(app, OURS)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", BAD)
def test_the_problem_names_field_rule_and_remedy_in_the_callers_language(
    app: ContractApp, name: str, language: str
) -> None:
    bad = BAD[name]
    officer = app.caller(Role.RISK_OFFICER, OURS)
    answer = app.send("POST", bad.path, officer, bad.body, Content_Type=bad.kind, Accept_Language=language)
    status, _, rule = bad.said.partition(" ")
    body = problem(answer, int(status))
    assert answer.headers["content-language"] == language
    assert bad.field in json.dumps(body, ensure_ascii=False)
    if rule:
        assert (bad.field, rule) in [(one["field"], one["rule"]) for one in body["errors"]]
    assert (bad.zh if language == "zh" else bad.en) in body["detail"]


@pytest.mark.parametrize("header", ["Bearer zh_000000000000_" + "0" * 64, "Bearer x", "Basic eDp4", ""])
@pytest.mark.parametrize(
    ("language", "sign"), [("zh", "请在请求头 Authorization"), ("en", "Send the header")]
)
def test_a_wrong_key_is_told_where_to_write_one(
    app: ContractApp, header: str, language: str, sign: str
) -> None:
    answer = app.send(
        "POST", SCORE, None, {"party_id": OUR_PARTY}, Authorization=header, Accept_Language=language
    )
    assert sign in problem(answer, 401)["detail"]


@pytest.mark.parametrize("text", SQL)
def test_sql_in_an_id_is_an_id_that_nobody_has(app: ContractApp, made: Made, text: str) -> None:
    officer, auditor = app.caller(Role.RISK_OFFICER, GROUP), app.caller(Role.AUDITOR, GROUP)
    before = len(app.done("GET", "/v1/decisions?limit=200", auditor)["decisions"])
    assert problem(app.send("POST", SCORE, officer, {"party_id": text}), 404, 422)
    book = app.send("POST", SCORES, officer, {"party_ids": [text, OUR_PARTY]})
    assert book.status_code in (200, 422), book.text
    if book.status_code == 200:
        assert [row["row"] for row in book.json()["failed"]] == [1]
    for path in (
        "/v1/credit/portrait/",
        "/v1/credit/exposure/",
        "/v1/decisions/",
        "/v1/credit/overrides/",
        "/v1/appeals/",
    ):
        asked = str(httpx.URL("http://service").copy_with(path=path + text).raw_path, "ascii")
        problem(app.send("GET", asked, officer), 400, 404, 422)
    for query in ("/v1/credit/reasons?party_id=", "/v1/credit/overrides?party_id=", "/v1/decisions?subject="):
        found = app.send("GET", str(httpx.URL(query, params={query.partition("?")[2][:-1]: text})), officer)
        assert found.status_code in (200, 404, 422), found.text
        lists = (
            [one for one in found.json().values() if isinstance(one, list)]
            if found.status_code == 200
            else []
        )
        strange = [
            row for rows in lists for row in rows if row.get("subject") != text
        ]  # lists asked for are recorded
        assert strange == [], "an id that nobody has finds nothing of others"
    after = app.done("GET", "/v1/decisions?limit=200", auditor)["decisions"]
    assert len(after) >= min(before, 200), "nothing was dropped"


@pytest.mark.parametrize("name", PATHS)
def test_a_path_in_a_file_name_leads_nowhere(app: ContractApp, made: Made, name: str) -> None:
    officer, steward = app.caller(Role.RISK_OFFICER, OURS), app.caller(Role.STEWARD, OURS)
    quoted = str(httpx.QueryParams({"name": name}))
    problem(app.send("GET", f"/v1/jobs/{made.one('job_id')}/result?{quoted}", officer), 404, 422)
    given = f'attachment; filename="{name}"'.encode("ascii", "replace").replace(b"\x00", b"").decode()
    taken = app.send(
        "POST",
        SCORES,
        officer,
        csv(f"party_id\n{OUR_PARTY}\n"),
        Content_Type="text/csv",
        Content_Disposition=given,
    )
    assert taken.status_code == 200
    assert name not in taken.headers.get("content-disposition", "")
    for folder in ("/v1/intake/templates/", "/v1/intake/uploads/", "/v1/capacity/plans/", "/v1/jobs/"):
        asked = str(httpx.URL("http://service").copy_with(path=folder + "x").raw_path, "ascii")[:-1]
        escaped = "".join(f"%{byte:02X}" for byte in name.encode())
        caller = steward if "intake" in folder else app.caller(Role.PLANNER, OURS)
        problem(app.send("GET", asked + escaped, caller), 400, 404, 422)


@pytest.mark.parametrize(("language", "sign"), [("zh", "请"), ("en", "new workbook")])
@pytest.mark.parametrize("path", [SCORES, "/v1/intake/payments"])
def test_a_bomb_is_refused_wherever_a_workbook_is_taken(
    app: ContractApp, path: str, language: str, sign: str
) -> None:
    caller = app.caller(Role.RISK_OFFICER if path == SCORES else Role.STEWARD, OURS)
    answer = app.send("POST", path, caller, bomb(), Content_Type=XLSX, Accept_Language=language)
    assert sign in problem(answer, 413, 422)["detail"]


def test_a_formula_handed_in_comes_back_as_text(app: ContractApp) -> None:
    steward = app.caller(Role.STEWARD, OURS)
    header = "payment_id,exposure_id,paid_on,amount,known_at"
    formula = "\"=cmd|' /C calc'!A0\",X2,2025-03-01,-5,2025-03-02"
    rows = f"{header}\n{formula}\nFORM1,X2,2025-03-01,5,2025-03-02\n"
    answer = app.done("POST", "/v1/intake/payments?mode=take", steward, csv(rows), Content_Type="text/csv")
    failed = app.send("GET", f"/v1/intake/uploads/{answer['upload_id']}/failed.xlsx", steward)
    assert failed.status_code == 200
    with zipfile.ZipFile(io.BytesIO(failed.content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    cells = pl.read_excel(io.BytesIO(failed.content), sheet_id=1, engine="calamine")
    assert any("=cmd" in str(value) for value in cells.row(0)), "written back as text"


def test_an_approval_sent_again_changes_nothing(app: ContractApp, made: Made) -> None:
    approver, auditor = app.caller(Role.APPROVER, OURS), app.caller(Role.AUDITOR, OURS)
    path = f"/v1/credit/overrides/{made.one('override_id')}"
    before = app.done("GET", path, auditor)["override"]
    for language, sign in (("zh", "请"), ("en", "override")):
        again = app.send(
            "POST", f"{path}/approve", approver, {"reason": "再次批准"}, Accept_Language=language
        )
        assert sign in problem(again, 409)["detail"]
    assert app.done("GET", path, auditor)["override"] == before


def problem(answer: httpx.Response, *statuses: int) -> dict[str, Any]:
    """Return the body of a problem."""
    assert answer.status_code in statuses, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    return body


def bomb() -> bytes:
    """Write a workbook of which one part unpacks to a thousand times its size."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.add_worksheet().write_row(0, 0, ["party_id"])
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/media/image1.bin", bytes(32 << 20))
    return out.getvalue()
