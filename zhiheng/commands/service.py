"""Commands of the service: start it, manage its keys, look into its ledger."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from serving.access.roles import ALL_COMPANIES, Role
from zhiheng.console import teller
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from serving.ledger.database import Database

__all__ = ["app", "keys_app", "ledger_app", "serve"]

app = typer.Typer(help="服务。The service.")
keys_app = typer.Typer(
    help="API 密钥：签发、列出、撤销。API keys: make, list, withdraw.", no_args_is_help=True
)
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


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="谁使用这个密钥。Who uses the key.")],
    role: Annotated[list[Role], typer.Option(help="角色，可重复。Role; repeatable.")],
    company: Annotated[
        list[str] | None,
        typer.Option(
            help="企业编号，可重复；默认 *。需求与产能接口只回答、只计划这些企业。"
            "Company ids; all unless given. Demand and capacity answer and plan for these companies alone."
        ),
    ] = None,
) -> None:
    """签发密钥；明文只显示这一次。 / Make a key; its text is shown this once."""
    from serving.access.keys import KeyStore

    with _database() as database:
        key, text = KeyStore(database).create(
            name, role, companies=company or [ALL_COMPANIES], now=datetime.now(UTC)
        )
    teller(load_settings())(
        f"已签发密钥 {key.key_id}（{key.name}）。请立即保存，以后无法再次查看：",
        f"Made key {key.key_id} ({key.name}). Keep it now; it cannot be shown again:",
    )
    typer.echo(text)  # on a line of its own and on stdout, so that a script can take the last line


@keys_app.command("list")
def list_keys() -> None:
    """列出密钥（不含密文）。 / List the keys; never their secrets."""
    from rich.console import Console
    from rich.table import Table

    from serving.access.keys import KeyStore

    with _database() as database:
        keys = KeyStore(database).all()
    table = Table("id", "name", "roles", "companies", "created", "revoked")
    for key in keys:
        roles, companies = ", ".join(sorted(key.roles)), ", ".join(key.companies)
        table.add_row(key.key_id, key.name, roles, companies, key.created_at, key.revoked_at or "-")
    Console().print(table)


@keys_app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="密钥编号。Id of the key.")]) -> None:
    """撤销密钥，下一个请求起即被拒绝。 / Withdraw a key; refused from the next request on."""
    from serving.access.keys import KeyStore

    with _database() as database:
        KeyStore(database).revoke(key_id, now=datetime.now(UTC))
    teller(load_settings())(f"已撤销密钥 {key_id}。", f"Key {key_id} is withdrawn.")


@ledger_app.command("verify")
def verify_ledger() -> None:
    """核验整条哈希链；断裂时退出码为 1。 / Verify the whole chain; exit status 1 where it is broken."""
    from serving.ledger.chain import Ledger

    with _database() as database:
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

    with _database() as database:
        decision = Ledger(database).get(decision_id)
    shown = {"seq": decision.seq, "prev_hash": decision.prev_hash, "hash": decision.hash, **decision.record}
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


@contextmanager
def _database() -> Iterator["Database"]:
    from serving.ledger.database import Database

    database = Database(load_settings().home / "ledger.db")
    database.open()
    try:
        yield database
    finally:
        database.close()
