"""List the uploads that the service took, and merge them into the checked tables."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from serving.random_bytes import new_id
from zhiheng.console import teller
from zhiheng.database import service_database
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from serving.intake.merge import MergedTable

__all__ = ["list_uploads", "merge_uploads"]


def list_uploads(table: str | None, limit: int) -> None:
    """Print what was taken, newest first."""
    from features.contracts import contract_of
    from serving.access.command_line import command_line_caller
    from serving.intake.uploads import UploadStore
    from serving.listing import Page, Span

    settings = load_settings()
    say = teller(settings)
    if table is not None:
        contract_of(table)
    everybody = command_line_caller(new_id())
    with service_database() as database:
        uploads = UploadStore(database, settings.home / "intake")
        found, _ = uploads.page(everybody, table, Page(Span(), None, limit))
    if not found:
        say("还没有收下的上传。", "Nothing has been taken yet.")
    for one in found:
        companies = ", ".join(one.companies)
        say(
            f"{one.upload_id}  {one.table}：合格 {one.good:,} 行、不合格 {one.failed:,} 行（{companies}，{one.taken_at[:19]}）",
            f"{one.upload_id}  {one.table}: {one.good:,} good rows, {one.failed:,} failed ({companies}, {one.taken_at[:19]})",
        )


def merge_uploads(
    tables: list[str] | None, *, corrections: bool, dry_run: bool, by: str | None = None
) -> None:
    """Merge and print what was done; leave with status 1 when rows are left out."""
    from features.contracts import contract_of
    from serving.access.command_line import command_line_caller
    from serving.intake.merge import IntakeMerge
    from serving.intake.uploads import UploadStore
    from serving.ledger.chain import Ledger

    settings = load_settings()
    for table in tables or ():
        contract_of(table)
    with service_database() as database:
        uploads = UploadStore(database, settings.home / "intake")
        done = IntakeMerge(settings.home / "checked" / "good", uploads, Ledger(database)).run(
            only=tables,
            corrections=corrections,
            write=not dry_run,
            caller=command_line_caller(new_id(), by=by),
            clock=lambda: datetime.now(UTC),
            new_id=new_id,
        )
    for one in done:
        _say(one, dry_run=dry_run)
    say = teller(settings)
    if not done:
        say("没有可合并的上传。", "There is nothing to merge.")
    elif not dry_run:
        say(
            "之后请运行 `zhiheng graph build` 与 `zhiheng features build`。",
            "Next run `zhiheng graph build` and `zhiheng features build`.",
        )
    if not all(one.whole for one in done):
        raise typer.Exit(1)


def _say(one: "MergedTable", *, dry_run: bool) -> None:
    settings = load_settings()
    say = teller(settings)
    left_out = 0 if one.corrected else one.changed
    say(
        f"{one.table}：{'将' if dry_run else ''}新增 {one.added:,} 行，重复 {one.repeated:,} 行，"
        f"主键相同而内容不同 {one.changed:,} 行（{'以上传为准' if one.corrected else '未并入'}）",
        f"{one.table}: {one.added:,} rows {'would be ' if dry_run else ''}added, {one.repeated:,} there already, "
        f"{one.changed:,} of a known key with other content ({'taken' if one.corrected else 'left out'})",
    )
    if one.problem is not None:
        say(f"！{one.problem.zh}", f"! {one.problem.en}")
    if (left_out or one.refused.height) and not dry_run:
        folder = settings.home / "intake" / "merge"
        say(
            f"！未并入的行：{folder}/{one.table}.*.parquet；确为更正时加 --corrections 再合并。",
            f"! Rows left out: {folder}/{one.table}.*.parquet; merge with --corrections where they are corrections.",
        )
