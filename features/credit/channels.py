"""The channels along which a neighbour's trouble reaches a party: what the neighbour is to it."""

from enum import StrEnum
from typing import Final

import polars as pl

from graph.ontology import Wording

__all__ = ["LINKS_SCHEMA", "Channel"]


class Channel(StrEnum):
    """What a neighbour is to the party."""

    GUARANTEED = "guaranteed"
    GUARANTOR = "guarantor"
    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    OWNER = "owner"
    OWNED = "owned"
    SISTER = "sister"
    OTHER = "other"

    @property
    def wording(self) -> Wording:
        """Return what such neighbours are called, in both languages."""
        return _WORDINGS[self]


_WORDINGS: Final = {
    Channel.GUARANTEED: Wording(zh="被担保方", en="party it guarantees"),
    Channel.GUARANTOR: Wording(zh="担保方", en="guarantor"),
    Channel.CUSTOMER: Wording(zh="客户", en="customer"),
    Channel.SUPPLIER: Wording(zh="供应商", en="supplier"),
    Channel.OWNER: Wording(zh="股东", en="shareholder"),
    Channel.OWNED: Wording(zh="被投资企业", en="company it owns shares of"),
    Channel.SISTER: Wording(zh="有共同股东或任职人员的企业", en="company with a common owner or officer"),
    Channel.OTHER: Wording(zh="其他关联方", en="party related otherwise"),
}

# Here and not beside what fills it: whoever only reads links needs no sparse matrices.
LINKS_SCHEMA: Final = pl.Schema(
    {
        "as_of": pl.Date(),
        "party_id": pl.String(),
        "neighbour_id": pl.String(),
        "channel": pl.Enum([channel.value for channel in Channel]),
        "weight": pl.Float64(),
    }
)
