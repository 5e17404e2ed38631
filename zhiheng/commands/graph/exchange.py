"""Take in what registers and investigators publish, and hand the graph to other tools."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.commands.graph.stores import AsOf, ValidOn, day_of, embedded_store
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from graph.interchange.imported import Imported

__all__ = ["export", "import_"]


class Incoming(StrEnum):
    """What can be taken in."""

    BODS = "bods"
    FOLLOWTHEMONEY = "ftm"


class Outgoing(StrEnum):
    """What can be handed out."""

    GRAPHML = "graphml"
    NEO4J_CSV = "neo4j-csv"


def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="文件。The file.")],
    form: Annotated[
        Incoming,
        typer.Option(
            "--format",
            help="BODS 0.4（bods）或 FollowTheMoney 的 JSON 行（ftm）。BODS 0.4 or FollowTheMoney lines.",
        ),
    ],
    *,
    prefix: Annotated[
        str,
        typer.Option(
            help="加在编号前，避免与本集团编号相混。Put before ids, so that they meet none of ours."
        ),
    ] = "",
    known_at: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="文件未写明获知日时采用的日期（仅 ftm）。The known day of what gives none (ftm only).",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="只看结果，不写入。Only say what would be written.")
    ] = False,
) -> None:
    """导入股权与控制关系文件；装不下的逐条列出，绝不悄悄丢弃。

    Take in ownership and control from a file; what the graph has no place for is listed, never dropped in silence.
    A publisher's file must hold its whole history: an update without what it updates closes nothing.
    """
    from features.checked_files import write_csv_atomically

    settings = load_settings()
    say = teller(settings)
    found = _read(file, form, prefix, known_at)
    say(
        f"读到 {found.parties.height:,} 条主体档案、{found.edges.height:,} 条关系记录",
        f"{found.parties.height:,} records of parties and {found.edges.height:,} statements read",
    )
    listed = settings.home / "graph-left-out.csv"
    if found.left_out.height:
        write_csv_atomically(found.left_out, listed, private=True)
        say(
            f"！{found.left_out.height:,} 条未能装入，原因见 {listed}",
            f"! {found.left_out.height:,} could not be carried; reasons in {listed}",
        )
    else:
        listed.unlink(missing_ok=True)  # that of an earlier file would be taken for this one's
    if not dry_run:
        added, known = embedded_store(settings).load(found.edges, found.parties)
        say(f"新增 {known:,} 条档案、{added:,} 条关系", f"{known:,} new records and {added:,} new statements")


def _read(file: Path, form: Incoming, prefix: str, known_at: datetime | None) -> "Imported":
    if form is Incoming.BODS:
        from graph.interchange.bods import read_bods

        return read_bods(file, prefix=prefix)
    from graph.interchange.followthemoney import read_followthemoney

    return read_followthemoney(file, known_at=known_at.date() if known_at else None, prefix=prefix)


def export(
    out: Annotated[
        Path, typer.Argument(help="文件（graphml）或新文件夹（neo4j-csv）。File, or a new folder.")
    ],
    form: Annotated[
        Outgoing,
        typer.Option(
            "--format",
            help="graphml：某日的图；neo4j-csv：全部记录，供 neo4j-admin 批量导入。"
            "graphml: the graph on a day; neo4j-csv: all statements, for neo4j-admin.",
        ),
    ] = Outgoing.GRAPHML,
    *,
    as_of: AsOf = None,
    valid_on: ValidOn = None,
) -> None:
    """导出关系图给其他工具。Hand the graph to other tools."""
    from graph.errors import QuestionError
    from graph.interchange.graphml import write_graphml
    from graph.interchange.neo4j_csv import write_neo4j_csv

    settings = load_settings()
    store, say = embedded_store(settings), teller(settings)
    day = day_of(store, as_of, home=settings.home)
    if form is Outgoing.NEO4J_CSV and (as_of or valid_on):
        raise QuestionError(
            "--as-of",
            "只用于 graphml；neo4j-csv 总是导出全部记录，请去掉日期",
            "is for graphml: neo4j-csv always holds all statements; leave the days out",
        )
    if form is Outgoing.GRAPHML:
        write_graphml(
            out,
            store.parties(day),
            store.statements(),
            as_of=day,
            valid_on=valid_on.date() if valid_on else None,
        )
        say(f"已写入 {out}（截至 {day}）", f"written to {out} (as of {day})")
        return
    command = write_neo4j_csv(out, store.records(), store.statements(), scores=store.every_score())
    say(f"已写入 {out}。停止 Neo4j 后在该文件夹中运行：", f"written to {out}. Stop Neo4j, then run there:")
    say(command, command)
