"""The command line: mounts the groups of commands and turns errors into messages a user can act on."""

import os
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from graph.errors import UserError
from zhiheng.commands import (
    advise,
    analyse,
    book,
    capacity,
    credit,
    data,
    demand,
    demo,
    docs,
    explain,
    features,
    forecast,
    graph,
    keys,
    ledger,
    models,
    policy,
    scorecard,
    service,
    tune,
    validate,
)

__all__ = ["app", "main"]

_credit = typer.Typer(no_args_is_help=True)
for _command in (
    explain.reasons, explain.what_if, explain.next_grade, advise.advise,
    policy.rules, policy.loss, policy.alerts, policy.coverage, policy.pooled,
    credit.prepare, credit.recalibrate, book.score_book,
):  # fmt: skip
    _credit.command()(_command)

_demand = typer.Typer(no_args_is_help=True)
for _planning in (demand.run, analyse.analyse, analyse.nowcast, analyse.event):
    _demand.command()(_planning)

_capacity = typer.Typer(no_args_is_help=True)
for _producing in (capacity.forecast, capacity.plan, capacity.scenario, capacity.profile):
    _capacity.command()(_producing)

app = typer.Typer(
    name="zhiheng",
    help="智衡：信用风险、需求与产能的建模与服务。Risk and forecast modelling service.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data", help="数据契约、检查与模板。Contracts, checks, templates.")
app.add_typer(graph.app, name="graph", help="主体关系图。The graph of parties.")
app.add_typer(features.app, name="features", help="特征目录与计算。Features: catalogue and build.")
app.add_typer(credit.train_app, name="train", help="用集团数据训练。Train on the group's tables.")
app.add_typer(credit.fit_app, name="fit", help="用任意数据表训练。Fit on any table, described by a card.")
app.add_typer(
    _credit, name="credit", help="信用：理由、规则、损失、覆盖。Credit: reasons, rules, loss, coverage."
)
app.add_typer(scorecard.app, name="scorecard", help="评分卡：训练、导出。Scorecards: train, export.")
app.add_typer(tune.tune_app, name="tune", help="在给定预算内调参。Tune within a stated budget.")
app.add_typer(validate.app, name="validate", help="验证模型，写出报告。Validate a model, write the report.")
app.command("score")(credit.score)
app.add_typer(
    _demand, name="demand", help="需求：预测、分析、即时推算、事件。Demand: run, analyse, nowcast, event."
)
app.add_typer(
    _capacity,
    name="capacity",
    help="产能：预测、排产、情景、行业档案。Capacity: forecast, plan, scenario, profile.",
)
app.command("forecast")(forecast.forecast)
app.command("backtest")(forecast.backtest)
app.command("serve")(service.serve)
app.add_typer(models.app, name="models", help="运行中的模型：停用、回退。Models at run time.")
app.add_typer(keys.keys_app, name="keys", help="接口密钥。API keys.")
app.add_typer(ledger.ledger_app, name="ledger", help="决策台账。The ledger of decisions.")
app.command("demo")(demo.demo)
app.command("stop")(demo.stop)
app.command("docs")(docs.docs)


@app.callback()
def _options(
    lang: Annotated[
        str, typer.Option(help="消息语言 zh|en。Language of messages.", envvar="ZHIHENG_LANG")
    ] = "zh",
) -> None:
    os.environ["ZHIHENG_LANG"] = lang


def main() -> None:
    """Run the command line; an error a user can act on ends it with its message and status 1."""
    _no_telemetry()
    _share_the_cores()
    try:
        app()
    except UserError as error:
        _say(error)
        sys.exit(1)


def _say(error: UserError) -> None:
    """Print a message as it is: brackets in it are no markup, and a long one is not broken inside a word."""
    language = "en" if os.environ.get("ZHIHENG_LANG") == "en" else "zh"
    text = Text.assemble(("✗ ", "red"), error.message(language))
    Console(stderr=True).print(text, highlight=False, soft_wrap=True)


def _no_telemetry() -> None:
    """Switch off every library's reports to outside before it is imported."""
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", BENTOML_DO_NOT_TRACK="True", DO_NOT_TRACK="true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # A tracking server that is down is said so in seconds, not after minutes of retries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


def _share_the_cores() -> None:
    """Let idle threads sleep: spinning ones made a training of 6 CPU seconds take 100 where others wanted the cores."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
