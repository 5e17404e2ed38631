"""Commands of credit policy: who answers where, expected loss of the book, rules on a party, alerts, the pooled model."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zhiheng.commands.words import said
from zhiheng.console import teller
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    import polars as pl

    from models.credit.coverage import Answerer, Cell

__all__ = ["alerts", "coverage", "loss", "pooled", "rules"]

_CODED: Final = frozenset({"measurement", "stage_reason", "business_line", "level"})
"""Columns whose values are codes that have a name."""
_DAY: Final = ["%Y-%m-%d"]
_AsOf = Annotated[
    datetime,
    typer.Option(formats=_DAY, help="只用该日及以前已知的数据。Use only what was known by this day."),
]
_Top = Annotated[int, typer.Option(min=0, help="显示金额最大的若干行。Rows to print, most money first.")]


def coverage() -> None:
    """打印业务条线 × 阶段矩阵：每格由哪个模型或规则回答。

    Print the matrix of lines and stages: which model or rule answers in each cell; full / thin file / cold start.
    """
    from models.credit.coverage import LendingStage, Line, read_coverage

    language = load_settings().lang
    zh = language == "zh"
    file = read_coverage()
    table = Table(
        show_lines=True,
        caption="每格首行：资料齐全 → 较少 → 几乎没有时由谁给出违约概率；“+”后同时回答。"
        if zh
        else "First line of a cell: who gives the PD when most → little → next to nothing is known; + what answers beside it.",
    )
    table.add_column("业务条线" if zh else "line", overflow="fold")
    for stage in LendingStage:
        table.add_column(said(stage, language), overflow="fold")
    for line in Line:
        cells = [_cell(file.cell_of(line, stage), zh=zh) for stage in LendingStage]
        table.add_row(f"{said(line, language)} ({line})" if zh else str(line), *cells)
    Console().print(table)


def _cell(cell: "Cell", *, zh: bool) -> str:
    from models.credit.coverage import ANSWERERS

    language = "zh" if zh else "en"

    def named(who: "Sequence[Answerer]", between: str) -> str:
        return between.join(ANSWERERS[name].name.text(language) for name in who)

    others = named(cell.beside, "、" if zh else ", ")
    return f"{named((cell.full, cell.thin, cell.cold), ' → ')}\n+ {others}\n{cell.note.text(language)}"


def loss(
    as_of: _AsOf,
    out: Annotated[
        Path | None,
        typer.Option(help="写入的目录，默认 <home>/credit。Folder to write; <home>/credit unless told."),
    ] = None,
    top: _Top = 20,
) -> None:
    """计算集团全部敞口的预期损失（三阶段），按金额排序写入 Parquet。

    Measure the expected loss of every exposure (three stages), write it to Parquet ranked by money, print the largest.
    """
    from experiments.book_loss import BookLoss
    from models.credit.loss import loss_totals, ranked_by_money

    settings = load_settings()
    job = BookLoss(**_places(settings), out=out or settings.home / "credit", as_of=as_of.date())
    book = job.run(teller(settings))
    columns = ("exposures", "ead", "el_12m", "el_lifetime", "el_booked", "coverage")
    language = settings.lang
    _print(loss_totals(book.losses, "measurement", "stage"), ("measurement", "stage", *columns), language)
    shown = (
        "rank",
        "exposure_id",
        "party_id",
        "business_line",
        "stage",
        "stage_reason",
        "pd_12m",
        "lgd",
        "ead",
        "el_booked",
    )
    _print(ranked_by_money(book.losses).head(top), shown, language)


def rules(
    party: Annotated[str, typer.Argument(help="主体编号。Party id.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=_DAY, help="日期，默认最新特征的日期。The day; that of the newest features unless told."
        ),
    ] = None,
) -> None:
    """列出一个主体命中的政策规则和未能核查的规则，附限额、实际值与依据。

    List the policy rules that a party breaks, and those that could not be checked, with limit, value and source.
    """
    from experiments.credit_book import open_graph
    from features.credit.rule_facts import rule_facts
    from features.sources import read_tables
    from models.credit.rules.evaluate import evaluate_rules
    from models.credit.rules.facts import facts_of_row
    from models.credit.rules.policy import read_rules

    settings = load_settings()
    day = as_of.date() if as_of is not None else _newest(settings)
    policy, places = read_rules(), _places(settings)
    facts = rule_facts(
        read_tables(places["tables"]),
        open_graph(places["graph"]).snapshot(day),
        day,
        [party],
        org_kinds=policy.organisation_kinds(day),
    )
    hits = evaluate_rules(facts_of_row(facts.row(0, named=True)), policy, day)
    say = teller(settings)
    count = sum(hit.checked for hit in hits)
    say(f"{party}（{day}）：{count} 条命中", f"{party} ({day}): {count} hits")
    unchecked = len(hits) - count
    if unchecked:
        say(f"另有 {unchecked} 条未能核查（缺少数据）", f"{unchecked} more could not be checked (no data)")
    for hit in hits:
        say(
            f"[{said(hit.severity, 'zh')}] {hit.code}：{hit.zh}  依据：{hit.source}（自 {hit.valid_from}）",
            f"[{said(hit.severity, 'en')}] {hit.code}: {hit.en}  source: {hit.source} (since {hit.valid_from})",
        )


def alerts(
    before: Annotated[datetime, typer.Option(formats=_DAY, help="较早的日期。The earlier day.")],
    as_of: _AsOf,
    out: Annotated[
        Path | None,
        typer.Option(help="写入的目录，默认 <home>/credit。Folder to write; <home>/credit unless told."),
    ] = None,
    top: _Top = 20,
) -> None:
    """比较两个日期，列出预警（等级下降、新增硬性规则、逾期、邻居违约等），按预期损失变化排序。

    Compare two days and list alerts (falls of grade, new hard stops, arrears, defaults around), ranked by the change of
    expected loss.
    """
    from experiments.book_alerts import BookAlerts

    settings = load_settings()
    job = BookAlerts(
        **_places(settings), out=out or settings.home / "credit", before=before.date(), as_of=as_of.date()
    )
    found = job.run(teller(settings))
    text = "zh" if settings.lang == "zh" else "en"
    _print(found.head(top), ("rank", "party_id", "level", "code", text, f"action_{text}", "el_change"), text)


def pooled(
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=_DAY, help="日期，默认最新特征的日期。The day; that of the newest features unless told."
        ),
    ] = None,
) -> None:
    """由样本学习分组混合模型（资料不足的主体用），写入模型和各主体的违约概率与区间。

    Learn the pooled model of segments from the panel, for parties of whom little is known; write it and each party's PD.
    """
    from experiments.build_features import PANEL
    from experiments.learn_pooled import LearnPooled

    settings = load_settings()
    places = _places(settings)
    LearnPooled(
        tables=places["tables"],
        panel=places["features"] / PANEL,
        out=settings.home / "credit",
        as_of=as_of.date() if as_of is not None else _newest(settings),
    ).run(teller(settings))


def _places(settings: Settings) -> dict[str, Path]:
    home = settings.home
    return {
        "tables": home / "checked" / "good",
        "graph": home / "graph",
        "features": home / "features",
        "models": home / "models" / "credit",
    }


def _newest(settings: Settings) -> date:
    """Return the day of the newest features. Raises MissingLatestError."""
    import json

    from experiments.build_features import LATEST
    from experiments.errors import MissingLatestError

    sidecar = (settings.home / "features" / LATEST).with_suffix(".json")
    if not sidecar.is_file():
        raise MissingLatestError(str(sidecar))
    return date.fromisoformat(json.loads(sidecar.read_text(encoding="utf-8"))["data_as_of"])


def _print(frame: "pl.DataFrame", columns: Sequence[str], language: str) -> None:
    table = Table()
    for column in columns:
        justify: Literal["left", "right"] = "right" if frame.schema[column].is_numeric() else "left"
        table.add_column(said(column, language), overflow="fold", justify=justify)
    for row in frame.select(columns).iter_rows():
        told = (
            _named(name, value, language) if name in _CODED else _told(value)
            for name, value in zip(columns, row, strict=True)
        )
        table.add_row(*map(escape, told))
    Console().print(table)


def _named(column: str, code: str, language: str) -> str:
    from models.credit.stages import STAGE_REASONS, StageReason

    if column == "stage_reason":
        return STAGE_REASONS[StageReason(code)].text(language)
    return said(code, language)


def _told(value: object) -> str:
    """Return a figure as people read it: money in whole yuan, rates with their digits."""
    if not isinstance(value, float):
        return "—" if value is None else str(value)
    return f"{value:,.0f}" if abs(value) > 1 else f"{value:.4f}"
