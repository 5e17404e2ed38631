"""Commands that take demand apart and hold running periods against their forecasts."""

from pathlib import Path
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import load_settings

__all__ = ["analyse", "event", "nowcast"]

_Freq = Annotated[str, typer.Option(help="频率 1h|1d|1w|1mo|1q；ds 为整数时 1。Frequency.")]


def analyse(
    *,
    table: Annotated[Path, typer.Option(help="数据表：unique_id, ds, y。The table.")],
    freq: _Freq,
    out: Annotated[Path, typer.Option(help="结果目录。Folder for the results.")],
    season: Annotated[
        int | None, typer.Option(min=1, help="季节长度，默认按频率。Periods of a season.")
    ] = None,
    drivers: Annotated[
        str, typer.Option(help="可解释异常的列，逗号分隔。Columns that may explain outliers.")
    ] = "",
    events: Annotated[
        Path | None, typer.Option(help="已知事件表：event, start_on, end_on。Known events.")
    ] = None,
    calendar: Annotated[bool, typer.Option(help="考虑中国节假日与调休。Use the Chinese calendar.")] = True,
    as_of: Annotated[
        str | None, typer.Option(help="截止日：之后才得知的不算。Nothing known later counts.")
    ] = None,
    most_parts: Annotated[int, typer.Option(min=0, help="最多分解多少条序列。Series to decompose.")] = 200,
) -> None:
    """需求分析：趋势、季节、节假日影响，变点，以及带日期和原因的异常值。

    Analyse demand: trend, seasons and calendar effects, lasting changes, and outliers with dates and causes. Outliers
    are only advised on: nothing is taken out of any table.
    """
    from experiments.analyse_demand import AnalyseDemand
    from experiments.job import checked_job

    job = checked_job(
        AnalyseDemand,
        table=table,
        freq=freq,
        out=out,
        season=season,
        drivers=tuple(word.strip() for word in drivers.split(",") if word.strip()),
        events=events,
        calendar=calendar,
        as_of=as_of,
        most_parts=most_parts,
    )
    job.run(teller(load_settings()))


def nowcast(
    *,
    orders: Annotated[Path, typer.Option(help="逐日订单：unique_id, ds, y, known_at。Daily orders.")],
    forecast: Annotated[Path, typer.Option(help="已发布的预测（含 q10、q90）。The published forecast.")],
    freq: Annotated[str, typer.Option(help="预测的频率 1w|1mo|1q。Frequency of the forecast.")],
    as_of: Annotated[str, typer.Option(help="截至哪一天。Day of the nowcast.")],
    out: Annotated[Path, typer.Option(help="结果文件（.parquet）。File for the result.")],
    history: Annotated[
        Path | None, typer.Option(help="以往各期发布的预测。Forecasts of earlier periods.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(help="同时报送的序列分组：unique_id, group。Series that report together.")
    ] = None,
) -> None:
    """实时预估：用截至今天的订单补全本期，与已发布的预测对照，超出区间的列出。

    Complete the running periods from the orders known by a day and hold them against the published forecast; those
    that leave its band are listed.
    """
    from experiments.analyse_demand import NowcastDemand
    from experiments.job import checked_job

    job = checked_job(
        NowcastDemand,
        orders=orders,
        forecast=forecast,
        freq=freq,
        as_of=as_of,
        out=out,
        history=history,
        groups=groups,
    )
    job.run(teller(load_settings()))


def event(
    *,
    table: Annotated[Path, typer.Option(help="数据表：unique_id, ds, y。The table.")],
    freq: _Freq,
    first: Annotated[str, typer.Option(help="事件第一天。First day of the event.")],
    last: Annotated[str, typer.Option(help="事件最后一天。Last day of the event.")],
    name: Annotated[str, typer.Option(help="事件名，如 salt_panic。Name of the event.")],
) -> None:
    """从历史中学习一次冲击（如抢盐）：激增几倍、其后回落多深多久；打印成情景文件的一段。

    Learn a shock from history: how many times the usual demand it was, how deep and how long it fell back; printed as an
    entry for a scenarios file.
    """
    from experiments.job import checked_job
    from experiments.learn_event import LearnEvent

    job = checked_job(LearnEvent, table=table, freq=freq, first=first, last=last, name=name)
    typer.echo(job.run(teller(load_settings())).toml)
