"""Whose rows a table holds: the check that those handed in for some companies are those companies' own."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from features.tables.contract import Contract, Lookup, Rule, Text

__all__ = ["COMPANY", "for_companies", "own_references"]

COMPANY: Final = "org_id"
_TOLD_BY: Final = ("exposures", "lines", "products")
"""Tables that say of what refers to them which company it is of."""


def for_companies(
    contract: Contract, companies: Collection[str], references: Mapping[str, pl.DataFrame | pl.LazyFrame]
) -> Contract:
    """Return the contract with a rule that each row is of one of the companies.

    A row is of the company in its own column, else of that of the contract, line or product it refers to; where that table
    is not there nobody can tell, and the row fails. Tables that tell of no company (parties, relations, statements,
    outside facts) are everybody's and get no rule.
    """
    if COMPANY in contract.column_names:
        return replace(contract, rules=(*contract.rules, _rule(COMPANY, COMPANY, companies)))
    telling = [
        column for column in contract.columns if column.references and column.references.table in _TOLD_BY
    ]
    if not telling or any(one.references and one.references.table in references for one in telling):
        return contract
    name = telling[0].name
    rule = _rule(f"{name}.{COMPANY}", name, companies)
    lookups = (*contract.lookups, Lookup(name, (COMPANY,)))
    return replace(contract, lookups=lookups, rules=(*contract.rules, rule))


def own_references(
    references: Mapping[str, pl.LazyFrame], companies: Collection[str]
) -> dict[str, pl.LazyFrame]:
    """Leave out contracts, lines and products of other companies: a reference to one is then as to none.

    So nobody learns by trying ids what the other companies have.
    """
    mine = pl.col(COMPANY).is_in(list(companies))
    return {name: frame.filter(mine) if name in _TOLD_BY else frame for name, frame in references.items()}


def _rule(value: str, shown: str, companies: Collection[str]) -> Rule:
    listed = ", ".join(sorted(companies))
    return Rule(
        name="own_company",
        columns=(shown,),
        broken=~pl.col(value).cast(pl.String).is_in(list(companies)).fill_null(value=False),
        text=Text(f"该行应属于企业 {listed}", f"the row must be of company {listed}"),
        remedy=Text(
            "改正企业编号；其他企业的数据由其自己的管理员提交",
            "correct the company; data of others are handed in by their own stewards",
        ),
    )
