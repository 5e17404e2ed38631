"""The path that carries a party's network effect, told edge by edge and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

import polars as pl

from features.credit.carriers import SISTER_STEP, STEPS
from features.credit.network import HUB
from features.credit.routes import Route
from graph.edges import EDGE_SCHEMA
from graph.ontology import Direction, PartyKind, Wording
from graph.sentences import edge_sentence

__all__ = ["CARRIERS_SCHEMA", "EDGE_FIELDS", "CarrierPath", "names_of", "told"]

EDGE_FIELDS: Final = (
    "edge_id",
    "src",
    "dst",
    "kind",
    "share",
    "amount",
    "role",
    "valid_from",
    "valid_to",
    "known_at",
)
CARRIERS_SCHEMA: Final = pl.Schema(
    {
        "party_id": pl.String(),
        "as_of": pl.Date(),
        "channel": pl.Enum([route.value for route in Route]),
        "end_id": pl.String(),
        "end_default_on": pl.Date(),
        "end_own_pd": pl.Float64(),
        "brings": pl.Float64(),
        "parties": pl.List(pl.String()),
        "path": pl.List(pl.Struct({name: EDGE_SCHEMA[name] for name in EDGE_FIELDS})),
        "text_zh": pl.String(),
        "text_en": pl.String(),
    }
)
"""One row a party and route: the end, in default since `end_default_on` or else with a PD of its own; `brings` is its
badness (1 in default) times what the path passes on; `parties` from the party to the end, `path` the edges between."""

_ENDS: Final = ("src", "dst", "kind")
_SHARED: Final = ("owns", "holds_position")


@dataclass(frozen=True)
class CarrierPath:
    """One row of CARRIERS_SCHEMA as a value; `path` holds `EDGE_FIELDS` of each edge in order from the party."""

    party_id: str
    as_of: date
    channel: Route
    end_id: str
    end_default_on: date | None
    end_own_pd: float | None
    brings: float
    parties: tuple[str, ...]
    path: tuple[Mapping[str, object], ...]
    text: Wording

    @classmethod
    def rows(cls, frame: pl.DataFrame) -> list[Self]:
        """Return the rows of a CARRIERS_SCHEMA frame as values."""
        return [
            cls(
                party_id=row["party_id"],
                as_of=row["as_of"],
                channel=Route(row["channel"]),
                end_id=row["end_id"],
                end_default_on=row["end_default_on"],
                end_own_pd=row["end_own_pd"],
                brings=row["brings"],
                parties=tuple(row["parties"]),
                path=tuple(row["path"]),
                text=Wording(zh=row["text_zh"], en=row["text_en"]),
            )
            for row in frame.iter_rows(named=True)
        ]

    def to_json(self) -> dict[str, object]:
        """Return plain values, days in ISO form."""
        return {
            "party_id": self.party_id,
            "as_of": self.as_of.isoformat(),
            "channel": self.channel.value,
            "channel_label": self.channel.wording.model_dump(),
            "end_id": self.end_id,
            "end_default_on": _iso(self.end_default_on),
            "end_own_pd": self.end_own_pd,
            "brings": self.brings,
            "parties": list(self.parties),
            "path": [{name: _iso(value) for name, value in edge.items()} for edge in self.path],
            "text": self.text.model_dump(),
        }


def _iso(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def names_of(parties: pl.DataFrame) -> dict[str, str]:
    """Return the names by id of [party_id, kind, name]; persons are left out, so that texts give only their id."""
    named = parties.filter((pl.col("kind") != PartyKind.PERSON.value) & pl.col("name").is_not_null())
    return dict(named.select("party_id", "name").iter_rows())


def told(
    walks: pl.DataFrame, edges: pl.DataFrame, ends: pl.DataFrame, names: Mapping[str, str], as_of: date
) -> pl.DataFrame:
    """Return CARRIERS_SCHEMA of walks (WALKS_SCHEMA), in their order.

    `edges` are those of the graph the walks were found in (EDGE_SCHEMA, as of the date). Of parallel edges the one of
    the largest amount or share is told, then the lowest edge_id; two sisters by the owner with the largest smaller share
    in both, without one by an officer. `ends` is ENDS_SCHEMA, `names` by id (see `names_of`).
    """
    numbered = walks.with_row_index("row")
    steps = _edges_taken(numbered, edges)
    spoken = _sentences(edges.filter(pl.col("edge_id").is_in(steps["edge_id"].implode())), names)
    every = steps.join(spoken, on="edge_id", maintain_order="left").sort("row", "position", "part")
    paths = every.group_by("row", maintain_order=True).agg(
        pl.struct(EDGE_FIELDS).alias("path"),
        pl.col("zh").str.join("；"),
        pl.col("en").str.join("; "),
        pl.col("ahead"),
    )
    fates = numbered.join(ends.rename({"party_id": "end_id"}), on="end_id", how="left", maintain_order="left")
    known = pl.DataFrame(
        {"end_id": list(names), "name": list(names.values())},
        schema_overrides={"end_id": pl.String, "name": pl.String},
    )
    whole = (
        fates.join(paths, on="row", maintain_order="left")
        .join(known, on="end_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("name", "end_id").alias("name"), as_of=pl.lit(as_of))
    )
    zh, en = _fate()
    return whole.select(
        "party_id",
        "as_of",
        "channel",
        "end_id",
        pl.col("default_on").alias("end_default_on"),
        pl.col("own_pd").alias("end_own_pd"),
        "brings",
        pl.concat_list("party_id", "ahead").alias("parties"),
        "path",
        (pl.col("zh") + zh).alias("text_zh"),
        (pl.col("en") + en).alias("text_en"),
    ).match_to_schema(CARRIERS_SCHEMA)


def _fate() -> tuple[pl.Expr, pl.Expr]:
    """Say how the end stands, in both languages."""
    defaulted, day = pl.col("default_on").is_not_null(), pl.col("default_on").dt.to_string()
    percent = (pl.col("own_pd") * 100).round(2).cast(pl.String)
    zh = (
        pl.when(defaulted)
        .then(pl.format("；{} 已于 {} 违约。", "name", day))
        .otherwise(pl.format("；{} 的自身违约概率为 {}%。", "name", percent))
    )
    en = (
        pl.when(defaulted)
        .then(pl.format("; {} defaulted on {}.", "name", day))
        .otherwise(pl.format("; {}'s own probability of default is {}%.", "name", percent))
    )
    return zh, en


def _edges_taken(walks: pl.DataFrame, edges: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each edge of each walk [row, position, part, ahead, edge_id], `ahead` being where it leads."""
    hops = walks.select(
        "row",
        pl.int_ranges(pl.col("steps").list.len()).alias("position"),
        pl.col("parties").list.head(pl.col("steps").list.len()).alias("party"),
        pl.col("parties").list.tail(pl.col("steps").list.len()).alias("next"),
        "steps",
    ).explode("position", "party", "next", "steps")
    kinds = pl.DataFrame(
        {
            "steps": pl.Series(range(len(STEPS)), dtype=pl.Int8),
            "kind": [kind for kind, _ in STEPS],
            "forward": [way is Direction.OUT for _, way in STEPS],
        }
    )
    named = hops.join(kinds, on="steps", maintain_order="left")
    is_sister = pl.col("kind") == SISTER_STEP[0]
    forward = pl.col("forward")
    plain = named.filter(~is_sister).with_columns(
        pl.when(forward).then("party").otherwise("next").alias("src"),
        pl.when(forward).then("next").otherwise("party").alias("dst"),
    )
    largest = _largest(edges)
    one = plain.join(largest, on=_ENDS).select(
        "row", "position", pl.lit(0).alias("part"), pl.col("next").alias("ahead"), "edge_id"
    )
    return pl.concat([one, _of_sisters(named.filter(is_sister), largest)])


def _largest(edges: pl.DataFrame) -> pl.DataFrame:
    """Return the edge told for each pair and kind [src, dst, kind, share, edge_id]."""
    size = pl.coalesce("amount", "share", pl.lit(0.0))
    ordered = edges.select(*_ENDS, "share", "edge_id", size.alias("size")).sort(
        "size", "edge_id", descending=[True, False]
    )
    return ordered.unique(_ENDS, keep="first", maintain_order=True).drop("size")


def _of_sisters(hops: pl.DataFrame, largest: pl.DataFrame) -> pl.DataFrame:
    """Return the two edges of each step from a company to its sister, through who owns or serves both."""
    shared = largest.filter(pl.col("kind").is_in(_SHARED)).select(
        "src", "kind", "dst", "edge_id", pl.col("share").fill_null(0.0)
    )
    few = shared.group_by("src", "kind").len().filter(pl.col("len") <= HUB).select("src", "kind")
    shared = shared.join(few, on=["src", "kind"])
    pairs = hops.select("party", "next").unique()
    through = (
        pairs.join(shared.rename({"dst": "party"}), on="party")
        .join(shared.rename({"dst": "next"}), on=["next", "src", "kind"], suffix="_there")
        .with_columns(pl.min_horizontal("share", "share_there").alias("both"))
        .sort("both", "kind", "src", descending=[True, True, False])
        .unique(["party", "next"], keep="first", maintain_order=True)
    )
    joined = hops.select("row", "position", "party", "next").join(through, on=["party", "next"])
    to_both = joined.select(
        "row", "position", pl.lit(0).alias("part"), pl.col("src").alias("ahead"), "edge_id"
    )
    onwards = joined.select(
        "row",
        "position",
        pl.lit(1).alias("part"),
        pl.col("next").alias("ahead"),
        pl.col("edge_id_there").alias("edge_id"),
    )
    return pl.concat([to_both, onwards])


def _sentences(edges: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Return each edge with what it says [*EDGE_FIELDS, zh, en]."""
    said = [edge_sentence(row, names) for row in edges.iter_rows(named=True)]
    return edges.select(EDGE_FIELDS).with_columns(
        pl.Series("zh", [one.zh for one in said], dtype=pl.String),
        pl.Series("en", [one.en for one in said], dtype=pl.String),
    )
