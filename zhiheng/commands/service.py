"""Commands of the service: start it, look into its ledger."""

import json
from typing import Annotated

import typer

from zhiheng.console import teller
from zhiheng.database import service_database
from zhiheng.settings import load_settings

__all__ = ["app", "ledger_app", "serve"]

app = typer.Typer(help="服务。The service.")
ledger_app = typer.Typer(
    help="决策台账：核验、查看。The decision ledger: verify, show.", no_args_is_help=True
)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="监听地址，默认 127.0.0.1。Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(help="端口。Port.")] = None,
) -> None:
    """在前台启动服务，Ctrl-C 停止。 / Serve in the foreground; Ctrl-C stops it."""
    from serving.launch import serve as run

    settings = load_settings()
    run(home=settings.home, host=host or settings.host, port=port or settings.port, lang=settings.lang)


@ledger_app.command("verify")
def verify_ledger() -> None:
    """核验整条哈希链；断裂时退出码为 1。 / Verify the whole chain; exit status 1 where it is broken."""
    from serving.ledger.chain import Ledger

    with service_database() as database:
        found = Ledger(database).verify()
    if found.broken is not None:
        broken = found.broken
        teller(load_settings())(
            f"台账第 {broken.seq} 行（{broken.decision_id}）：{broken.zh}。其前 {found.rows} 行完好。"
            "请封存文件，并与备份核对。",
            f"Ledger row {broken.seq} ({broken.decision_id}): {broken.en}. The {found.rows} rows before it hold. "
            "Keep the file as it is and compare it with a backup.",
        )
        raise typer.Exit(1)
    teller(load_settings())(
        f"台账完好：{found.rows} 条，链尾 {found.head}。请将此值另行留存，以便发现尾部被删。",
        f"The ledger holds: {found.rows} decisions, head {found.head}. Note it elsewhere to detect a cut end.",
    )


@ledger_app.command("show")
def show_decision(decision_id: Annotated[str, typer.Argument(help="决策编号。Id of the decision.")]) -> None:
    """以 JSON 显示一条决策。 / Show one decision as JSON."""
    from serving.ledger.chain import Ledger

    with service_database() as database:
        decision = Ledger(database).get(decision_id)
    shown = {"seq": decision.seq, "prev_hash": decision.prev_hash, "hash": decision.hash, **decision.record}
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
