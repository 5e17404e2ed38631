"""Commands of API keys: make, list, rotate, limit, withdraw."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from serving.access.roles import ALL_COMPANIES, Role
from serving.random_bytes import new_id
from zhiheng.business_day import business_zone
from zhiheng.console import teller
from zhiheng.database import service_database
from zhiheng.settings import load_settings

if TYPE_CHECKING:
    from serving.access.keys import ApiKey, KeyStore

__all__ = ["keys_app"]

keys_app = typer.Typer(
    help="API 密钥：签发、列出、轮换、限额、撤销。API keys: make, list, rotate, limit, withdraw.",
    no_args_is_help=True,
)
_KeyId = Annotated[str, typer.Argument(help="密钥编号。Id of the key.")]
_Limit = Annotated[
    list[str] | None,
    typer.Option(
        help="该密钥自己的限额，可重复，如 rows_per_day=100000；未写的按设置。"
        "Limit of this key, repeatable, such as rows_per_day=100000; others are as set."
    ),
]


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Option(help="谁使用这个密钥。Who uses the key.")],
    role: Annotated[list[Role], typer.Option(help="角色，可重复。Role; repeatable.")],
    *,
    company: Annotated[
        list[str] | None,
        typer.Option(
            help="企业编号，可重复；默认 *。只回答这些企业的交易对手、需求与产能。"
            "Company ids; all unless given. Only their counterparties, demand and capacity are answered."
        ),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="到这一天（含）为止有效。Valid up to and including this day."
        ),
    ] = None,
    limit: _Limit = None,
    allow_combination: Annotated[
        str,
        typer.Option(
            help="相互排斥的角色同给一个密钥的理由，会保留。Reason for roles that exclude each other; kept."
        ),
    ] = "",
    by: Annotated[
        str, typer.Option(help="由谁签发；默认当前系统用户。Who makes it; the system user unless given.")
    ] = "",
) -> None:
    """签发密钥；明文只显示这一次。 / Make a key; its text is shown this once."""
    from serving.access.command_line import system_user
    from serving.access.key_terms import KeyTerms, read_limits

    terms = KeyTerms(
        expires_at=_end_of(expires.date()) if expires else None,
        made_by=by or system_user(),
        combination_reason=allow_combination,
        limits=read_limits(limit or []),
    )
    with _acting(terms.made_by) as keys:
        key, text = keys.create(
            name, role, companies=company or [ALL_COMPANIES], now=datetime.now(UTC), terms=terms
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

    with service_database() as database:
        keys = KeyStore(database).all()
    table = Table("id", "name", "roles", "companies", "created", "by", "ends", "rotated", "limits", "revoked")
    for key in keys:
        table.add_row(*_cells(key))
    Console().print(table)


@keys_app.command("rotate")
def rotate_key(
    key_id: _KeyId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="旧密文还能使用多少小时。Hours that the old secret stays valid.")
    ] = 24.0,
) -> None:
    """换发密文；旧密文在重叠期内仍有效。 / Give a key a new secret; the old one is valid during the overlap."""
    with _acting() as keys:
        key, text = keys.rotate(key_id, now=datetime.now(UTC), overlap=timedelta(hours=overlap_hours))
    teller(load_settings())(
        f"密钥 {key_id} 已换发；旧密文到 {key.previous_until} 为止有效。请立即保存新的，以后无法再次查看：",
        f"Key {key_id} has a new secret; the old one is valid until {key.previous_until}. Keep the new one now; it cannot "
        "be shown again:",
    )
    typer.echo(text)


@keys_app.command("limit")
def limit_key(key_id: _KeyId, limit: _Limit = None) -> None:
    """改变密钥自己的限额；不写 --limit 即恢复为设置。 / Replace a key's own limits; without --limit those of the settings hold."""
    from serving.access.key_terms import read_limits

    limits = read_limits(limit or [])
    with _acting() as keys:
        keys.limit(key_id, limits, now=datetime.now(UTC))
    shown = limits.model_dump_json(exclude_none=True)
    teller(load_settings())(f"密钥 {key_id} 的限额：{shown}。", f"Limits of key {key_id}: {shown}.")


@keys_app.command("revoke")
def revoke_key(key_id: _KeyId) -> None:
    """撤销密钥，一秒之内即被拒绝。 / Withdraw a key; refused within a second."""
    with _acting() as keys:
        keys.revoke(key_id, now=datetime.now(UTC))
    teller(load_settings())(f"已撤销密钥 {key_id}。", f"Key {key_id} is withdrawn.")


@contextmanager
def _acting(made_by: str = "") -> Iterator["KeyStore"]:
    """Open the keys for acts, which are written into the chain as the system user's."""
    from serving.access.command_line import command_line_caller
    from serving.access.key_acts import acts_of
    from serving.access.keys import KeyStore

    told = acts_of(command_line_caller(new_id(), by=made_by), new_id=new_id)
    with service_database() as database:
        yield KeyStore(database, told=told)


def _cells(key: "ApiKey") -> tuple[str, ...]:
    roles, companies = ", ".join(sorted(key.roles)), ", ".join(key.companies)
    if key.combination_reason:
        roles += f" ({key.combination_reason})"
    limits = ", ".join(f"{name}={value}" for name, value in key.limits.model_dump(exclude_none=True).items())
    moments = (key.expires_at, key.rotated_at)
    return (
        key.key_id, key.name, roles, companies, key.created_at, key.made_by or "-",
        *(moment or "-" for moment in moments), limits or "-", key.revoked_at or "-",
    )  # fmt: skip


def _end_of(day: date) -> datetime:
    """Return the first moment after a day, in the business time zone."""
    return datetime.combine(day + timedelta(days=1), time(), business_zone())
