"""The contracts of all tables, and the check that splits rows into good and failed ones."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import polars as pl

from features.checking import Checked, check_frame
from features.contract_pages import contracts_page
from features.errors import DataError, MissingTableError, UnknownTableError, UnusableTablesError
from features.failures import FAILED_SCHEMA
from features.intake import TableWarning
from features.tables.capacity import (
    LINE_DRIVERS,
    LINE_PLANS,
    LINE_PRODUCTS,
    PLAN_CAPS,
    PLAN_ORDERS,
    STOCKS,
)
from features.tables.contract import Column, Contract, DataClass, Domain, Level, Rule, Text
from features.tables.credit import EXPOSURES, PAYMENTS, SCHEDULES, WRITE_OFFS
from features.tables.edges import EDGES
from features.tables.events import COURT_EVENTS, REGISTRY_EVENTS
from features.tables.lines import LINE_OUTPUT, LINE_STOPS, LINES, MAINTENANCE
from features.tables.parties import COMPANIES, PARTIES
from features.tables.sales import PRODUCTS, SALES
from features.tables.statements import STATEMENTS

__all__ = [
    "CONTRACTS",
    "Checked",
    "Column",
    "Contract",
    "DataClass",
    "Domain",
    "GroupReport",
    "Level",
    "Rule",
    "TableWarning",
    "Text",
    "check_group",
    "check_table",
    "checked_tables",
    "contract_of",
    "contracts_markdown",
]

# in an order in which every table follows those that it refers to
CONTRACTS: Final[Mapping[str, Contract]] = MappingProxyType(
    {
        contract.name: contract
        for contract in (
            PARTIES,
            COMPANIES,
            EDGES,
            EXPOSURES,
            SCHEDULES,
            PAYMENTS,
            WRITE_OFFS,
            STATEMENTS,
            COURT_EVENTS,
            REGISTRY_EVENTS,
            PRODUCTS,
            SALES,
            LINES,
            LINE_OUTPUT,
            LINE_STOPS,
            MAINTENANCE,
            LINE_PRODUCTS,
            LINE_DRIVERS,
            LINE_PLANS,
            STOCKS,
            PLAN_ORDERS,
            PLAN_CAPS,
        )
    }
)

_NO_REFERENCES: Final[Mapping[str, pl.DataFrame | pl.LazyFrame]] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class GroupReport:
    """The checked tables of a group, by name."""

    tables: Mapping[str, Checked]

    @property
    def passed(self) -> bool:
        """Tell whether no row of any table failed."""
        return all(checked.passed for checked in self.tables.values())

    @property
    def good(self) -> dict[str, pl.LazyFrame]:
        """Return the good rows of each table."""
        return {name: checked.good.lazy() for name, checked in self.tables.items()}

    @property
    def failed(self) -> pl.DataFrame:
        """Return the lines of all failures (FAILED_SCHEMA)."""
        return pl.concat([pl.DataFrame(schema=FAILED_SCHEMA), *(one.failed for one in self.tables.values())])

    @property
    def warnings(self) -> tuple[TableWarning, ...]:
        """Return the warnings of all tables."""
        return tuple(warning for checked in self.tables.values() for warning in checked.warnings)


def contract_of(table: str) -> Contract:
    """Return the contract of a table; UnknownTableError when there is none."""
    if table not in CONTRACTS:
        raise UnknownTableError(table, list(CONTRACTS))
    return CONTRACTS[table]


def contracts_markdown() -> str:
    """Return the page docs/data.md: every contract in Chinese and English."""
    return contracts_page(CONTRACTS.values())


def check_table(
    name: str,
    frame: pl.DataFrame | pl.LazyFrame,
    references: Mapping[str, pl.DataFrame | pl.LazyFrame] = _NO_REFERENCES,
    *,
    sheet: bool = False,
) -> Checked:
    """Split a table by its contract; good and failed rows together are the table.

    `references` are the tables it refers to, by name, in their contracts' types; a reference to a table that
    is not among them is not checked, and a warning says so. `sheet` says that the cells are text out of CSV
    or xlsx: they are parsed, rows are numbered as the user sees them (the header is line 1) and blank lines
    are skipped with a warning. The whole table is held in memory.

    Raises UnknownTableError, MissingColumnError, DuplicateColumnError, ColumnTypeError, EmptyTableError and
    UnreadableTableError.
    """
    return check_frame(contract_of(name), frame, references, sheet=sheet)


def checked_tables(
    tables: Mapping[str, pl.DataFrame | pl.LazyFrame | DataError],
    *,
    sheets: Collection[str] = (),
    partial: bool = False,
    where: str = "tables",
) -> Iterator[Checked | DataError]:
    """Check the tables of a group one after the other, each against those it refers to.

    Yields for each table its result, or the error that kept it from being checked; only what later tables
    refer to is kept in memory. `sheets` names the tables that are text out of CSV or xlsx, `partial` allows
    tables to be absent; one whose contract `may_be_absent` need not be there anyway. An unknown name among the
    tables yields an UnknownTableError; a table that could not even be read is given, and yielded, as its error.
    """
    for name in tables:
        if name not in CONTRACTS:
            yield UnknownTableError(name, list(CONTRACTS))
    missing = [name for name in CONTRACTS if name not in tables and not CONTRACTS[name].may_be_absent]
    if missing and not partial:
        yield MissingTableError(missing, where)
    referred = {target for contract in CONTRACTS.values() for target in contract.referenced_tables}
    references: dict[str, pl.DataFrame] = {}
    for name in CONTRACTS:
        table = tables.get(name)
        if table is None:
            continue
        try:
            if isinstance(table, DataError):
                raise table
            checked = check_table(name, table, references, sheet=name in sheets)
        except DataError as error:
            yield error
            continue
        if name in referred:
            references[name] = checked.as_reference()
        yield checked


def check_group(
    tables: Mapping[str, pl.DataFrame | pl.LazyFrame], *, sheets: Collection[str] = (), partial: bool = False
) -> GroupReport:
    """Check all tables of a group; see `checked_tables`.

    Raises UnusableTablesError, which names every table that is missing or could not be checked at all.
    """
    outcomes = list(checked_tables(tables, sheets=sheets, partial=partial))
    problems = [outcome for outcome in outcomes if isinstance(outcome, DataError)]
    if problems:
        raise UnusableTablesError(problems)
    return GroupReport({checked.table: checked for checked in outcomes if isinstance(checked, Checked)})
