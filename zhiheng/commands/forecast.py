"""Commands that forecast any table of unique_id, ds, y, and judge how well."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from zhiheng.console import teller
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["backtest", "forecast"]

_Table = Annotated[
    Path, typer.Option(help="数据表：unique_id, ds, y（Parquet、CSV、xlsx）。The table.", exists=False)
]
_Freq = Annotated[str, typer.Option(help="频率 1h|1d|1w|1mo|1q；ds 为整数时 1。Frequency.")]
_Horizon = Annotated[int, typer.Option(min=1, help="预测多少期。Periods ahead.")]
_Known = Annotated[
    str, typer.Option(help="未来已知的驱动列，逗号分隔。Drivers known for the future, comma-separated.")
]
_Past = Annotated[str, typer.Option(help="只有过去值的驱动列。Drivers known only afterwards.")]
_Static = Annotated[str, typer.Option(help="描述序列的列。Columns that describe a series.")]
_Hierarchy = Annotated[
    Path | None, typer.Option(help="层级文件（TOML）：各序列如何相加。How the series add up.")
]
_Tier = Annotated[str, typer.Option(help="fast 快速 | standard 标准。Tier.")]
_Season = Annotated[int | None, typer.Option(min=1, help="季节长度，默认按频率。Periods of a season.")]
_Extra = Annotated[
    str,
    typer.Option(help="另加的方法 auto_arima,auto_ces（慢）,croston_sba,croston_optimised。More members."),
]
_AsOf = Annotated[str | None, typer.Option(help="截止日：之后才得知的不算。Nothing known later counts.")]
_Seed = Annotated[int, typer.Option(help="随机种子。Seed.")]

_WIDEST: Final = 1_000  # characters
_HEADINGS: Final = {
    "name": ("方法", "method"),
    "series": ("序列", "series"),
    "origins": ("起点", "origins"),
    "wape": ("WAPE", "WAPE"),
    "mase": ("MASE", "MASE"),
    "rmsse": ("RMSSE", "RMSSE"),
    "smape": ("sMAPE %", "sMAPE %"),
    "owa": ("OWA", "OWA"),
    "scaled_quantile_loss": ("分位损失", "quantile loss"),
    "coverage": ("覆盖率", "coverage"),
    "bias": ("偏差", "bias"),
}


def forecast(
    *,
    table: _Table,
    freq: _Freq,
    horizon: _Horizon,
    out: Annotated[Path, typer.Option(help="预测写到这里（.parquet 或 .csv）。Where the forecast goes.")],
    quantiles: Annotated[str, typer.Option(help="分位数，逗号分隔。Quantile levels.")] = "0.1,0.5,0.9",
    known: _Known = "",
    past: _Past = "",
    static: _Static = "",
    hierarchy: _Hierarchy = None,
    tier: _Tier = "standard",
    season: _Season = None,
    extra: _Extra = "",
    as_of: _AsOf = None,
    seed: _Seed = 7,
    explain: Annotated[bool, typer.Option(help="另写出各项贡献。Write the components too.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="另把模型存到这个目录。Folder that gets the model.")
    ] = None,
) -> None:
    """预测任意一张表：自动选方法、定权重、给区间；有问题的序列逐条列入报告，不影响其他序列。

    Forecast any table: members, weights and bands are chosen by backtests, nothing by hand. Beside the forecast lies a
    report of what was found in which series; one bad series never stops the others.
    """
    from experiments.forecast_table import ForecastTable
    from experiments.job import checked_job
    from experiments.tracking import code_version
    from zhiheng.settings import REPOSITORY

    settings = load_settings()
    job = checked_job(
        ForecastTable,
        table=table,
        freq=freq,
        horizon=horizon,
        out=out,
        quantiles=_list(quantiles),
        known=_list(known),
        past=_list(past),
        static=_list(static),
        hierarchy=hierarchy,
        tier=tier,
        season=season,
        extra=_list(extra),
        as_of=as_of,
        seed=seed,
        explain=explain,
        model=model,
        code_version=code_version(REPOSITORY),
    )
    job.run(teller(settings))


def backtest(
    *,
    table: _Table,
    freq: _Freq,
    horizon: _Horizon,
    origins: Annotated[int, typer.Option(min=1, help="滚动起点个数。Rolling origins.")] = 2,
    known: _Known = "",
    past: _Past = "",
    static: _Static = "",
    hierarchy: _Hierarchy = None,
    tier: _Tier = "standard",
    season: _Season = None,
    extra: _Extra = "",
    as_of: _AsOf = None,
    seed: _Seed = 7,
    out: Annotated[
        Path | None,
        typer.Option(help="逐起点结果（.parquet 或 .csv）。File for the measures of every origin."),
    ] = None,
) -> None:
    """用滚动起点检验预测：每个起点只用当时已有的数据重新学习，与朴素法和各方法并列。

    Judge forecasts by rolling origins: at each the model is learnt anew from what was there then. Printed beside the
    naive floor and the members; the run stands in MLflow.
    """
    from experiments.backtest_table import BacktestTable
    from experiments.job import checked_job

    settings = load_settings()
    job = checked_job(
        BacktestTable,
        table=table,
        freq=freq,
        horizon=horizon,
        origins=origins,
        known=_list(known),
        past=_list(past),
        static=_list(static),
        hierarchy=hierarchy,
        tier=tier,
        season=season,
        extra=_list(extra),
        as_of=as_of,
        seed=seed,
        out=out,
        tracking_uri=settings.tracking_uri,
        artifacts=settings.artifacts,
    )
    _show(job.run(teller(settings)), settings)


def _show(measures: "pl.DataFrame", settings: Settings) -> None:
    """Print the measures in full, however narrow the terminal."""
    from rich.console import Console
    from rich.table import Table

    zh = settings.lang == "zh"
    shown = Table(title="回测 · 各起点平均" if zh else "Backtest, means over origins")
    for column in measures.columns:
        heading = _HEADINGS.get(column, (column, column))[0 if zh else 1]
        shown.add_column(heading, justify="left" if column == "name" else "right", no_wrap=True)
    for row in measures.iter_rows():
        shown.add_row(*(_cell(value) for value in row))
    console = Console()
    unbound = console.options.update(max_width=_WIDEST)
    console.width = max(console.width, console.measure(shown, options=unbound).maximum)
    console.print(shown)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _list(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
