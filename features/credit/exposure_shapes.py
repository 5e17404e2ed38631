"""Shapes of what is known of exposures and limits: read without the graph and its matrices."""

from collections.abc import Mapping
from typing import Final

import polars as pl

__all__ = ["EXPOSURE_GROUP", "EXPOSURE_LINE", "EXPOSURE_MEMBER", "LIMIT_USE", "PARTY_EXPOSURE"]

_AMOUNTS: Final = ("direct", "contingent", "gross", "mitigated", "net")
LIMIT_USE: Final = pl.Struct(
    {
        "org_id": pl.String,
        "code": pl.String,
        "name_zh": pl.String,
        "name_en": pl.String,
        "scope": pl.String,
        "used": pl.Float64,
        "limit": pl.Float64,
        "used_of_limit": pl.Float64,
        "source": pl.String,
        "verified": pl.Boolean,
        "valid_from": pl.Date,
    }
)
"""What is used of one limit of graph/policy.toml by a party or a group it is in; amounts in CNY."""

EXPOSURE_LINE: Final = pl.Struct({"org_id": pl.String, **dict.fromkeys(_AMOUNTS, pl.Float64)})
_OWNED: Final = pl.Struct(
    {"org_id": pl.String, "gross": pl.Float64, "net": pl.Float64, "gross_unknown": pl.Float64}
)
EXPOSURE_MEMBER: Final = pl.Struct(
    {"party_id": pl.String, "org_id": pl.String, "gross": pl.Float64, "net": pl.Float64}
)
EXPOSURE_GROUP: Final = pl.Struct(
    {
        "group_id": pl.String,
        "through": pl.String,
        "members": pl.Int64,
        "lines": pl.List(EXPOSURE_LINE),
        "largest": pl.List(EXPOSURE_MEMBER),
    }
)
_COLUMNS: Final[Mapping[str, type[pl.DataType] | pl.DataType]] = {
    "party_id": pl.String,
    "as_of": pl.Date,
    "lines": pl.List(EXPOSURE_LINE),
    "looked_through": pl.List(_OWNED),
    "groups": pl.List(EXPOSURE_GROUP),
    "limits": pl.List(LIMIT_USE),
}
PARTY_EXPOSURE: Final = pl.Schema(_COLUMNS)
"""A row a party, CNY. `lines` is its own exposure by company of the group; `looked_through` adds its share of what the companies it
owns owe (`gross_unknown` where the share cannot be told); `groups` are the groups of connected clients it is in, `through` control or
dependence, with their totals by company and the largest lines of members; `limits` is what is used of the legal limits."""
