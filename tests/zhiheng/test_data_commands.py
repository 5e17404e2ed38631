"""`zhiheng data`: what a data steward sees, what is written, and the exit status."""

import stat
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from features.contracts import CONTRACTS
from features.errors import MissingTableError, TemplateExistsError, UnknownTableError, UnusableTablesError
from features.tables.examples import EXAMPLES
from zhiheng.commands.data import app

RUNNER = CliRunner()


def example(table: str, **change: object) -> pl.DataFrame:
    contract = CONTRACTS[table]
    row = {name: {**EXAMPLES[table], **change}.get(name) for name in contract.column_names}
    return pl.DataFrame([row], schema=contract.schema)


@pytest.fixture
def group(tmp_path: Path) -> Path:
    folder = tmp_path / "group"
    folder.mkdir()
    for name in CONTRACTS:
        example(name).write_parquet(folder / f"{name}.parquet")
    others = [
        example("parties", party_id=party, name=name, credit_code=None)
        for party, name in (("P0000002", "示例投资有限公司"), ("P0000003", "示例控股集团有限公司"))
    ]
    pl.concat([example("parties"), *others]).write_parquet(folder / "parties.parquet")
    return folder


def test_sound_folder_exits_0_and_good_rows_are_written(group: Path, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["check", str(group), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    good = {path.stem for path in (tmp_path / "out" / "good").iterdir()}
    assert good == set(CONTRACTS)
    assert not (tmp_path / "out" / "failed").exists()


@pytest.mark.parametrize(
    ("language", "message"), [("zh", "“金额”应大于 0"), ("en", "'Amount' must be above 0")]
)
def test_failed_row_exits_1_and_is_told_in_the_users_language(
    group: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, message: str
) -> None:
    monkeypatch.setenv("ZHIHENG_LANG", language)
    pl.concat([example("payments"), example("payments", payment_id="Y2", amount=-5.0)]).write_csv(
        group / "payments.csv"
    )
    (group / "payments.parquet").unlink()
    out = tmp_path / "out"
    result = RUNNER.invoke(app, ["check", str(group), "--out", str(out)])
    assert result.exit_code == 1
    assert message in result.output
    assert "payments.amount" in result.output
    failed = pl.read_parquet(out / "failed" / "payments.parquet")
    assert failed.select("row", "rule", "value").rows() == [(3, "range", "-5.0")]
    assert pl.read_csv(out / "failed" / "payments.csv").select("row", "column").rows() == [(3, "amount")]
    assert pl.read_parquet(out / "good" / "payments.parquet")["payment_id"].to_list() == ["Y000000001"]


def test_personal_values_appear_neither_on_the_console_nor_in_the_report(group: Path, tmp_path: Path) -> None:
    number, name = "37010219800101001X", "王重阳"
    person = example("parties", party_id="P9", kind="person", name=name, credit_code=None, id_hash=number)
    pl.concat([pl.read_parquet(group / "parties.parquet"), person]).write_parquet(group / "parties.parquet")
    out = tmp_path / "out"
    result = RUNNER.invoke(app, ["check", str(group), "--out", str(out)])
    assert result.exit_code == 1
    report = (out / "failed" / "parties.csv").read_text(encoding="utf-8-sig")
    assert pl.read_parquet(out / "failed" / "parties.parquet").write_csv() == report
    for text in (result.output, report):
        assert number not in text
        assert name not in text
    rows = out / "failed" / "rows" / "parties.parquet"
    assert pl.read_parquet(rows)["id_hash"].to_list() == [number], "nothing is lost"
    assert stat.S_IMODE(rows.stat().st_mode) == 0o600


def test_file_of_another_name_is_checked_as_the_table_told(group: Path, tmp_path: Path) -> None:
    path = tmp_path / "三月回款.csv"
    path.write_text(example("payments", exposure_id="X9").write_csv(), encoding="gb18030")
    alone = RUNNER.invoke(app, ["check", str(path), "--table", "payments"], env={"ZHIHENG_LANG": "zh"})
    assert alone.exit_code == 0
    assert "没有表 exposures" in alone.output
    beside = RUNNER.invoke(app, ["check", str(path), "--table", "payments", "--references", str(group)])
    assert beside.exit_code == 1
    unnamed = RUNNER.invoke(app, ["check", str(path)])
    assert isinstance(unnamed.exception, UnknownTableError)


def test_folder_of_parts_is_checked_as_one_table(group: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    example("lines").write_parquet(folder / "part-0.parquet")
    example("lines", line_id="L-02", planned_rate=0.0).write_parquet(folder / "part-1.parquet")
    result = RUNNER.invoke(app, ["check", str(folder), "--table", "lines", "--references", str(group)])
    assert result.exit_code == 1
    assert "lines.planned_rate" in result.output


def test_missing_table_is_an_error_unless_a_part_is_meant(group: Path) -> None:
    (group / "sales.parquet").unlink()
    whole = RUNNER.invoke(app, ["check", str(group)])
    assert whole.exit_code == 1
    assert isinstance(whole.exception, UnusableTablesError)
    assert isinstance(whole.exception.problems[0], MissingTableError)
    assert "sales" in whole.exception.zh
    assert RUNNER.invoke(app, ["check", str(group), "--partial"]).exit_code == 0


def test_template_can_be_written_once(tmp_path: Path) -> None:
    path = tmp_path / "sales.xlsx"
    first = RUNNER.invoke(app, ["template", "sales", "--out", str(path)])
    assert first.exit_code == 0
    assert "zhiheng data check" in first.output
    assert path.is_file()
    assert isinstance(
        RUNNER.invoke(app, ["template", "sales", "--out", str(path)]).exception, TemplateExistsError
    )
    assert isinstance(RUNNER.invoke(app, ["template", "weather"]).exception, UnknownTableError)


@pytest.mark.parametrize(("language", "text"), [("zh", "到期日应晚于起始日"), ("en", "must mature after")])
def test_contracts_are_shown(monkeypatch: pytest.MonkeyPatch, language: str, text: str) -> None:
    monkeypatch.setenv("ZHIHENG_LANG", language)
    monkeypatch.setenv("COLUMNS", "200")
    overview = RUNNER.invoke(app, ["contracts"])
    assert overview.exit_code == 0
    assert all(name in overview.output for name in CONTRACTS)
    one = RUNNER.invoke(app, ["contracts", "exposures"])
    assert text in one.output
    assert "maturity_after_start" in one.output
