"""Commands of scorecards: train on the group's panel, fit any table, export a card as JSON, SQL or CSV."""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.business_day import business_day
from zhiheng.console import teller
from zhiheng.settings import REPOSITORY, load_settings

if TYPE_CHECKING:
    from models.credit.points import PointScale

__all__ = ["app"]

app = typer.Typer(
    help="评分卡：分箱、WoE、导出。Scorecards: bins, WoE, exports that score the same.", no_args_is_help=True
)

_Out = Annotated[Path, typer.Option(help="写入模型的目录。Model folder to write.")]
_Seed = Annotated[int, typer.Option(help="随机种子。Random seed.")]
_Force = Annotated[
    bool, typer.Option("--force", help="替换不是模型的非空目录。Replace a folder that holds no model.")
]


@app.command()
def credit(out: _Out, seed: _Seed = 7, *, force: _Force = False) -> None:
    """用集团样本训练评分卡（挑战者）：时间外评价，写出 JSON、SQL、CSV。

    Train the scorecard, the challenger, on the group's panel; judge it out of time; write JSON, SQL and CSV.
    """
    from experiments.tracking import code_version
    from experiments.train_scorecard import TrainScorecard

    settings = load_settings()
    TrainScorecard(
        panel=settings.home / "features" / "credit_panel.parquet",
        out=out,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
        as_of=business_day(),
        seed=seed,
        force=force,
    ).run(teller(settings))


@app.command()
def fit(
    card: Annotated[Path, typer.Option(help="描述数据表的卡片（TOML）。Card that describes the tables.")],
    out: _Out,
    seed: _Seed = 7,
    *,
    force: _Force = False,
) -> None:
    """按卡片用任意数据表训练并评价评分卡。

    Fit and judge a scorecard on the tables of a card, by the card's protocol.
    """
    from experiments.fit_scorecard import FitScorecard
    from experiments.tracking import code_version

    job = FitScorecard(
        card=card,
        out=out,
        code_version=code_version(REPOSITORY),
        trained_by=getpass.getuser(),
        as_of=business_day(),
        seed=seed,
        force=force,
    )
    job.run(teller(load_settings()))


@app.command()
def export(
    model: Annotated[Path, typer.Option(help="评分卡模型目录。Model folder of a scorecard.")],
    form: Annotated[str, typer.Option("--format", help="json、sql 或 csv。json, sql or csv.")],
    out: Annotated[Path, typer.Option(help="写入的文件。File to write.")],
    table: Annotated[str, typer.Option(help="SQL 读取的表。Table that the SQL reads.")] = "applicants",
    key: Annotated[
        list[str] | None,
        typer.Option(help="SQL 一并输出的键列，可多次给出。Key column of the SQL; repeat it."),
    ] = None,
) -> None:
    """导出评分卡；三种形式得分完全一致。

    Export a card; all three forms score the same.
    """
    from features.checked_files import write_text_atomically
    from models.credit.scorecard.folder import Form, card_text, load_scorecard
    from models.errors import ScorecardError

    if form not in set(Form):
        raise ScorecardError(
            zh=f"不支持的格式“{form}”。请用 {'、'.join(Form)} 之一。",
            en=f"Unknown format '{form}'. Use one of {', '.join(Form)}.",
        )
    text = card_text(load_scorecard(model), Form(form), _scale(), table=table, keys=key or ())
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(text, out)
    teller(load_settings())(f"评分卡已写入 {out}", f"scorecard written to {out}")


def _scale() -> "PointScale":
    from models.credit.points import load_point_scales

    return load_point_scales().on(business_day())
