"""Who stands behind a company, and who belongs together: ultimate controller and group of connected clients."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from rich.table import Table

from zhiheng.commands.graph.look import Party
from zhiheng.commands.graph.results import Out, Shown, screen_table, show, write_result
from zhiheng.commands.graph.stores import AsOf, Store, StoreName, checked_tables, graph_on, opened
from zhiheng.console import teller
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    import polars as pl

__all__ = ["controller", "group", "known_figures"]

_FLAGS: Final = {
    "none_found": ("没有找到控制人", "nobody was found to control it"),
    "ambiguous": ("登记的控制人互相矛盾", "controllers are recorded against one another"),
    "cycle": ("循环持股，只由其自身控制", "it is controlled by a circle that controls only itself"),
    "missing_votes": ("已知表决权不足以判断", "too few of its votes are known to tell"),
    "shares_above_one": (
        "持股比例合计超过 100%，请核对股东名册",
        "its shares sum above 100 %; check the register",
    ),
}

_BASES: Final = {
    "declared": ("登记的控制", "recorded control"),
    "majority": ("表决权过半", "majority of the votes"),
    "concert_majority": ("与一致行动人合计过半", "majority with those in concert"),
    "relative": ("相对多数，无人可比", "largest holder, none comparable"),
    "concert_relative": ("与一致行动人相对多数", "largest bloc with those in concert"),
}


def controller(party: Party, *, as_of: AsOf = None, store: Store = StoreName.PARQUET) -> None:
    """查一家企业的实际控制人与控制链；依据不足时只说原因，不猜。

    Find who controls a company in the end, step by step; where the data does not bear an answer it says why.
    """
    import polars as pl

    from graph.measures.control import find_control
    from graph.policy import policy_as_of

    settings = load_settings()
    day, snapshot, records = graph_on(settings, store, as_of)
    control = find_control(snapshot, policy_as_of(day).control, parties=records)
    place = int(snapshot.positions(pl.Series([party]))[0])
    found = control.frame.row(place, named=True)
    names = dict(records.select("party_id", "name").iter_rows())
    say = teller(settings)
    title = names.get(party) or party
    if found["flag"]:
        say(f"{title}：{_FLAGS[found['flag']][0]}（{day}）", f"{title}: {_FLAGS[found['flag']][1]} ({day})")
        return
    if found["controller"] is None:
        say(f"{title} 不受他人控制（{day}）", f"{title} is controlled by nobody ({day})")
        return
    ends = [names.get(member) or member for member in found["members"]]
    say(
        f"{title} 的实际控制人（{day}）：{'、'.join(ends)}",
        f"{title} is controlled in the end by ({day}): {', '.join(ends)}",
    )
    with opened(settings, store) as graph:
        steps = control.chain(party, graph.edges(day).collect())
    show(_chain_screen(steps, names, zh=settings.lang == "zh"))


def _chain_screen(steps: "pl.DataFrame", names: Mapping[str, str], *, zh: bool) -> Table:
    heads = (
        ("企业", "上一层", "直接表决权", "一方合计", "依据")
        if zh
        else ("company", "held by", "direct votes", "its bloc", "basis")
    )
    screen = screen_table("", heads, figures=(2, 3))
    for step in steps.iter_rows(named=True):
        held = [names.get(step[end]) or step[end] for end in ("company", "holder")]
        votes = [f"{step[column]:.2%}" for column in ("direct_votes", "votes")]
        basis = _BASES[step["basis"]][0 if zh else 1]
        stated = f" ({_basis_text(step['stated_basis'], zh=zh)})" if step["stated_basis"] else ""
        screen.add_row(*held, *votes, basis + stated)
    return screen


def _basis_text(code: str, *, zh: bool) -> str:
    from graph.edge_words import BASES, DECLARED_BASES

    return {**BASES, **DECLARED_BASES}.get(code, code) if zh else code.replace("_", " ")


def group(
    party: Party,
    *,
    as_of: AsOf = None,
    top: Shown = 40,
    out: Out = None,
    store: Store = StoreName.PARQUET,
) -> None:
    """查一个主体所在的关联客户组：控制关系与经济依存，并逐条说明为何相连。

    Show the group of connected clients a party is in, by control and by economic dependence, with every reason.
    """
    import polars as pl

    from graph.errors import UnknownPartyError
    from graph.measures.connected import connected_groups
    from graph.policy import policy_as_of

    settings = load_settings()
    day, snapshot, records = graph_on(settings, store, as_of)
    groups = connected_groups(
        snapshot,
        policy_as_of(day),
        parties=records,
        figures=known_figures(settings, day),
    )
    members = groups.group_of(party)
    if members.is_empty():
        raise UnknownPartyError(party)
    inside = members["id"].implode()
    joins = groups.joins.filter(pl.col("a").is_in(inside) & pl.col("b").is_in(inside))
    names = dict(records.filter(pl.col("name").is_not_null()).select("party_id", "name").iter_rows())
    zh, say = settings.lang == "zh", teller(settings)
    say(
        f"截至 {day}：{party} 与另外 {members['id'].n_unique() - 1} 个主体构成关联客户组",
        f"as of {day}: {party} is connected with {members['id'].n_unique() - 1} other parties",
    )
    show(_members_screen(members.head(top), names, zh=zh))
    for join in joins.head(top).iter_rows(named=True):
        told = _named(join["zh"] if zh else join["en"], (join["a"], join["b"]), names)
        say(f"· {told}（{join['source']}）", f"· {told} ({join['source']})")
    write_result(joins, out, settings)


def _named(told: str, party_ids: Sequence[str], names: Mapping[str, str]) -> str:
    """Put names in the place of ids, where these stand as words of their own."""
    listed = "|".join(re.escape(party) for party in sorted(party_ids, key=len, reverse=True))
    return re.sub(
        rf"(?<![0-9A-Za-z_])({listed})(?![0-9A-Za-z_])", lambda found: names.get(found[0], found[0]), told
    )


def _members_screen(members: "pl.DataFrame", names: Mapping[str, str], *, zh: bool) -> Table:
    heads = ("主体", "名称", "组", "因何") if zh else ("party", "name", "group", "through")
    through = {"control": ("控制", "control"), "dependence": ("经济依存", "economic dependence")}
    screen = screen_table("", heads, ids=(0, 2))
    for row in members.iter_rows(named=True):
        label = through[row["through"]][0 if zh else 1]
        screen.add_row(str(row["id"]), names.get(row["id"], "—"), str(row["group_id"]), label)
    return screen


def known_figures(settings: Settings, day: date) -> "pl.DataFrame":
    """Return net assets and interest-bearing debt by the latest statements known on a day [id, net_assets, debt].

    Without a table of statements nothing is known, and it is said.
    """
    import polars as pl

    from features.asof import Known
    from features.credit.statements import latest_statements

    tables = checked_tables(settings)
    if "statements" not in tables:
        teller(settings)(
            "！没有财务报表（statements），净资产与债务按未知处理",
            "! there is no table of statements: net assets and debt are taken as unknown",
        )
        return pl.DataFrame(schema={"id": pl.String, "net_assets": pl.Float64, "debt": pl.Float64})
    latest = latest_statements(Known(tables, day))
    debt = pl.sum_horizontal("short_term_debt", "long_term_debt", ignore_nulls=False)
    return latest.select(
        pl.col("party_id").alias("id"), pl.col("equity").alias("net_assets"), debt.alias("debt")
    ).collect()
