"""`zhiheng demo` and `zhiheng stop`: the main job, and the end of what it leaves running."""

from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import load_settings

__all__ = ["demo", "stop"]


def demo(
    seed: Annotated[
        int, typer.Option(help="示例集团与训练的随机种子。Seed of sample group and training.")
    ] = 7,
    scale: Annotated[
        float,
        typer.Option(
            help="示例集团的规模倍数（1 为 2,000 个主体）。Size of the sample group: 1 is 2,000 parties."
        ),
    ] = 2.0,  # of 2,000 parties too few default because of others for the network part to prove itself
) -> None:
    """从数据表到一次可解释、有记录的评分。From tables to one explained, recorded answer."""
    from zhiheng.demo import Demo

    settings = load_settings()
    Demo(settings, teller(settings), teller(settings, indent="    "), seed=seed, scale=scale).run()


def stop() -> None:
    """停止 demo 留在后台的服务。End the service and the MLflow pages that the demo left running."""
    from zhiheng.demo import background_programs

    settings = load_settings()
    say = teller(settings)
    for program in background_programs(settings):
        stopped = program.stop()
        say(
            f"{program.name}：{'已停止' if stopped else '未在运行'}",
            f"{program.name}: {'stopped' if stopped else 'was not running'}",
        )
