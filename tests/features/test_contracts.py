"""Contracts: each rule fires on the row that breaks it and on no other; what is wrong as a whole is named."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.contracts import (
    CONTRACTS,
    Checked,
    Column,
    Domain,
    Level,
    check_group,
    check_table,
    checked_tables,
    contracts_markdown,
)
from features.errors import (
    ColumnTypeError,
    DataError,
    DuplicateColumnError,
    EmptyTableError,
    MissingColumnError,
    MissingTableError,
    UnknownTableError,
    UnusableTablesError,
)
from features.general_rules import general_rules
from features.tables.examples import EXAMPLES, Cell

Group = dict[str, pl.DataFrame]
CheckWith = Callable[[str, Mapping[str, Cell]], Checked]

# what to change in a sound second row so that one rule breaks
MUTATIONS: Mapping[tuple[str, str], Mapping[str, Cell]] = {
    ("parties", "credit_code_valid"): {"credit_code": "91370102MA0000000X"},
    ("parties", "credit_code_no_filler"): {"credit_code": "0" * 18},
    ("parties", "person_without_credit_code"): {"kind": "person", "credit_code": "91370102MA0000000R"},
    ("parties", "company_without_id_hash"): {"id_hash": "fedcba9876543210"},
    ("parties", "id_hash_format"): {"kind": "person", "id_hash": "37010219800101001X"},
    ("parties", "kind_constant"): {"party_id": "P0000003", "valid_from": date(2020, 1, 2)},
    ("parties", "known_at_not_before_founded_on"): {"founded_on": date(2020, 1, 7)},
    ("parties", "known_at_not_before_valid_from"): {"valid_from": date(2020, 1, 7)},
    ("companies", "not_own_parent"): {"parent_org_id": "ORG-02"},
    ("edges", "no_self_loop"): {"src": "P0000002"},
    ("edges", "share_given"): {"share": None},
    ("edges", "role_given"): {"kind": "holds_position", "src": "P0000003"},
    ("edges", "holds_position_ends"): {"kind": "holds_position", "role": "director"},
    ("edges", "family_of_ends"): {"kind": "family_of", "dst": "P0000003"},
    ("edges", "owns_ends"): {"dst": "P0000003"},
    ("edges", "controls_ends"): {"kind": "controls", "share": None, "basis": "agreement", "dst": "P0000003"},
    ("edges", "supplies_ends"): {"kind": "supplies", "src": "P0000003"},
    ("edges", "same_ends"): {"edge_id": "E000003", "known_at": date(2021, 3, 13)},
    ("edges", "valid_to_not_before_valid_from"): {"valid_to": date(2021, 2, 28)},
    ("edges", "known_at_not_before_valid_from"): {"known_at": date(2021, 2, 28)},
    ("edges", "retracted_at_not_before_known_at"): {"retracted_at": date(2021, 3, 11)},
    ("exposures", "maturity_after_start"): {"maturity_on": date(2023, 4, 1)},
    ("exposures", "known_at_not_before_start_on"): {"known_at": date(2023, 3, 31)},
    ("exposures", "collateral_kind_given"): {"collateral_kind": "none"},
    ("schedules", "due_within_exposure"): {"due_on": date(2026, 4, 2)},
    ("schedules", "principal_due_within_principal"): {"principal_due": 1_200_002.0},
    ("payments", "known_at_not_before_paid_on"): {"known_at": date(2023, 5, 3)},
    ("payments", "paid_on_not_before_exposure_id_start_on"): {"paid_on": date(2023, 3, 31)},
    ("write_offs", "known_at_not_before_written_off_on"): {"known_at": date(2025, 11, 27)},
    ("write_offs", "written_off_on_not_before_exposure_id_start_on"): {"written_off_on": date(2023, 3, 31)},
    ("statements", "known_at_not_before_period_end"): {"known_at": date(2023, 12, 30)},
    ("statements", "period_matches_period_end"): {"period": "H1"},
    ("statements", "balance_sheet_balances"): {"equity": 47_000_000.0},
    ("statements", "current_assets_within_total_assets"): {"current_assets": 97_000_000.0},
    ("statements", "cash_within_total_assets"): {"cash": 97_000_000.0},
    ("statements", "receivables_within_total_assets"): {"receivables": 97_000_000.0},
    ("statements", "inventory_within_total_assets"): {"inventory": 97_000_000.0},
    ("statements", "current_liabilities_within_liabilities"): {"current_liabilities": 51_000_000.0},
    ("statements", "opinion_only_when_audited"): {"audited": False},
    ("court_events", "known_at_not_before_occurred_on"): {"known_at": date(2024, 6, 2)},
    ("registry_events", "known_at_not_before_occurred_on"): {"known_at": date(2024, 1, 31)},
    ("sales", "known_at_not_before_ds"): {"known_at": date(2024, 1, 14)},
    ("line_output", "known_at_not_before_ds"): {"known_at": date(2024, 1, 14)},
    ("line_output", "run_within_planned"): {"run_hours": 20.6},
    ("line_output", "good_within_output"): {"good_output": 225.1},
    ("line_stops", "end_after_start"): {"end_at": datetime(2024, 1, 15, 9, 30)},  # noqa: DTZ001 - local time
    ("line_stops", "known_at_not_before_start_at"): {"known_at": date(2024, 1, 14)},
    ("maintenance", "end_not_before_start"): {"end_on": date(2024, 2, 11)},
    ("maintenance", "known_before_start"): {"known_at": date(2024, 2, 13)},
    ("line_products", "unit_of_line_and_product"): {"product_id": "PR-002"},
    ("line_products", "family_of_line_and_product"): {"product_id": "PR-003"},
    ("line_drivers", "driver_name_free"): {"driver": " Planned_Hours"},
    ("line_plans", "known_before_day"): {"known_at": date(2024, 1, 16)},
    ("stocks", "known_at_not_before_ds"): {"known_at": date(2024, 1, 30)},
    ("stocks", "floor_below_ceiling"): {"floor": 18_000.0},
    ("stocks", "reserve_within_stock"): {"reserve": 8_601.0},
    ("plan_caps", "end_on_not_before_start_on"): {"end_on": date(2023, 12, 31)},
}


def broken(checked: Checked) -> set[tuple[int, str]]:
    return set(checked.failed.select("row", "rule").iter_rows())


def columns_where(wanted: Callable[[Column], object]) -> list[tuple[str, str]]:
    return [
        (name, column.name)
        for name, contract in CONTRACTS.items()
        for column in contract.columns
        if wanted(column)
    ]


def test_sound_group_passes_without_a_row_lost(sound_group: Group) -> None:
    report = check_group(sound_group)
    assert report.passed
    assert report.failed.is_empty()
    for name, frame in sound_group.items():
        assert report.tables[name].good.equals(frame)


def test_group_without_the_tables_that_may_be_absent_is_whole(sound_group: Group) -> None:
    dispensable = {name for name, contract in CONTRACTS.items() if contract.may_be_absent}
    assert dispensable == {
        "line_products", "line_drivers", "line_plans", "stocks", "plan_orders", "plan_caps",
    }  # fmt: skip
    report = check_group({name: frame for name, frame in sound_group.items() if name not in dispensable})
    assert report.passed
    assert set(report.tables) == set(CONTRACTS) - dispensable


def test_every_declared_rule_has_a_mutation() -> None:
    declared = {(name, rule.name) for name, contract in CONTRACTS.items() for rule in contract.rules}
    assert set(MUTATIONS) == declared


@pytest.mark.parametrize(("table", "rule"), MUTATIONS)
def test_rule_fires_on_the_row_that_breaks_it_alone(table: str, rule: str, check_with: CheckWith) -> None:
    checked = check_with(table, MUTATIONS[table, rule])
    expected = {(2, rule), (3, rule)} if rule in {"kind_constant", "same_ends"} else {(2, rule)}
    assert broken(checked) == expected
    assert checked.good.height == 3 - len(expected)


@pytest.mark.parametrize(("table", "column"), columns_where(lambda column: not column.nullable))
def test_required_column_must_not_be_empty(table: str, column: str, check_with: CheckWith) -> None:
    checked = check_with(table, {column: None})
    assert broken(checked) == {(2, "required")}
    assert checked.failed["column"].to_list() == [column]


@pytest.mark.parametrize(("table", "column"), columns_where(lambda column: column.nullable))
def test_optional_column_may_be_empty(table: str, column: str, check_with: CheckWith) -> None:
    needed_beside = {"share", "collateral_kind"}  # other rules ask for these where their partner is given
    expected = {"share": {(2, "share_given")}, "collateral_kind": {(2, "collateral_kind_given")}}
    found = broken(check_with(table, {column: None}))
    assert found == (expected[column] if column in needed_beside else set())


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize(("table", "column"), columns_where(lambda column: column.dtype.is_float()))
def test_infinite_value_fails_its_row(table: str, column: str, value: float, check_with: CheckWith) -> None:
    checked = check_with(table, {column: value})
    assert broken(checked) == {(2, "finite")}
    assert checked.failed["column"].to_list() == [column]


@pytest.mark.parametrize(
    ("table", "column"), columns_where(lambda column: column.choices and not column.others_allowed)
)
def test_code_outside_the_list_fails(table: str, column: str, check_with: CheckWith) -> None:
    checked = check_with(table, {column: "unheard_of"})
    assert broken(checked) == {(2, "choice")}
    assert checked.failed["value"].to_list() == ["unheard_of"]


@pytest.mark.parametrize(("table", "column"), columns_where(lambda column: column.others_allowed))
def test_code_beside_the_usual_ones_is_taken(table: str, column: str, check_with: CheckWith) -> None:
    assert check_with(table, {column: "unheard_of"}).passed


@pytest.mark.parametrize(("table", "column"), columns_where(lambda column: column.references))
def test_dangling_reference_fails(table: str, column: str, check_with: CheckWith) -> None:
    checked = check_with(table, {column: "NOBODY"})
    assert broken(checked) == {(2, "reference")}
    assert checked.failed["column"].to_list() == [column]


def beyond(column: Column) -> Iterator[Cell]:
    """Yield values just outside a column's range."""
    step = 1 if column.dtype.is_integer() else 1e-6
    if column.above is not None:
        yield float(column.above)
    if isinstance(column.minimum, int | float):
        yield column.minimum - step
    if isinstance(column.maximum, int | float):
        yield column.maximum + step
    if column.dtype == pl.Date():
        yield from (date(1024, 1, 1), date(9999, 12, 31))


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [(table, name, value) for table, name in columns_where(lambda _: True)
     for value in beyond(CONTRACTS[table].column(name))],
)  # fmt: skip
def test_value_outside_its_range_fails(table: str, column: str, value: Cell, check_with: CheckWith) -> None:
    checked = check_with(table, {column: value})
    assert (column, "range") in set(checked.failed.select("column", "rule").iter_rows())
    assert set(checked.failed["row"]) == {2}


@pytest.mark.parametrize("table", CONTRACTS)
def test_rows_of_one_key_that_differ_all_fail(table: str, sound_group: Group) -> None:
    frame, contract = sound_group[table], CONTRACTS[table]
    other = next(c for c in contract.columns if c.nullable or (c.name not in contract.key and not c.choices))
    value = None if other.nullable and frame[other.name][0] is not None else "another"
    if not other.nullable and not isinstance(other.dtype, pl.String):
        value = None
    twin = frame[:1].with_columns(pl.lit(value).cast(other.dtype, strict=False).alias(other.name))
    checked = check_table(table, pl.concat([frame, twin]), sound_group)
    conflicts = checked.failed.filter(pl.col("rule") == "key_conflict")
    assert conflicts["row"].to_list() == [1, 4]
    assert checked.good.equals(frame[1:])


@pytest.mark.parametrize("table", CONTRACTS)
def test_repeated_row_is_taken_once(table: str, sound_group: Group) -> None:
    frame = sound_group[table]
    checked = check_table(table, pl.concat([frame, frame[1:2], frame[1:2]]), sound_group)
    assert broken(checked) == {(4, "row_repeated"), (5, "row_repeated")}
    assert checked.good.equals(frame)


def test_infinite_value_does_not_pass_as_repetition_of_an_empty_one(sound_group: Group) -> None:
    frame = sound_group["exposures"].with_columns(collateral_value=pl.lit(float("inf")))[:1]
    empty = frame.with_columns(collateral_value=pl.lit(None, pl.Float64))
    checked = check_table("exposures", pl.concat([frame, empty]), sound_group)
    assert broken(checked) == {(1, "finite"), (1, "key_conflict"), (2, "key_conflict")}


def test_failure_line_names_row_key_column_value_and_remedy(check_with: CheckWith) -> None:
    line = check_with("payments", {"known_at": date(2023, 5, 3)}).failed.row(0, named=True)
    assert line == {
        "table": "payments",
        "row": 2,
        "key": "Y000000002",
        "column": "known_at",
        "rule": "known_at_not_before_paid_on",
        "value": "known_at=2023-05-03; paid_on=2023-05-04",
        "message_zh": "获知日期不应早于还款日",
        "message_en": "a fact cannot be known before the day of payment",
        "remedy_zh": "对照原件核对两个日期并改正",
        "remedy_en": "check both dates against the document and correct the wrong one",
    }


def test_looked_up_value_is_shown(check_with: CheckWith) -> None:
    value = check_with("schedules", {"due_on": date(2026, 4, 2)}).failed["value"].item()
    assert value == "due_on=2026-04-02; exposure_id.start_on=2023-04-01; exposure_id.maturity_on=2026-04-01"


def test_personal_values_are_masked_in_the_report_but_kept_with_the_row(check_with: CheckWith) -> None:
    number = "37010219800101001X"
    checked = check_with("parties", {"kind": "person", "name": "王重阳", "id_hash": number})
    assert broken(checked) == {(2, "id_hash_format")}
    assert checked.failed["value"].to_list() == ["***"]
    text = checked.failed.write_csv()
    assert number not in text
    assert "王重阳" not in text
    assert checked.rows.select("row", "name", "id_hash", "rules").row(0) == (
        2,
        "王重阳",
        number,
        "id_hash:id_hash_format",
    )


def test_one_row_may_break_several_rules(check_with: CheckWith) -> None:
    checked = check_with("line_output", {"run_hours": 31.0, "output": None})
    assert broken(checked) == {(2, "range"), (2, "run_within_planned"), (2, "required")}
    assert checked.rows["rules"].item() == "run_hours:range; output:required; run_hours:run_within_planned"


def test_reference_to_a_failed_row_is_kept_and_warned_of(sound_group: Group) -> None:
    parties = sound_group["parties"].with_columns(
        credit_code=pl.when(pl.col("party_id") == "P0000002").then(pl.lit("X"))
    )
    report = check_group(sound_group | {"parties": parties})
    assert {name for name, checked in report.tables.items() if not checked.passed} == {"parties"}
    found = {
        (warning.table, warning.column) for warning in report.warnings if warning.kind == "refers_to_failed"
    }
    assert found == {("companies", "party_id"), ("edges", "src"), ("edges", "dst")}


def test_looked_up_value_of_a_failed_row_breaks_nothing_else(sound_group: Group) -> None:
    exposures = sound_group["exposures"].with_columns(maturity_on=pl.lit(date(2020, 1, 1)))
    report = check_group(sound_group | {"exposures": exposures})
    assert set(report.failed["table"]) == {"exposures"}


def test_missing_reference_table_is_warned_of(sound_group: Group) -> None:
    checked = check_table("payments", sound_group["payments"])
    assert checked.passed
    assert [(w.kind, w.column) for w in checked.warnings if w.kind == "reference_not_checked"] == [
        ("reference_not_checked", "exposure_id")
    ]


def test_missing_table_is_named(sound_group: Group) -> None:
    tables = {name: frame for name, frame in sound_group.items() if name not in ("sales", "lines")}
    with pytest.raises(UnusableTablesError) as caught:
        check_group(tables)
    (problem,) = caught.value.problems
    assert isinstance(problem, MissingTableError)
    assert problem.tables == ("sales", "lines")
    assert "zhiheng data template sales" in problem.zh
    assert "sales, lines" in problem.en


def test_part_of_the_tables_passes_when_told_so(sound_group: Group) -> None:
    assert check_group({"lines": sound_group["lines"]}, partial=True).passed


def test_a_table_may_come_without_its_dispensable_columns(sound_group: Group) -> None:
    lean = sound_group["edges"].drop("voting", "basis", "score")
    checked = check_table("edges", lean, sound_group)
    assert checked.passed
    assert checked.good.columns == list(CONTRACTS["edges"].column_names)
    assert checked.good["voting"].null_count() == lean.height


def test_missing_column_is_named(sound_group: Group) -> None:
    with pytest.raises(MissingColumnError) as caught:
        check_table("sales", sound_group["sales"].drop("ds", "price"))
    assert caught.value.columns == ("ds", "price")
    assert "ds、price" in caught.value.zh
    assert "data template sales" in caught.value.en


def test_wrong_column_type_is_named(sound_group: Group) -> None:
    with pytest.raises(ColumnTypeError) as caught:
        check_table("sales", sound_group["sales"].with_columns(pl.col("quantity").cast(pl.String)))
    assert (caught.value.table, caught.value.column) == ("sales", "quantity")
    assert "Float64" in caught.value.zh
    assert "String" in caught.value.en


@pytest.mark.parametrize(
    ("column", "dtype"),
    [("employees", pl.Int64), ("registered_capital", pl.Int64), ("registered_capital", pl.Float32),
     ("known_at", pl.Datetime("ns")), ("kind", pl.Categorical), ("employees", pl.Float64)],
)  # fmt: skip
def test_type_that_converts_without_loss_is_taken(
    sound_group: Group, column: str, dtype: pl.DataType
) -> None:
    checked = check_table("parties", sound_group["parties"].with_columns(pl.col(column).cast(dtype)))
    assert checked.passed
    assert checked.good.schema == CONTRACTS["parties"].schema


def test_value_that_would_change_in_conversion_fails_its_row(sound_group: Group) -> None:
    half = sound_group["parties"].with_columns(employees=pl.Series([260.0, 12.5, None]))
    assert broken(check_table("parties", half)) == {(2, "readable")}
    afternoon = sound_group["sales"].with_columns(
        ds=pl.Series([datetime(2024, 1, 15), datetime(2024, 1, 15, 14), datetime(2024, 1, 15)])  # noqa: DTZ001
    )
    assert broken(check_table("sales", afternoon)) == {(2, "readable")}


def test_empty_table_is_named(sound_group: Group) -> None:
    with pytest.raises(EmptyTableError) as caught:
        check_table("sales", sound_group["sales"].clear())
    assert caught.value.table == "sales"
    assert "sales" in caught.value.zh


def test_table_that_may_be_empty_is_warned_of(sound_group: Group) -> None:
    checked = check_table("write_offs", sound_group["write_offs"].clear(), sound_group)
    assert checked.passed
    assert [warning.kind for warning in checked.warnings] == ["empty"]


def test_all_missing_and_constant_columns_are_warned_of(sound_group: Group) -> None:
    poor = sound_group["sales"].with_columns(price=pl.lit(None, pl.Float64), quantity=pl.lit(7.0))
    checked = check_table("sales", poor, sound_group)
    assert checked.passed
    found = {(warning.kind, warning.column) for warning in checked.warnings}
    assert ("all_missing", "price") in found
    assert ("constant", "quantity") in found
    assert not {column for _, column in found} & {"region"}


def test_unknown_column_is_warned_of_and_kept_with_failed_rows(sound_group: Group) -> None:
    frame = sound_group["payments"].with_columns(
        remark=pl.Series(["a", "b", "c"]), amount=pl.Series([1.0, -1.0, 1.0])
    )
    checked = check_table("payments", frame, sound_group)
    assert [warning.column for warning in checked.warnings if warning.kind == "extra_column"] == ["remark"]
    assert "remark" not in checked.good.columns
    assert checked.rows["remark"].to_list() == ["b"]


def test_column_that_comes_twice_is_named(sound_group: Group) -> None:
    with pytest.raises(DuplicateColumnError, match="amount"):
        check_table("payments", sound_group["payments"].with_columns(pl.col("amount").alias("金额")))


def test_foreign_column_named_row_does_not_hide_the_row_number(sound_group: Group) -> None:
    frame = sound_group["payments"].with_columns(row=pl.lit("x"), amount=pl.Series([1.0, -1.0, 1.0]))
    checked = check_table("payments", frame, sound_group)
    assert checked.rows.select("row", "row (source)").row(0) == (2, "x")


def test_unknown_table_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownTableError, match="statements"):
        check_table("balances", pl.DataFrame({"a": [1]}))


def test_one_unusable_table_does_not_keep_the_others_from_being_checked(sound_group: Group) -> None:
    tables = sound_group | {"sales": sound_group["sales"].drop("ds"), "weather": sound_group["sales"]}
    outcomes = list(checked_tables(tables))
    problems = [outcome for outcome in outcomes if isinstance(outcome, DataError)]
    assert [type(problem) for problem in problems] == [UnknownTableError, MissingColumnError]
    assert len(outcomes) - len(problems) == len(CONTRACTS) - 1


def test_contracts_are_consistent() -> None:
    seen: set[str] = set()
    for name, contract in CONTRACTS.items():
        seen.add(name)
        names = contract.column_names
        assert len(set(names)) == len(names)
        assert set(contract.key) <= set(names)
        assert not any(contract.column(key).nullable for key in contract.key)
        assert "known_at" in names
        assert set(contract.referenced_tables) <= seen, "a table must follow those it refers to"
        for column in contract.columns:
            if column.references:
                assert column.references.column in CONTRACTS[column.references.table].key
        for rule in contract.rules:
            looked_up = {f"{look.column}.{value}" for look in contract.lookups for value in look.values}
            assert set(rule.columns) <= {*names, *looked_up}
            assert set(rule.broken.meta.root_names()) <= {*names, *looked_up}


def test_texts_are_there_in_both_languages() -> None:
    for contract in CONTRACTS.values():
        texts = [contract.label, contract.description, *(column.label for column in contract.columns)]
        for rule in (
            *contract.rules,
            *(rule for column in contract.columns for rule in general_rules(column)),
        ):
            texts += [rule.text, rule.remedy]
        assert all(text.zh and text.en and text.zh != text.en for text in texts)


def test_personal_columns_are_of_the_high_level() -> None:
    personal = [(c, column) for c in CONTRACTS.values() for column in c.columns if column.personal]
    assert {column.name for _, column in personal} == {"name", "id_hash"}
    assert all(contract.class_of(column) == (Domain.EXTERNAL, Level.HIGH) for contract, column in personal)


def test_examples_keep_their_contracts() -> None:
    for name, contract in CONTRACTS.items():
        assert set(EXAMPLES[name]) <= set(contract.column_names)
        row = {column: EXAMPLES[name].get(column) for column in contract.column_names}
        assert check_table(name, pl.DataFrame([row], schema=contract.schema)).passed


def test_page_of_contracts_is_current(repository: Path) -> None:
    page = (repository / "docs" / "data.md").read_text(encoding="utf-8")
    assert page == contracts_markdown(), "run `zhiheng docs`"
