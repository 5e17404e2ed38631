"""Command that scores a whole book from file to file."""

from pathlib import Path
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.settings import load_settings

__all__ = ["score_book"]


def score_book(
    out: Annotated[Path, typer.Option(help="写入的 Parquet 文件。Parquet file to write.")],
    features: Annotated[
        Path | None,
        typer.Option(
            help="特征文件，默认最新特征。Features (Parquet); the newest of <home>/features unless told."
        ),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="模型目录，默认在用模型。Model folder; the champion unless told.")
    ] = None,
    links: Annotated[
        Path | None,
        typer.Option(
            help="关联文件，用来计算邻居得分；用最新特征时默认 <home>/features 中的。"
            "Links, for the neighbours' scores; those of <home>/features with the newest features."
        ),
    ] = None,
) -> None:
    """为任意规模的名单计分并解释：读一个特征 Parquet，写一个 Parquet（违约概率、区间、等级、各特征贡献）。

    Score and explain a book of any size, Parquet to Parquet: PD, interval, grade and each feature's contribution.
    """
    from experiments.build_features import LATEST, LINKS
    from experiments.credit_book import champion_folder
    from experiments.errors import MissingLatestError
    from experiments.score_book import ScoreBook

    settings = load_settings()
    built = settings.home / "features"
    source = features or built / LATEST
    if features is None:
        if not source.is_file():
            raise MissingLatestError(str(source))
        if links is None and (built / LINKS).is_file():
            links = built / LINKS
    job = ScoreBook(
        model=model or champion_folder(settings.home / "models" / "credit"),
        features=source,
        links=links,
        out=out,
        num_threads=settings.threads,
    )
    job.run(teller(settings))
