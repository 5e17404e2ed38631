"""What the user should know of a card's tables: ids that meet no row, infinite figures, names that training did not learn."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from features.cards.card import Card
from features.cards.edges import unseen_kinds
from features.cards.own import category_text, unseen_notice
from features.cards.read import PARTITION, PARTY, CardTables
from features.cards.state import Notice, RelationalState

__all__ = ["table_notices", "unlearnt_notices", "unseen_notices"]

_SHOWN: Final = 3
_KINDS_SHOWN: Final = 5


def table_notices(card: Card, tables: CardTables, state: RelationalState) -> list[Notice]:
    """Name ids that point outside the main table, infinite figures, and edge tables that have no row left."""
    main = tables.main.select(PARTITION, PARTY).unique(maintain_order=True)
    out: list[Notice] = []
    for event in card.events:
        rows = tables.events[event.title]
        out += _outside(event.title, event.id, rows.select(PARTITION, PARTY), main)
        for column in state.events[event.title].numeric:
            out += _infinite(event.title, column, rows[column])
    for edge in card.edges:
        rows, ends = tables.edges[edge.title], f"{edge.source}, {edge.target}"
        out += _outside(edge.title, ends, rows.select(PARTITION, "src", "dst"), main)
        out += _infinite(edge.title, edge.weight, rows["weight"]) if edge.weight else []
        out += [_no_edge(edge.title)] if rows.is_empty() else []
    for group in card.groups:
        rows = tables.groups[group.title]
        out += _outside(group.title, group.id, rows.select(PARTITION, PARTY), main)
    return out


def unlearnt_notices(tables: CardTables, state: RelationalState) -> list[Notice]:
    """Name the edge tables that have rows, but none where the training may look."""
    return [
        _no_edge(name)
        for name, edges in state.edges.items()
        if not (edges.kinds or tables.edges[name].is_empty())
    ]


def unseen_notices(card: Card, tables: CardTables, state: RelationalState) -> list[Notice]:
    """Name event categories, relation kinds, group kinds and group names that training did not learn."""
    out: list[Notice] = []
    for name, events in state.events.items():
        for column, vocabulary in events.categories.items():
            out += unseen_notice(category_text(tables.events[name][column]), set(vocabulary), name, column)
    for name, edges in state.edges.items():
        out += _unseen_kinds(name, unseen_kinds(tables.edges[name], edges), "关系", "relation")
    for group in card.groups:
        table, learnt = tables.groups[group.title], state.groups[group.title]
        new = sorted(set(table["kind"].unique()) - set(learnt.kinds))
        out += _unseen_kinds(group.title, new, "分组", "group")
        for kind, names in learnt.vocabularies.items() if group.names else ():
            found = unseen_notice(
                table.filter(pl.col("kind") == kind)["group"], set(names), group.title, group.group
            )
            out += found
    return out


def _outside(title: str, column: str, rows: pl.DataFrame, main: pl.DataFrame) -> list[Notice]:
    """Name rows with an id that is not in the main table of their partition; louder where no row has one that is."""
    ids = rows.columns[1:]
    keyed = main.with_columns(pl.lit(value=True).alias("__inside"))
    inside = pl.DataFrame(
        rows.select(PARTITION, pl.col(i).alias(PARTY))
        .join(keyed, on=[PARTITION, PARTY], how="left", maintain_order="left")["__inside"]
        .is_not_null()
        .alias(i)
        for i in ids
    )
    partly = rows.filter(~inside.select(pl.all_horizontal(ids)).to_series())
    if partly.is_empty():
        return []
    strangers = pl.concat([rows[i].filter(~inside[i]).alias(PARTY) for i in ids])
    shown, total = _first(strangers), rows.height
    if inside.select(pl.any_horizontal(ids)).to_series().any():
        zh = f"共 {total} 行，其中 {partly.height} 行的编号（如 {shown}）不在主表中；这些编号没有自己的行"
        en = (
            f"{partly.height} of {total} rows name ids that are not in the main table (such as {shown}); "
            "these have no row of their own"
        )
        return [Notice(title, column, zh, en)]
    own = _first(main[PARTY])
    zh = (
        f"注意：全部 {total} 行的编号（如 {shown}）都不在主表中（主表如 {own}），此表不起作用。"
        "很可能写错了编号列或分区列，或两表编号的类型、写法不同；请检查卡片"
    )
    en = (
        f"WARNING: none of its {total} rows names an id of the main table (they have {shown}, the main table has {own}), "
        "so the table says nothing. Probably the wrong id or partition column, or ids of another type or spelling; "
        "check the card"
    )
    return [Notice(title, column, zh, en)]


def _first(ids: pl.Series) -> str:
    return ", ".join(ids.unique(maintain_order=True).head(_SHOWN))


def _infinite(title: str, column: str, values: pl.Series) -> list[Notice]:
    count = int(values.is_infinite().sum()) if values.dtype.is_float() else 0
    if not count:
        return []
    zh = f"有 {count} 个无穷大的值，按缺失处理；请检查除数为零"
    en = f"{count} infinite values count as missing; look for a division by zero"
    return [Notice(title, column, zh, en)]


def _no_edge(title: str) -> Notice:
    zh = "（筛选后）没有边，按没有邻居处理；请检查 where、drop_kinds 与 partition"
    en = (
        "no edge is left (after the filters), so nobody has neighbours; check where, drop_kinds and partition"
    )
    return Notice(title, "kind", zh, en)


def _unseen_kinds(title: str, new: Sequence[str], zh: str, en: str) -> list[Notice]:
    if not new:
        return []
    shown = ", ".join(new[:_KINDS_SHOWN])
    return [
        Notice(
            title,
            "kind",
            f"有训练时未学到的{zh}类型（{shown}），未计入",
            f"{en} kinds that training did not learn ({shown}) are not counted",
        )
    ]
