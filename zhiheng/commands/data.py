"""Commands of data: check tables against their contracts, write templates, print contracts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from features.contracts import Checked
    from features.errors import DataError

__all__ = ["app"]

app = typer.Typer(help="数据契约、检查与模板。Contracts, checks, templates.", no_args_is_help=True)


@app.command()
def check(
    path: Annotated[
        Path,
        typer.Argument(help="数据文件夹或单个文件（Parquet、CSV、xlsx）。Folder of tables, or one file."),
    ],
    table: Annotated[
        str | None,
        typer.Option(help="文件是哪张表，默认按文件名。Which table the file is; its name unless told."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="写出合格与不合格行的文件夹。Folder for good and failed rows.")
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(help="单个文件所引用的表所在文件夹。Folder of the tables that one file refers to."),
    ] = None,
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help="文件夹只含部分表。The folder holds a part of the tables.")
    ] = False,
) -> None:
    """按契约检查数据；有不合格行时退出码为 1。 / Check tables against their contracts; status 1 when a row failed."""
    from features.checked_files import write_checked
    from features.errors import DataError, UnusableTablesError
    from zhiheng.check_report import CheckReport

    report = CheckReport(Console(), load_settings().lang)
    problems: list[DataError] = []
    for outcome in _outcomes(path, table=table, references=references, partial=partial):
        if isinstance(outcome, DataError):
            problems.append(outcome)
            continue
        if out is not None:
            write_checked(outcome, out)
        report.add(outcome)
    report.show(out)
    if problems:
        raise UnusableTablesError(problems)
    if not report.passed:
        raise typer.Exit(1)


def _outcomes(
    path: Path, *, table: str | None, references: Path | None, partial: bool
) -> "Iterator[Checked | DataError]":
    """Check a folder, or one file against the tables it refers to."""
    from features.checked_files import check_file, check_folder

    if path.is_dir() and table is None:
        return check_folder(path, partial=partial)
    return iter([check_file(path, table or path.stem, references=references)])


@app.command()
def template(
    table: Annotated[str, typer.Argument(help="表名。Name of the table.")],
    out: Annotated[
        Path | None, typer.Option(help="文件名，默认 <表名>.xlsx。File; <table>.xlsx unless told.")
    ] = None,
) -> None:
    """写出一张表的 xlsx 填报模板。 / Write the xlsx template of a table."""
    from features.contracts import contract_of
    from features.templates import write_template

    path = out or Path(f"{table}.xlsx")
    write_template(contract_of(table), path)
    zh = f"已写出模板 {path}；填好后用 `zhiheng data check {path} --table {table}` 检查。"
    en = f"Wrote the template {path}; once filled, check it with `zhiheng data check {path} --table {table}`."
    teller(load_settings())(zh, en)


@app.command()
def contracts(
    table: Annotated[
        str | None, typer.Argument(help="表名，默认列出全部。One table; all unless told.")
    ] = None,
) -> None:
    """显示数据契约。 / Show the contracts."""
    from features.contracts import CONTRACTS, contract_of
    from zhiheng.check_report import contract_columns, contract_rules, contracts_overview

    console, language = Console(), load_settings().lang
    if table is None:
        console.print(contracts_overview(CONTRACTS.values(), language))
        return
    contract = contract_of(table)
    console.print(contract_columns(contract, language))
    console.print(contract_rules(contract, language))


@app.command()
def uploads(
    table: Annotated[str | None, typer.Option(help="只列这张表。Of this table only.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="最多几条。How many at most.")] = 50,
) -> None:
    """列出服务收下的上传。 / List the uploads that the service took."""
    from zhiheng.commands.data_merge import list_uploads

    list_uploads(table, limit)


@app.command()
def merge(
    tables: Annotated[
        list[str] | None,
        typer.Option("--table", help="只合并这些表，可重复。Of these tables only; may be repeated."),
    ] = None,
    *,
    corrections: Annotated[
        bool,
        typer.Option(
            "--corrections",
            help="主键相同而内容不同的，以上传为准。Rows of a known key replace those that are there.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只说明会怎样，不写入。Say what would happen; write nothing.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            help="由谁执行，记入台账；默认为系统用户。Who does it, written down; the system's user."
        ),
    ] = None,
) -> None:
    """把收下的上传并入已检查的表；有行未并入时退出码为 1。 / Merge uploads into the checked tables; status 1 when rows are left out."""
    from zhiheng.commands.data_merge import merge_uploads

    merge_uploads(tables, corrections=corrections, dry_run=dry_run, by=by)
