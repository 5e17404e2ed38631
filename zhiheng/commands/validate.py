"""Commands of validation: the report a reviewer reads before a model goes live."""

from pathlib import Path
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import REPOSITORY, load_settings

__all__ = ["app"]

app = typer.Typer(help="验证模型并写出报告。Validate a model and write the report.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A group of one command keeps its command's name."""


@app.command()
def credit(
    truth: Annotated[
        Path | None,
        typer.Option(help="潜在真相文件夹（仅样例集团有）。Latent truth, which only a sample group has."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="写入报告的文件夹，默认 <home>/reports。Folder for the report.")
    ] = None,
    conf: Annotated[
        Path | None,
        typer.Option(
            help="训练配置（TOML），须与在用模型相同。The training's settings, those of the champion."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="随机种子，优先于配置。Seed; wins over the file.")] = None,
) -> None:
    """验证信用模型：时间外与主体外结果、校准、对照、分段、稳定性、泄漏；写出 HTML 与 JSON，并记入 MLflow。

    Validate the credit model: out of time and of company, calibration, comparison, segments, stability, leaks; HTML and JSON.
    """
    from experiments.build_features import LINKS, PANEL
    from experiments.job import CONFS, read_job
    from experiments.tracking import code_version
    from experiments.train_credit import TrainCredit
    from experiments.validate_credit import ValidateCredit

    settings = load_settings()
    say = teller(settings)
    training = read_job(
        TrainCredit,
        conf or CONFS / "train_credit.toml",
        panel=settings.home / "features" / PANEL,
        links=settings.home / "features" / LINKS,
        models=settings.home / "models" / "credit",
        tracking_uri=settings.tracking_uri,
        artifacts=settings.artifacts,
        code_version=code_version(REPOSITORY),
        seed=seed,
        num_threads=settings.threads,
    )
    done = ValidateCredit(
        training=training,
        tables=settings.home / "checked" / "good",
        out=out or settings.home / "reports",
        truth=truth,
    ).run(say)
    say(f"报告：{done.page}（数字：{done.figures}）", f"report: {done.page} (figures: {done.figures})")
