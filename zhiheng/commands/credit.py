"""Commands of credit models: train on the group's tables, fit any table, score rows."""

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import REPOSITORY, Settings, load_settings

__all__ = [
    "fit",
    "fit_app",
    "prepare",
    "prepare_book",
    "recalibrate",
    "score",
    "train",
    "train_and_publish",
    "train_app",
]

fit_app = typer.Typer(help="用任意数据表训练。Fit on any table.", no_args_is_help=True)
train_app = typer.Typer(help="用集团数据训练。Train on the group's tables.", no_args_is_help=True)


@train_app.callback()
@fit_app.callback()
def _group() -> None:
    """A group of one command keeps its command's name."""


@train_app.command("credit")
def train(
    conf: Annotated[
        Path | None,
        typer.Option(help="训练配置（TOML）。Settings; experiments/confs/train_credit.toml unless told."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="随机种子，优先于配置。Seed; wins over the file.")] = None,
) -> None:
    """用集团样本训练信用模型：时间外评价、登记为 champion、发布给服务。

    Train the credit model on the group's panel: judge it out of time, register it as champion, publish it to the service.
    """
    settings = load_settings()
    train_and_publish(settings, teller(settings), conf=conf, seed=seed)


def prepare() -> None:
    """为已发布的模型准备答复所需：相邻主体得分、规则事实、传导路径（训练后自动运行，重算特征后请再运行）。

    Write what answers need beside the newest features, for the published model: neighbours' scores, facts for the
    rules, carrier paths. Training does so itself; run it after building features anew.
    """
    settings = load_settings()
    prepare_book(settings, teller(settings))


def recalibrate(
    rate: Annotated[
        float,
        typer.Option(
            min=1e-6, max=1 - 1e-6, help="给定的违约率，如 0.02。Stated default rate, such as 0.02."
        ),
    ],
    out: Annotated[Path, typer.Option(help="写入模型的目录。Model folder to write.")],
    trained_rate: Annotated[
        float | None,
        typer.Option(
            min=1e-6,
            max=1 - 1e-6,
            help="训练总体的违约率：按两个违约率调整。Rate of the population learnt from: shift by the two rates.",
        ),
    ] = None,
) -> None:
    """把在用模型调整到给定的组合违约率，另存为新模型：排序与贡献不变，水平改变（算法见 docs/calibration.md）。

    Move the champion to a stated default rate, as a new model folder: ranking and contributions stay, the level moves
    (arithmetic in docs/calibration.md). By default the mean PD of the parties at risk is then the rate.
    """
    import json

    from experiments.publish import POINTER
    from experiments.recalibrate import Recalibrate
    from experiments.tracking import code_version
    from zhiheng.errors import NothingToExplainError

    settings = load_settings()
    models, features = settings.home / "models" / "credit", settings.home / "features"
    if not (models / POINTER).is_file():
        raise NothingToExplainError(models / POINTER)
    folder = json.loads((models / POINTER).read_text(encoding="utf-8"))["folder"]
    Recalibrate(
        model=models / folder,
        rate=rate,
        trained_rate=trained_rate,
        latest=features / "credit_latest.parquet",
        links=features / "credit_links.parquet",
        out=out,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
        num_threads=settings.threads,
    ).run(teller(settings))


def train_and_publish(
    settings: Settings, say: Callable[[str, str], None], *, conf: Path | None = None, seed: int | None = None
) -> None:
    """Train the credit model on the panel under home, register it as champion, publish it to the service."""
    from experiments.job import CONFS, read_job
    from experiments.publish import PublishChampion
    from experiments.tracking import code_version
    from experiments.train_credit import TrainCredit

    models = settings.home / "models" / "credit"
    job = read_job(
        TrainCredit,
        conf or CONFS / "train_credit.toml",
        panel=settings.home / "features" / "credit_panel.parquet",
        links=settings.home / "features" / "credit_links.parquet",
        models=models,
        tracking_uri=settings.tracking_uri,
        artifacts=settings.artifacts,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
        seed=seed,
        num_threads=settings.threads,
    )
    job.run(say)
    PublishChampion(models=models, tracking_uri=settings.tracking_uri).run(say)
    prepare_book(settings, say)


def prepare_book(settings: Settings, say: Callable[[str, str], None]) -> None:
    """Write what answers need beside the newest features, for the published model."""
    from experiments.prepare_book import PrepareBook
    from experiments.prepare_exposures import PrepareExposures

    home = settings.home
    PrepareBook(
        tables=home / "checked" / "good",
        graph=home / "graph",
        features=home / "features",
        models=home / "models" / "credit",
        pooled=home / "credit",
        num_threads=settings.threads,
    ).run(say)
    PrepareExposures(tables=home / "checked" / "good", graph=home / "graph", features=home / "features").run(
        say
    )


@fit_app.command("credit")
def fit(
    card: Annotated[Path, typer.Option(help="描述数据表的卡片（TOML）。Card that describes the tables.")],
    out: Annotated[Path, typer.Option(help="写入模型的目录。Model folder to write.")],
    seed: Annotated[int, typer.Option(help="随机种子。Random seed.")] = 7,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="替换不是模型的非空目录。Replace a folder that holds no model.")
    ] = False,
    track: Annotated[bool, typer.Option("--track", help="记入 MLflow。Log the run to MLflow.")] = False,
) -> None:
    """按卡片训练并评价信用模型：AUC、KS、Brier、ECE 均带区间；可疑的泄漏列会点名。

    Fit and judge a credit model on the tables of a card: AUC, KS, Brier, ECE with intervals; suspect columns are named.
    """
    from experiments.fit_card import FitCard
    from experiments.tracking import code_version

    settings = load_settings()
    say = teller(settings)
    job = FitCard(
        card=card,
        out=out,
        seed=seed,
        force=force,
        num_threads=settings.threads,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
    )
    fitted = job.run(say)
    if track:
        from experiments.fit_card import track_fit

        track_fit(job, fitted, tracking_uri=settings.tracking_uri, artifacts=settings.artifacts)
    version = fitted.bundle.manifest.version
    say(
        f"模型 {version} 已写入 {out}（报告：{out / 'report.md'}）",
        f"model {version} written to {out} ({out / 'report.md'})",
    )


def score(
    model: Annotated[Path, typer.Option(help="模型目录。Model folder.")],
    card: Annotated[Path, typer.Option(help="待评分数据的卡片，可无标签。Card of the rows to score.")],
    out: Annotated[Path, typer.Option(help="输出 .parquet 或 .csv。File to write.")],
) -> None:
    """用卡片模型给新数据评分：编号、违约概率、对数几率与各特征贡献。

    Score rows with a model of a card: id, pd, log_odds, base_log_odds, grade and the contributions.
    """
    from experiments.score_card import ScoreCard

    settings = load_settings()
    ScoreCard(model=model, card=card, out=out, num_threads=settings.threads).run(teller(settings))
