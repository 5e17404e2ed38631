"""Carry the graph between the embedded store and a graph server."""

from typing import TYPE_CHECKING

from zhiheng.commands.graph.stores import embedded_store, server_store
from zhiheng.console import teller
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    from graph.store import GraphStore

__all__ = ["pull", "push"]


def push() -> None:
    """把内置图库的关系、档案与评分写入 Neo4j；中断后再运行一次即可接着写。

    Write statements, records and scores to the graph server; after an interruption run it again to go on.
    """
    settings = load_settings()
    with server_store(settings) as server:
        _carry(embedded_store(settings), server, settings, to=settings.neo4j_uri)


def pull() -> None:
    """把 Neo4j 中的关系、档案与评分取回内置图库；已有的不会重复。

    Bring statements, records and scores from the graph server into the embedded store.
    """
    settings = load_settings()
    with server_store(settings) as server:
        _carry(server, embedded_store(settings), settings, to=str(settings.home / "graph"))


def _carry(source: "GraphStore", target: "GraphStore", settings: Settings, *, to: str) -> None:
    from graph.errors import EmptyGraphError

    if source.last_known() is None:
        raise EmptyGraphError(settings.home / "graph")
    say = teller(settings)
    records = target.append_parties(source.records())
    say(f"{records:,} 条主体档案 → {to}", f"{records:,} records of parties → {to}")
    edges = target.append(source.statements())
    say(f"{edges:,} 条关系记录 → {to}", f"{edges:,} statements → {to}")
    scores = target.write_scores(source.every_score())
    say(f"{scores:,} 条评分 → {to}", f"{scores:,} scores → {to}")
    say("完成。查看：zhiheng graph stats --store neo4j", "Done. Look: zhiheng graph stats --store neo4j")
