"""Commands of the ledger: verify and show it, compute decisions again, export and prune them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.random_bytes import new_id
from zhiheng.console import teller
from zhiheng.database import service_database
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from serving.access.caller import Caller
    from serving.ledger.database import Database
    from serving.wiring import Deployment

__all__ = ["ledger_app"]

ledger_app = typer.Typer(
    help="决策台账：核验、查看、重算、导出、裁剪。The decision ledger: verify, show, replay, export, prune.",
    no_args_is_help=True,
)

By = Annotated[
    str | None,
    typer.Option(help="由谁执行，记入台账；默认为系统用户。Who does it, written down; the system's user."),
]
_DAY = ["%Y-%m-%d"]


@ledger_app.command("verify")
def verify_ledger(
    archives: Annotated[
        Path | None,
        typer.Option(help="同时核验此目录中的归档文件。Verify the archives in this folder, too."),
    ] = None,
) -> None:
    """核验整条哈希链；断裂时退出码为 1。 / Verify the whole chain; exit status 1 where it is broken."""
    from serving.ledger.chain import Ledger
    from serving.ledger.pruning import verify_archives

    say = teller(load_settings())
    with service_database() as database:
        found = Ledger(database).verify()
        if found.broken is None and archives is not None:
            rows = verify_archives(database, archives)
            say(
                f"归档完好：{rows} 条，与检查点衔接。",
                f"The archives hold: {rows} decisions, up to the checkpoint.",
            )
    if found.broken is not None:
        broken = found.broken
        say(
            f"台账第 {broken.seq} 行（{broken.decision_id}）：{broken.zh}。其前 {found.rows} 行完好。"
            "请封存文件，并与备份核对。",
            f"Ledger row {broken.seq} ({broken.decision_id}): {broken.en}. The {found.rows} rows before it hold. "
            "Keep the file as it is and compare it with a backup.",
        )
        raise typer.Exit(1)
    say(
        f"台账完好：{found.rows} 条，链尾 {found.head}。请将此值另行留存，以便发现尾部被删。",
        f"The ledger holds: {found.rows} decisions, head {found.head}. Note it elsewhere to detect a cut end.",
    )
    if found.pruned:
        say(
            f"其中前 {found.pruned} 条已裁剪到归档，用 --archives {_archive()} 一并核验。",
            f"The first {found.pruned} of them lie in archives; --archives {_archive()} verifies them too.",
        )


@ledger_app.command("show")
def show_decision(decision_id: Annotated[str, typer.Argument(help="决策编号。Id of the decision.")]) -> None:
    """以 JSON 显示一条决策。 / Show one decision as JSON."""
    from serving.ledger.chain import Ledger

    with service_database() as database:
        decision = Ledger(database).get(decision_id)
    shown = {"seq": decision.seq, "prev_hash": decision.prev_hash, "hash": decision.hash, **decision.record}
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


@ledger_app.command("replay")
def replay_decision(
    decision_id: Annotated[str, typer.Argument(help="决策编号。Id of the decision.")], by: By = None
) -> None:
    """用当日的输入、模型与政策重算；结果不同时退出码为 1。 / Compute a decision again; exit status 1 where it differs."""
    with _deployment() as deployment:
        answered = deployment.review.decisions.replay(decision_id, _auditor(by))
        deployment.parts.ledger.append([answered.record])
    typer.echo(answered.body.model_dump_json(indent=2))
    if getattr(answered.body, "identical", None) is False:
        raise typer.Exit(1)


@ledger_app.command("export")
def export_decisions(
    out: Annotated[Path, typer.Argument(help="写入的文件：.jsonl、.csv 或 .parquet。File to write.")],
    *,
    since: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="自该日（含）。From this day on.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="至该日（含）。Up to this day.")
    ] = None,
    cursor: Annotated[
        int | None,
        typer.Option(
            min=1, help="从上一个文件的 cursor 之后开始。From behind the cursor of the file before."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="最多行数。Rows at most.")] = None,
    by: By = None,
) -> None:
    """导出供审计，人员与个人信息已脱敏；导出本身记入台账。 / Export for audit, masked; the export itself is written down."""
    from serving.decisions.export import ENDINGS
    from serving.decisions.schemas import ExportQuery
    from serving.ledger.errors import ArchiveError

    media_type = next((kind for kind, ending in ENDINGS.items() if out.suffix == f".{ending}"), None)
    if media_type is None:
        endings = "、".join(f".{ending}" for ending in ENDINGS.values())
        raise typer.BadParameter(f"{out.name}: {endings}", param_hint="out")
    if out.exists():
        raise ArchiveError(out.name, zh="文件已存在，不覆盖", en="the file exists and is not overwritten")
    query = ExportQuery(
        since=since.date() if since else None,
        until=until.date() if until else None,
        cursor=cursor,
        limit=limit,
    )
    with _deployment() as deployment:
        exported = deployment.review.decisions.export(query, media_type, _auditor(by))
    out.touch(mode=0o600)
    out.write_bytes(exported.made.content)
    info = exported.made.info
    say = teller(load_settings())
    say(f"已导出 {info.rows} 条到 {out}。", f"Exported {info.rows} decisions to {out}.")
    if info.cursor is not None:
        say(f"还有更多：--cursor {info.cursor}", f"There are more: --cursor {info.cursor}")


@ledger_app.command("labels")
def write_labels(
    out: Annotated[Path, typer.Argument(help="写入的 Parquet 文件。Parquet file to write.")],
) -> None:
    """把人工调整与申诉结果写成标签表，供训练与监控使用。 / Write overrides and appeals as labels for training and monitoring."""
    from serving.ledger.chain import Ledger
    from serving.review.labels import write_review_labels
    from serving.review.review_store import ReviewStore

    with service_database() as database:
        overrides, appeals = (
            ReviewStore(database, Ledger(database), kind) for kind in ("override", "appeal")
        )
        labels = write_review_labels(overrides, appeals, out)
    say = teller(load_settings())
    say(f"已写入 {labels.height} 条标签到 {out}。", f"Wrote {labels.height} labels to {out}.")


@ledger_app.command("prune")
def prune_ledger(
    before: Annotated[
        datetime,
        typer.Option(formats=_DAY, help="裁剪该日（UTC）之前的决策。Prune decisions before this day."),
    ],
    by: Annotated[str, typer.Option(help="由谁执行，记入台账。Who does it, written down.")],
    folder: Annotated[
        Path | None, typer.Option(help="归档目录，默认 <home>/archive。Folder of the archives.")
    ] = None,
) -> None:
    """把旧决策移入归档文件；180 天内的不裁剪，链仍可证明。 / Move old decisions to an archive; none of the last 180 days."""
    from serving.access.command_line import command_line_caller
    from serving.access.roles import Role
    from serving.ledger.chain import Ledger
    from serving.ledger.errors import PruneError
    from serving.ledger.pruning import Prune, prune

    if not by.strip():
        raise PruneError(zh="请用 --by 写明由谁执行。", en="say with --by who does it.")
    caller = command_line_caller(new_id(), [Role.OPERATOR.value], by=by)
    wanted = Prune(before.replace(tzinfo=UTC), caller, datetime.now(UTC), new_id())
    target = folder or _archive()
    with service_database() as database:
        done = prune(database, Ledger(database), wanted, target)
        removed = _remove_old_files(database, wanted.by)
    say = teller(load_settings())
    if removed is not None:
        books, jobs = removed
        say(
            f"已删除过保存期或台账没有记录的文件：成批评分 {books} 批，作业 {jobs} 个。",
            f"Removed files that were kept long enough or that no record names: of {books} books, of {jobs} jobs.",
        )
    if done is None:
        say("没有可裁剪的决策。", "There is nothing to prune.")
        return
    say(
        f"已裁剪 {done.rows} 条，归档 {target / done.archive.name}，SHA-256 {done.archive.sha256}。请将归档另行备份。",
        f"Pruned {done.rows} decisions to {target / done.archive.name}, SHA-256 {done.archive.sha256}. Back it up.",
    )


def _remove_old_files(database: "Database", by: "Caller") -> tuple[int, int] | None:
    """Remove files of books and jobs whose decisions lie in archives; None where there are none to remove."""
    from serving.jobs.files import JobFiles
    from serving.ledger.chain import Ledger
    from serving.retention import old_files, remove_files
    from serving.settings import read_settings

    settings, now = read_settings(load_settings().home), datetime.now(UTC)
    jobs = JobFiles(database, settings.jobs)
    old = old_files(database, books=settings.books, jobs=jobs, now=now, days=settings.kept_files_days)
    if not old:
        return None
    remove_files(Ledger(database), jobs, old, by=by, at=now, record_id=new_id())
    return len(old.books) + len(old.lone), len(old.jobs)


def _archive() -> Path:
    return load_settings().home / "archive"


def _auditor(by: str | None) -> "Caller":
    from serving.access.command_line import command_line_caller
    from serving.access.roles import Role

    return command_line_caller(new_id(), [Role.AUDITOR.value], by=by)


@contextmanager
def _deployment() -> Iterator["Deployment"]:
    """Load what a worker of the service holds, without serving and without taking jobs."""
    from serving.settings import read_settings
    from serving.wiring import Deployment

    deployment = Deployment(read_settings(load_settings().home))
    deployment.parts.refresh()
    try:
        yield deployment
    finally:
        deployment.close()
