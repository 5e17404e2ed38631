"""Export to GraphML, which Gephi, yEd, Cytoscape and networkx read."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import networkx as nx
import polars as pl

from graph.edges import EdgeFrame, visible
from graph.interchange.whole_file import whole_file
from graph.parties import parties_as_of

__all__ = ["write_graphml", "write_portrait_graphml"]

_HEAD: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns '
    'http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">\n'
)
_ESCAPES: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    # Written plainly, a reader turns these into blanks inside an attribute.
    "\n": "&#10;",
    "\r": "&#13;",
    "\t": "&#9;",
}
_NO_XML: Final = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x{FFFE}\x{FFFF}]"
_ROWS: Final = 50_000


def write_graphml(
    path: Path, parties: pl.DataFrame, edges: EdgeFrame, *, as_of: date, valid_on: date | None = None
) -> None:
    """Write the graph as believed on `as_of` and held on `valid_on` (default: `as_of`) as one directed GraphML graph.

    `parties` are records (PARTY_SCHEMA) or what a store gives as of the date [party_id, kind, name, credit_code];
    `edges` are statements (EDGE_SCHEMA). Node ids are party_ids, edge ids edge_ids; an end without a record is a node
    without attributes. Dates are ISO texts, empty values are left out, characters that XML cannot hold become U+FFFD.
    The file appears whole or not at all; rows are written in slices, so memory stays near that of the tables.
    """
    known = parties_as_of(parties, as_of) if "known_at" in parties.columns else parties
    shown = visible(edges, as_of, valid_on).drop("retracted_at").sort("edge_id").collect()
    ends = pl.concat([known["party_id"], shown["src"], shown["dst"]]).unique().sort().to_frame("party_id")
    nodes = ends.join(known, on="party_id", how="left", maintain_order="left")
    said = {"as_of": as_of.isoformat(), "valid_on": (valid_on or as_of).isoformat()}
    _write(path, nodes, shown, said)


def write_portrait_graphml(path: Path, graph: "nx.MultiDiGraph[str]") -> None:
    """Write a portrait's graph (`graph.portrait.Portrait.graph`) with all attributes of its nodes and edges.

    What an edge says of itself (`properties`) stands beside its other attributes, a score as `scores.<name>`.
    """
    nodes = [{"party_id": party, **_flat(held)} for party, held in graph.nodes(data=True)]
    edges = [
        {"edge_id": key, "src": src, "dst": dst, **_flat(held)}
        for src, dst, key, held in graph.edges(keys=True, data=True)
    ]
    _write(path, _frame(nodes, ["party_id"]), _frame(edges, ["edge_id", "src", "dst"]), {})


def _flat(held: Mapping[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in held.items():
        if isinstance(value, Mapping):
            flat |= {key if name == "properties" else f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def _frame(rows: list[dict[str, object]], ids: list[str]) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=dict.fromkeys(ids, pl.String))
    names = dict.fromkeys([*ids, *(name for row in rows for name in row)])
    complete = ({name: row.get(name) for name in names} for row in rows)
    return pl.DataFrame(list(complete), infer_schema_length=None).cast(dict.fromkeys(ids, pl.String))


def _write(path: Path, nodes: pl.DataFrame, edges: pl.DataFrame, said: Mapping[str, str]) -> None:
    nodes, edges = (frame.select(_kept(frame)) for frame in (nodes, edges))
    node_keys, edge_keys = _keys(nodes, ["party_id"], "n"), _keys(edges, ["edge_id", "src", "dst"], "e")
    node = pl.concat_str(pl.lit('<node id="'), _text(nodes, "party_id"), pl.lit('">'))
    ends = {"id": "edge_id", "source": "src", "target": "dst"}
    attributes = [
        part
        for name, held in ends.items()
        for part in (pl.lit(f' {name}="'), _text(edges, held), pl.lit('"'))
    ]
    edge = pl.concat_str(pl.lit("<edge"), *attributes, pl.lit(">"))
    with whole_file(path) as file:
        file.write(_HEAD.encode())
        for owner, frame, keys in (("node", nodes, node_keys), ("edge", edges, edge_keys)):
            file.writelines(_declarations(owner, frame, keys))
        file.writelines(
            f'<key id="g_{name}" for="graph" attr.name="{name}" attr.type="string"/>\n'.encode()
            for name in said
        )
        file.write(b'<graph edgedefault="directed">\n')
        file.writelines(f'<data key="g_{name}">{value}</data>\n'.encode() for name, value in said.items())
        file.writelines(_elements(nodes, node, node_keys, "</node>\n"))
        file.writelines(_elements(edges, edge, edge_keys, "</edge>\n"))
        file.write(b"</graph>\n</graphml>\n")


def _kept(frame: pl.DataFrame) -> list[pl.Expr]:
    """Return the columns that hold anything, NaN as empty."""
    filled = [name for name in frame.columns if frame[name].null_count() < frame.height or not frame.height]
    return [pl.col(name).fill_nan(None) if frame.schema[name].is_float() else pl.col(name) for name in filled]


def _keys(frame: pl.DataFrame, ids: list[str], letter: str) -> dict[str, str]:
    names = [name for name in frame.columns if name not in ids]
    return {name: f"{letter}{number}" for number, name in enumerate(names)}


def _declarations(owner: str, frame: pl.DataFrame, keys: Mapping[str, str]) -> Iterator[bytes]:
    for name, key in keys.items():
        shown = _escaped(pl.lit(name))
        line = pl.select(
            pl.format(
                '<key id="{}" for="{}" attr.name="{}" attr.type="{}"/>\n',
                pl.lit(key),
                pl.lit(owner),
                shown,
                pl.lit(_type(frame.schema[name])),
            )
        ).item()
        yield str(line).encode()


def _type(dtype: pl.DataType) -> str:
    if dtype == pl.Boolean:
        return "boolean"
    if dtype.is_integer():
        return "long"
    return "double" if dtype.is_float() else "string"


def _elements(
    frame: pl.DataFrame, opening: pl.Expr, keys: Mapping[str, str], closing: str
) -> Iterator[bytes]:
    data = [
        pl.when(pl.col(name).is_not_null())
        .then(pl.concat_str(pl.lit(f'<data key="{key}">'), _text(frame, name), pl.lit("</data>")))
        .otherwise(pl.lit(""))
        for name, key in keys.items()
    ]
    line = pl.concat_str(opening, *data, pl.lit(closing))
    for rows in frame.iter_slices(_ROWS):
        yield "".join(rows.select(line).to_series()).encode()


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    column = pl.col(name).cast(pl.String)
    return _escaped(column) if frame.schema[name] == pl.String else column


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(_NO_XML, "\ufffd").str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
