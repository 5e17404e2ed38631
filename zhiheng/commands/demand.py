"""Commands that forecast what the group sells and keep what was published."""

import getpass
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import REPOSITORY, Settings, load_settings

__all__ = ["run", "run_demand"]


def run(
    *,
    as_of: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="截止日：之后才得知的不算。Nothing known later counts."),
    ],
    freq: Annotated[str, typer.Option(help="频率，逗号分隔：1d、1w、1mo。Frequencies.")] = "1w,1mo",
    tier: Annotated[str, typer.Option(help="fast 快速 | standard 标准。Tier.")] = "standard",
    plans: Annotated[
        Path | None,
        typer.Option(help="计划价格与促销（Parquet）：unique_id, ds, price, promotion。Planned drivers."),
    ] = None,
    seed: Annotated[int, typer.Option(help="随机种子。Seed.")] = 7,
    challenger: Annotated[
        bool,
        typer.Option(
            "--challenger",
            help="作为挑战者发布，只供比较，不对外作答。Publish as challenger: compared, not served.",
        ),
    ] = False,
) -> None:
    """预测集团各产品各区域的销量（含各级合计），回测、登记模型并发布，供接口读取。

    Forecast the group's sales by product and region with all sums, judge the procedure on the last horizon, register the
    model and publish the run that the endpoints read. Every published run is kept.
    """
    settings = load_settings()
    run_demand(
        settings,
        teller(settings),
        as_of=as_of.date(),
        freq=freq,
        tier=tier,
        plans=plans,
        seed=seed,
        challenger=challenger,
    )


def run_demand(
    settings: Settings,
    say: Callable[[str, str], None],
    *,
    as_of: date,
    freq: str = "1w,1mo",
    tier: str = "standard",
    plans: Path | None = None,
    seed: int = 7,
    challenger: bool = False,
) -> None:
    """Run the job over the checked tables under home."""
    from experiments.job import checked_job
    from experiments.run_demand import RunDemand
    from experiments.tracking import code_version

    checked_job(
        RunDemand,
        tables=settings.home / "checked" / "good",
        home=settings.home,
        as_of=as_of,
        issued_at=datetime.now(UTC),
        freqs=tuple(word.strip() for word in freq.split(",") if word.strip()),
        tier=tier,
        plans=plans,
        tracking_uri=settings.tracking_uri,
        artifacts=settings.artifacts,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
        seed=seed,
        challenger=challenger,
    ).run(say)
