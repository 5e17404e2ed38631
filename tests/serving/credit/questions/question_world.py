"""A hand-made graph and hand-made exposures around the parties of the small world, and a client that asks about them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import httpx
import polars as pl

from features.credit.exposure_file import EXPOSURES, write_exposures
from features.credit.exposure_shapes import LIMIT_USE, PARTY_EXPOSURE
from graph.edges import EDGE_SCHEMA
from graph.parquet_store import ParquetStore
from graph.parties import PARTY_SCHEMA

__all__ = ["AS_OF", "COMPANIES", "Asker", "put_exposures", "put_graph"]

AS_OF: Final = date(2026, 10, 31)
COMPANIES: Final = {"ORG-07": "P0000050", "ORG-08": "P0000051"}
"""The companies of the group; P0000004 is in default, P0000020 a person."""

_PERSON: Final = "P0000020"
_EDGES: Final = (
    # id, src, dst, kind, share, amount, reason
    ("E1", "P0000004", "P0000010", "guarantees", None, 5e6, None),
    ("E2", "P0000010", "P0000001", "owns", 0.6, None, None),
    ("E3", "P0000020", "P0000001", "holds_position", None, None, None),
    ("E4", "P0000050", "P0000001", "supplies", None, 2e6, None),
    ("E5", "P0000051", "P0000001", "supplies", None, 3e6, None),
    ("E6", "P0000051", "P0000001", "owns", 0.1, None, None),
    ("E7", "P0000020", "P0000011", "suspected_link", None, None, "same phone as 王小明"),
    ("E8", "P0000001", "P0000004", "guarantees", None, 1e6, None),
)


def put_graph(home: Path, *, more: int = 0, known_at: date = AS_OF) -> None:
    """Write the graph; `more` parties hang on P0000010, which makes it a hub."""
    rows = [
        {
            "edge_id": edge,
            "src": src,
            "dst": dst,
            "kind": kind,
            "share": share,
            "amount": amount,
            "reason": reason,
        }
        for edge, src, dst, kind, share, amount, reason in _EDGES
    ]
    rows += [
        {"edge_id": f"H{i}", "src": "P0000010", "dst": f"X{i:03d}", "kind": "supplies"} for i in range(more)
    ]
    dates = {"valid_from": date(2024, 1, 1), "known_at": known_at, "source": "registry", "confidence": 1.0}
    edges = pl.DataFrame([{**row, **dates} for row in rows], schema=EDGE_SCHEMA)
    ids = sorted({*edges["src"], *edges["dst"]})
    parties = pl.DataFrame(
        [
            {
                "party_id": party,
                "kind": "person" if party == _PERSON else "company",
                "name": "王小明" if party == _PERSON else f"企业{party}",
                "credit_code": None,
                "valid_from": date(2024, 1, 1),
                "known_at": known_at,
            }
            for party in ids
        ],
        schema=PARTY_SCHEMA,
    )
    ParquetStore(home / "graph").load(edges, parties)


def put_exposures(home: Path, *, as_of: date = AS_OF) -> None:
    """Write exposures of P0000001, with its group, to two companies of the group."""
    line = {"direct": 0.0, "contingent": 0.0, "mitigated": 0.0}
    lines = [
        {**line, "org_id": "ORG-07", "direct": 100.0, "gross": 100.0, "net": 100.0},
        {**line, "org_id": "ORG-08", "direct": 30.0, "gross": 30.0, "net": 30.0},
    ]
    members = [
        {"party_id": "P0000001", "org_id": "ORG-07", "gross": 100.0, "net": 100.0},
        {"party_id": "P0000010", "org_id": "ORG-08", "gross": 40.0, "net": 40.0},
    ]
    group = {
        "group_id": "P0000001",
        "through": "control",
        "members": 3,
        "lines": [lines[0], {**lines[1], "direct": 70.0, "gross": 70.0, "net": 70.0}],
        "largest": members,
    }
    said = {"name_zh": "单一客户", "name_en": "one client", "source": "《办法》", "verified": True}
    limit = {"code": "single", "scope": "party", "valid_from": date(2020, 1, 1), **said}
    limits = [
        {**limit, "org_id": "ORG-07", "used": 100.0, "limit": 90.0, "used_of_limit": 100 / 90},
        {**limit, "org_id": "ORG-08", "used": 30.0, "limit": None, "used_of_limit": None},
    ]
    owned = [{"org_id": "ORG-08", "gross": 50.0, "net": 50.0, "gross_unknown": 5.0}]
    rows: list[Mapping[str, object]] = [
        {
            "party_id": "P0000001",
            "lines": lines,
            "looked_through": owned,
            "groups": [group],
            "limits": limits,
        },
        {"party_id": "P0000002", "lines": [], "looked_through": [], "groups": [], "limits": []},
    ]
    frame = pl.DataFrame([{**row, "as_of": as_of} for row in rows], schema=PARTY_EXPOSURE)
    open_limits = [
        {**limit, "code": "group", "scope": "group", "org_id": "ORG-07", "used": 0.0, "limit": 500.0}
    ]
    write_exposures(
        frame,
        home / "features" / EXPOSURES,
        data_as_of=as_of,
        graph_as_of=as_of,
        limits=pl.DataFrame(open_limits, schema={field.name: field.dtype for field in LIMIT_USE.fields}),
        companies=COMPANIES,
    )


@dataclass(frozen=True)
class Asker:
    """Asks over HTTP with a key, in English."""

    http: Any
    key: str

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for an address."""
        found: httpx.Response = self.http.get(path, **self._headers(headers))
        return found

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """Send a body as JSON."""
        given = {"Content_Type": "application/json", **self._headers(headers)}
        found: httpx.Response = self.http.post(path, json.dumps(body).encode(), **given)
        return found

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Accept_Language": "en", **more}
