"""Commands of models at run time: list, kill, restore, roll back, point an alias, follow MLflow; they work without the service."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from serving.random_bytes import new_id
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from graph.errors import UserError
    from serving.access.caller import Caller
    from serving.champions.acts import Acts
    from serving.champions.families import Alias
    from serving.champions.follower import Follower
    from serving.champions.lanes import Lanes
    from serving.champions.schemas import ActAnswer, AliasRequest
    from serving.ledger.answered import Answered
    from serving.settings import ServiceSettings

__all__ = ["app"]

app = typer.Typer(
    help="运行中的模型：查看、停用、恢复、回退、跟随 MLflow。Models at run time.", no_args_is_help=True
)

_Family = Annotated[str, typer.Argument(help="credit、demand-1w、demand-1mo、capacity 等。Family of models.")]
_Reason = Annotated[str, typer.Option(help="理由，记入台账。Why; it is written into the ledger.")]


@dataclass(frozen=True)
class _Desk:
    lanes: "Lanes"
    acts: "Acts"


@app.command("list")
def list_models() -> None:
    """列出各类模型的版本、别名与由谁作答。 / List families, versions, aliases and who answers."""
    from rich.console import Console
    from rich.table import Table

    from serving.champions.families import Alias

    broken: list[UserError] = []
    with _desk() as desk:
        table = Table("family", "version", "aliases", "answers", "trained / data as of", "model")
        for lane in desk.lanes.all():
            level, served = desk.lanes.served(lane.family)
            kept = lane.kept()
            broken.extend(kept.broken)
            for one in kept.versions:
                aliases = [a.value for a in Alias if desk.lanes.alias(lane.family, a) == one.version]
                answers = level.value if one.version == served else ""
                day = "" if one.trained_as_of is None else one.trained_as_of.isoformat()
                table.add_row(
                    lane.family, one.version, ", ".join(aliases), answers, day, one.model_version or ""
                )
            if served is None:
                table.add_row(lane.family, "-", "", level.value, "", "")
    Console().print(table)
    # Once each: of which frequency a run of forecasts is that cannot be read, nobody knows, so every one of them names it.
    for text in dict.fromkeys((one.zh, one.en) for one in broken):
        teller(load_settings())(*text)


@app.command()
def kill(
    family: _Family,
    reason: _Reason,
    version: Annotated[
        str | None,
        typer.Option(
            help="只在由该版本作答时停用。Switch off this version, or nothing where another answers."
        ),
    ] = None,
) -> None:
    """停用当前作答的版本：上一版本 → 评分卡 → 只按规则。 / Switch off what answers now; a step down each time."""
    from serving.champions.schemas import KillRequest

    _order(lambda acts, caller: acts.kill(family, KillRequest(reason=reason, version=version), caller))


@app.command()
def restore(family: _Family, reason: _Reason) -> None:
    """恢复 champion，结束停用或回退。 / Let the champion answer again."""
    from serving.champions.schemas import RestoreRequest

    _order(lambda acts, caller: acts.restore(family, RestoreRequest(reason=reason), caller))


@app.command()
def rollback(
    family: _Family,
    reason: _Reason,
    version: Annotated[
        str | None, typer.Option(help="默认上一版本。The previous version unless named.")
    ] = None,
) -> None:
    """回退到较早的版本。 / Go back to an earlier version."""
    from serving.champions.schemas import RollbackRequest

    _order(
        lambda acts, caller: acts.rollback(family, RollbackRequest(reason=reason, version=version), caller)
    )


@app.command()
def challenge(
    family: _Family,
    version: Annotated[str, typer.Argument(help="版本或批次编号。Version or id of a run.")],
    reason: _Reason,
) -> None:
    """把一个版本设为挑战者，与 champion 并行计算。 / Let a version answer beside the champion, unseen."""
    from serving.champions.families import Alias

    _order(lambda acts, caller: acts.point(family, _alias(Alias.CHALLENGER, version, reason), caller))


@app.command()
def follow(*, once: Annotated[bool, typer.Option("--once", help="只看一次。Look once.")] = False) -> None:
    """在前台跟随 MLflow 的 champion 与 challenger；服务自己也会跟随，每台主机只有一个在做。

    Follow MLflow's aliases in the foreground. The service does so itself; on each host one process does.
    """
    import time

    from serving.champions.errors import RegistryAwayError
    from serving.champions.follow_thread import holding
    from serving.champions.switches import SwitchBoard
    from serving.champions.wiring import make_follower
    from serving.ledger.database import Database

    settings, say = _service_settings(), teller(load_settings())
    with closing(Database(settings.ledger_path, url=settings.database_url)) as database:
        follower = make_follower(settings, SwitchBoard(database))
        if follower is None:
            raise RegistryAwayError(
                "ZHIHENG_MLFLOW_URI 不是 http(s) 地址，没有可跟随的服务",
                "ZHIHENG_MLFLOW_URI is no http(s) address, there is no server to follow",
            )
        while True:
            with holding(follower.models) as ours:
                if ours:
                    _look(follower, say)
                else:
                    say("本机另一进程正在跟随。", "Another process of this host follows.")
                if once:
                    return
                time.sleep(follower.poll.total_seconds())


def _look(follower: "Follower", say: Callable[[str, str], None]) -> None:
    status = follower.look()
    if status.away_zh is not None and status.away_en is not None:
        say(f"MLflow 无法访问：{status.away_zh}", f"MLflow is away: {status.away_en}")
    for one in status.troubles:
        say(f"{one.family} {one.alias}：{one.zh}", f"{one.family} {one.alias}: {one.en}")


def _order(order: "Callable[[Acts, Caller], Answered]") -> None:
    from serving.champions.schemas import ActAnswer

    with _desk() as desk:
        answer = order(desk.acts, _caller()).body
    assert isinstance(answer, ActAnswer)  # noqa: S101 - what acts answer with
    _tell(answer)


def _tell(answer: "ActAnswer") -> None:
    version, before = answer.version or "-", answer.instead_of or "-"
    teller(load_settings())(
        f"{answer.family}：{answer.level}，由 {version} 作答（此前 {before}）。台账编号 {answer.decision_id}。",
        f"{answer.family}: {answer.level}, {version} answers (before: {before}). Ledger id {answer.decision_id}.",
    )


def _alias(alias: "Alias", version: str, reason: str) -> "AliasRequest":
    from serving.champions.schemas import AliasRequest

    return AliasRequest(alias=alias, version=version, reason=reason)


def _caller() -> "Caller":
    """Return who sits at the keyboard; the chain says that it was no key."""
    from serving.access.command_line import command_line_caller
    from serving.access.roles import Role

    return command_line_caller(new_id(), [Role.OPERATOR.value])


def _service_settings() -> "ServiceSettings":
    from serving.settings import read_settings

    return read_settings(load_settings().home)


@contextmanager
def _desk() -> Iterator[_Desk]:
    from serving.champions.lanes import Lanes
    from serving.champions.switches import SwitchBoard
    from serving.champions.wiring import make_acts
    from serving.ledger.chain import Ledger
    from serving.ledger.database import Database

    settings = _service_settings()
    database = Database(settings.ledger_path, url=settings.database_url)
    database.open()
    try:
        board = SwitchBoard(database)
        board.refresh()
        yield _Desk(Lanes(settings.home, board), make_acts(settings, database, Ledger(database), board))
    finally:
        database.close()
