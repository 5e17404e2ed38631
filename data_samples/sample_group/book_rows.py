"""The tables of the book: exposures, schedules, payments, write-offs, with the delay of the company that reports."""

import numpy as np
import polars as pl

from sample_group.book import COLLATERAL, LINES, REPAYMENTS, Book, Plan
from sample_group.columns import Ints, days, ids, money, words
from sample_group.companies import COMPANIES, reported_on
from sample_group.repayment import Payments, WriteOffs

__all__ = ["exposures_frame", "payments_frame", "schedules_frame", "write_offs_frame"]


def exposures_frame(book: Book, first_id: int) -> pl.DataFrame:
    """Return the table of exposures."""
    return pl.DataFrame(
        {
            "exposure_id": _exposure_ids(np.arange(len(book), dtype=np.int32), first_id),
            "org_id": words([company.org_id for company in COMPANIES], book.org),
            "party_id": ids("P", book.party + 1, 7),
            "business_line": words(LINES, book.line),
            "principal": money(book.principal),
            "annual_rate": money(book.rate, 4),
            "start_on": days(book.start),
            "maturity_on": days(book.maturity),
            "repayment": words(REPAYMENTS, book.repayment),
            "collateral_kind": words(COLLATERAL, book.collateral),
            "collateral_value": money(book.collateral_value, 0),
            "known_at": days(reported_on(book.org, book.start)),
        }
    )


def schedules_frame(book: Book, installments: Plan, first_id: int, known_at: pl.Series) -> pl.DataFrame:
    """Return the table of schedules, known with the exposure."""
    return pl.DataFrame(
        {
            "exposure_id": _exposure_ids(installments.exposure, first_id),
            "installment_no": installments.number,
            "due_on": days(installments.due),
            "principal_due": money(installments.principal),
            "interest_due": money(installments.interest),
            "known_at": known_at.gather(installments.exposure.astype(np.uint32)),
        }
    )


def payments_frame(book: Book, paid: Payments, first_exposure: int, first_id: int) -> pl.DataFrame:
    """Return the table of payments, by exposure and day."""
    number = np.arange(first_id, first_id + len(paid.paid), dtype=np.int32)
    return pl.DataFrame(
        {
            "payment_id": ids("Y", number, 10),
            "exposure_id": _exposure_ids(paid.exposure, first_exposure),
            "paid_on": days(paid.paid),
            "amount": money(paid.amount),
            "known_at": days(reported_on(book.org[paid.exposure], paid.paid)),
        }
    )


def write_offs_frame(book: Book, written: WriteOffs, first_exposure: int) -> pl.DataFrame:
    """Return the table of write-offs."""
    return pl.DataFrame(
        {
            "exposure_id": _exposure_ids(written.exposure, first_exposure),
            "written_off_on": days(written.day),
            "amount": money(written.amount),
            "known_at": days(reported_on(book.org[written.exposure], written.day)),
        }
    )


def _exposure_ids(number: Ints, first_id: int) -> pl.Series:
    return ids("X", number + np.int32(first_id), 9)
