"""Put the world together: who exists, who is linked, who fails, and then every table, batch by batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sample_group.book import Book, Plan, granted, plan
from sample_group.book_rows import exposures_frame, payments_frame, schedules_frame, write_offs_frame
from sample_group.columns import NO_DAY, Flags, Ints, Singles, month_of
from sample_group.companies import companies_frame
from sample_group.contagion import channels
from sample_group.edge_rows import edge_frame
from sample_group.events import Surroundings, court_frame, registry_frame
from sample_group.faults import FaultLog, spoil
from sample_group.guarantees import guarantee_circles, guarantees
from sample_group.latent import AtRisk, Latent, simulate
from sample_group.line_drivers import line_drivers_frame
from sample_group.line_park import LINES, lines_frame
from sample_group.line_plans import line_plans_frame
from sample_group.line_products import line_products_frame
from sample_group.links import Links, concat
from sample_group.offices import families, offices
from sample_group.ownership import ownership
from sample_group.parties import parties_frame
from sample_group.plants import plants, run_lines
from sample_group.population import GROUP, Population, populate
from sample_group.products import PRODUCTS, products_frame
from sample_group.repayment import Failures, Payments, failures, payments, write_offs
from sample_group.sales import sales_frame
from sample_group.statements import statements_frame
from sample_group.stock_rows import plan_caps_frame, plan_orders_frame, stocks_frame
from sample_group.streams import Streams
from sample_group.supplies import supplies
from sample_group.truth import circles_frame, defaults_frame, events_frame, hazard_frame
from sample_group.vocabulary import REGIONS
from sample_group.window import Window
from sample_group.writer import Writer

__all__ = ["COUNTERPARTIES", "World", "build", "write"]

COUNTERPARTIES: Final = 2000  # at scale 1
BATCH: Final = 25_000  # parties: what is in memory as rows at one time
EDGE_BATCH: Final = 250_000
FILES_LATER: Final = 0.15  # of overdue companies, those that file for bankruptcy after all

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class World:
    """Everything that holds for the whole graph."""

    streams: Streams
    window: Window
    people: Population
    relations: Links  # the planted circles first
    circle: Ints  # of the first relations, the circle that each belongs to
    latent: Latent
    person_months: Flags  # month by person: an installment is due

    def batches(self) -> list[Ints]:
        """Return the party numbers of each batch."""
        return _batches(self.people)


def _batches(people: Population) -> list[Ints]:
    numbers = np.arange(people.count, dtype=np.int32)
    return [numbers[low : low + BATCH] for low in range(0, people.count, BATCH)]


def build(streams: Streams, window: Window, counterparties: int, say: Say) -> World:
    """Draw the parties and their relations and run the hidden process over them."""
    people = populate(streams, window, counterparties)
    say(f"parties {people.count:,}")
    circles, circle = guarantee_circles(streams, window, people)
    relations = concat([circles, ownership(streams, window, people), guarantees(streams, window, people),
                        supplies(streams, window, people), offices(streams, window, people),
                        families(streams, window, people)])  # fmt: skip
    say(f"relations {len(relations):,}")
    months = _person_months(streams, window, people)
    risk = AtRisk(
        always=people.is_company & (np.arange(people.count) >= GROUP), persons=people.persons(), months=months
    )
    latent = simulate(streams, window, people, channels(relations, people), risk)
    say(f"failures {int((latent.failed < window.months).sum()):,}")
    return World(streams, window, people, relations, circle, latent, months)


def _person_months(streams: Streams, window: Window, people: Population) -> Flags:
    rank = np.cumsum(~people.is_company) - 1
    flags = np.zeros((window.months, int((~people.is_company).sum())), dtype=np.bool_)
    for batch, parties in enumerate(_batches(people)):
        book = granted(streams, window, people, batch, parties)
        book = book.keep(~people.is_company[book.party])
        installments = plan(book)
        month = month_of(installments.due) - window.first_month
        inside = (month >= 0) & (month < window.months)
        flags[month[inside], rank[book.party[installments.exposure[inside]]]] = True
    return flags


def write(world: World, writer: Writer, *, small: bool, say: Say) -> None:
    """Write every table and the truth; `small` keeps fewer products, regions and lines."""
    log = FaultLog(world.window.end)
    writer.table("companies", companies_frame(world.window))
    _write_factories(world, writer, log, small=small)
    say("sales and lines written")
    _write_edges(world, writer, log)
    say("edges written")
    numbers = _Numbers()
    batches = world.batches()
    for batch, parties in enumerate(batches):
        _write_batch(world, writer, log, batch=batch, parties=parties, numbers=numbers)
        writer.truth("faults", log.drain(), big=True)
        say(f"batch {batch + 1} of {len(batches)} written")
    writer.truth("events", events_frame(world.window))


def _write_factories(world: World, writer: Writer, log: FaultLog, *, small: bool) -> None:
    rng = world.streams.of("faults/factories")
    products, regions, lines = (PRODUCTS[:4], REGIONS[:4], LINES[:4]) if small else (PRODUCTS, REGIONS, LINES)
    writer.table("products", products_frame(world.window, products))
    sales = sales_frame(world.streams, world.window, products, regions)
    writer.table("sales", spoil(rng, "sales", sales, log))
    writer.table("lines", lines_frame(world.window, lines))
    runs = run_lines(world.streams, world.window, lines)
    made = plants(runs)
    writer.table("line_output", spoil(rng, "line_output", made.line_output, log))
    writer.table("line_stops", spoil(rng, "line_stops", made.line_stops, log))
    writer.table("maintenance", made.maintenance)
    writer.table("line_products", line_products_frame(world.window, lines, products))
    writer.table("line_drivers", line_drivers_frame(world.streams, world.window, lines, runs))
    writer.table("line_plans", line_plans_frame(world.streams, world.window, lines, runs))
    writer.table("stocks", stocks_frame(world.window, lines, products, sales=sales, output=made.line_output))
    writer.table("plan_orders", plan_orders_frame(world.streams, world.window, products, sales=sales))
    writer.table("plan_caps", plan_caps_frame(world.window, lines, products))


def _write_edges(world: World, writer: Writer, log: FaultLog) -> None:
    writer.truth(
        "guarantee_circles", circles_frame(world.relations.take(slice(0, len(world.circle))), world.circle, 1)
    )
    for batch, low in enumerate(range(0, len(world.relations), EDGE_BATCH)):
        part = world.relations.take(slice(low, low + EDGE_BATCH))
        rows, late = edge_frame(world.streams, world.window, part, batch, low + 1)
        log.add("edges", rows.filter(pl.Series(late)), "late")
        rng = world.streams.of("faults/edges", batch)
        writer.table("edges", spoil(rng, "edges", rows, log, first=batch == 0), big=True)
        if batch % 8 == 7:
            writer.truth("faults", log.drain(), big=True)


@dataclass
class _Numbers:
    """The next free number of each kind of id."""

    exposure: int = 1
    payment: int = 1
    court: int = 1
    registry: int = 1


def _write_batch(
    world: World, writer: Writer, log: FaultLog, *, batch: int, parties: Ints, numbers: _Numbers
) -> None:
    streams, window, people = world.streams, world.window, world.people
    book = granted(streams, window, people, batch, parties)
    installments = plan(book)
    rng = streams.of("repayment", batch)
    failed = failures(rng, window, world.latent, book, installments, people=people, parties=parties)
    book, installments = _without_refused(book, installments, failed.stopped[book.party - parties[0]])
    strain = _strain(world, parties)
    faults = streams.of("faults/parties", batch)

    def put(name: str, frame: pl.DataFrame) -> None:
        writer.table(name, spoil(faults, name, frame, log, first=batch == 0), big=True)

    put("parties", parties_frame(streams, window, people, batch, parties))
    _put_book(
        rng,
        world,
        put,
        (book, installments),
        failed=failed,
        strain=strain,
        offset=int(parties[0]),
        numbers=numbers,
    )
    put("statements", statements_frame(streams, window, people, batch=batch, parties=parties, strain=strain,
                                       stopped=failed.stopped))  # fmt: skip
    around = Surroundings(parties, strain, failed.stopped, _filings(rng, people, parties, failed))
    court = court_frame(streams.of("court", batch), window, people, around, numbers.court)
    registry = registry_frame(streams.of("registry", batch), window, people, around, numbers.registry)
    numbers.court += court.height
    numbers.registry += registry.height
    put("court_events", court)
    put("registry_events", registry)
    writer.truth(
        "hazard", hazard_frame(window, world.latent, parties, _exposed(world, parties), failed), big=True
    )
    writer.truth("defaults", defaults_frame(window, world.latent, parties, failed), big=True)


def _put_book(rng: np.random.Generator, world: World, put: Callable[[str, pl.DataFrame], None], what: tuple[Book, Plan], *,
              failed: Failures, strain: Singles, offset: int, numbers: _Numbers) -> None:  # fmt: skip
    book, installments = what
    exposures = exposures_frame(book, numbers.exposure)
    put("exposures", exposures)
    put("schedules", schedules_frame(book, installments, numbers.exposure, exposures["known_at"]))
    party = book.party - offset
    paid = payments(rng, world.window, book, installments, failed.stopped[party], strain=strain[:, party])
    written, recovered = write_offs(rng, world.window, book, installments, failed=failed, offset=offset)
    paid = Payments(
        *(
            np.concatenate([getattr(paid, name), getattr(recovered, name)])
            for name in ("exposure", "paid", "amount")
        )
    )
    put("payments", payments_frame(book, paid, numbers.exposure, numbers.payment))
    put("write_offs", write_offs_frame(book, written, numbers.exposure))
    numbers.exposure += len(book)
    numbers.payment += len(paid.paid)


def _without_refused(book: Book, installments: Plan, stopped: Ints) -> tuple[Book, Plan]:
    # nobody lends to a party that has stopped paying
    keep = book.start < stopped
    number = (np.cumsum(keep) - 1).astype(np.int32)
    rows = keep[installments.exposure]
    kept = Plan(*(getattr(installments, name)[rows] for name in Plan.__dataclass_fields__))
    return book.keep(keep), Plan(number[kept.exposure], kept.number, kept.due, kept.principal, kept.interest)


def _strain(world: World, parties: Ints) -> Singles:
    # what shows outside: own distress, the blow of a linked default, and the time after the payments stopped
    latent = world.latent
    months = np.arange(world.window.months, dtype=np.int32)[:, None]
    blow = np.minimum(latent.excitation[:, parties] / np.float32(0.06), np.float32(1.5))
    after = (months >= latent.failed[parties][None, :]).astype(np.float32)
    return np.asarray(latent.distress[:, parties] + blow + np.float32(2) * after, dtype=np.float32)


def _filings(rng: np.random.Generator, people: Population, parties: Ints, failed: Failures) -> Ints:
    later = (failed.how == 0) & people.is_company[parties] & (rng.random(len(parties)) < FILES_LATER)
    gap = rng.integers(60, 420, len(parties))
    after = np.where(later, np.where(later, failed.default_on, 0) + gap, NO_DAY)
    return np.where(failed.how == 1, failed.default_on, after).astype(np.int32)


def _exposed(world: World, parties: Ints) -> Flags:
    flags = np.ones((world.window.months, len(parties)), dtype=np.bool_)
    rank = np.cumsum(~world.people.is_company) - 1
    person = np.flatnonzero(~world.people.is_company[parties])
    flags[:, person] = world.person_months[:, rank[parties[person]]]
    return flags
