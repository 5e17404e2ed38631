"""Commands that search better settings within a budget."""

from pathlib import Path
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import load_settings

__all__ = ["tune_app", "tune_credit"]

tune_app = typer.Typer(
    help="在预算内搜索更好的设置。Search better settings within a budget.", no_args_is_help=True
)


@tune_app.callback()
def _group() -> None:
    """A group of one command keeps its command's name."""


@tune_app.command("credit")
def tune_credit(
    trials: Annotated[int | None, typer.Option(help="试验次数上限。Stop after so many trials.")] = None,
    seconds: Annotated[float | None, typer.Option(help="时间上限（秒）。Stop after so many seconds.")] = None,
    seed: Annotated[int | None, typer.Option(help="随机种子，优先于配置。Seed; wins over the file.")] = None,
    conf: Annotated[
        Path | None,
        typer.Option(help="调参配置（TOML）。Settings; experiments/confs/tune_credit.toml unless told."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="写出的训练配置，默认在数据目录。File to write; under home unless told."),
    ] = None,
) -> None:
    """在预算内为信用模型搜索提升树设置；确有改进才推荐，结果可直接用于 zhiheng train credit --conf。

    Search booster settings of the credit model within a budget; they are recommended only when better by more than
    noise. The file written is one that zhiheng train credit --conf takes. Most users need no tuning.
    """
    from experiments.job import CONFS, read_job
    from experiments.tune_credit import TuneCredit

    settings = load_settings()
    job = read_job(
        TuneCredit,
        conf or CONFS / "tune_credit.toml",
        panel=settings.home / "features" / "credit_panel.parquet",
        links=settings.home / "features" / "credit_links.parquet",
        out=out or settings.home / "models" / "tuned_credit.toml",
        tracking_uri=settings.tracking_uri,
        artifacts=settings.artifacts,
        trials=trials,
        seconds=seconds,
        seed=seed,
        num_threads=settings.threads,
    )
    job.run(teller(settings))
