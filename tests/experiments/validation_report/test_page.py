"""The page shows the figures of the JSON, the bad news first, and lets nothing in or out."""

import json
import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

import pytest

from experiments.metrics import Interval
from experiments.validation_report.comparison import compared
from experiments.validation_report.content import (
    Column,
    Finding,
    Form,
    Outcome,
    Report,
    Section,
    Table,
    Text,
)
from experiments.validation_report.criteria import Criteria
from experiments.validation_report.page import report_page
from experiments.validation_report.report import headline_figures, whole_report
from experiments.validation_report.rivals import segment_rates
from tests.experiments.validation_report.conftest import Book

SUBJECT = (("seed", Text("种子", "seed"), "7"), ("code_version", Text("代码", "code"), "<b>abc</b> & co"))


@pytest.fixture
def report(book: Book) -> Report:
    judged = book(parties=150, shift=1.5)
    return whole_report(
        judged, [segment_rates(judged)], tables={}, truth=None, criteria=Criteria(), seed=1, subject=SUBJECT
    )


class Words(HTMLParser):
    """Collects text, and every address that the page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Words:
    words = Words()
    words.feed(page)
    return words


def shown_numbers(report: Report) -> Iterator[str]:
    for table in (table for section in report.sections for table in section.tables):
        for row in table.visible():
            for column, cell in zip(table.columns, row, strict=True):
                if isinstance(cell, Interval):
                    yield column.form.written(cell.value)
                    yield f"[{column.form.written(cell.low)}, {column.form.written(cell.high)}]"
                elif isinstance(cell, int | float) and column.form is not Form.TEXT:
                    yield column.form.written(cell)


def test_every_figure_of_the_tables_stands_on_the_page(report: Report) -> None:
    text = " ".join(read(report_page(report)).text)
    numbers = list(shown_numbers(report))
    assert len(numbers) > 200
    assert [number for number in numbers if number not in text] == []


def test_json_holds_the_same_findings_and_figures(report: Report) -> None:
    plain = json.loads(json.dumps(report.plain(), allow_nan=False))
    assert plain["counts"] == {kind.value: len(report.findings(kind)) for kind in Outcome}
    assert plain["outcome"] == "not_met"
    samples = plain["sections"][0]["tables"][0]["rows"]
    cell = report.sections[0].tables[0].rows[0][6]
    assert isinstance(cell, Interval)
    assert samples[0]["auc"] == {"value": cell.value, "low": cell.low, "high": cell.high}
    keys = [section["key"] for section in plain["sections"]]
    assert keys == [
        "discrimination",
        "calibration",
        "comparison",
        "segments",
        "drift",
        "leaks",
        "latent_truth",
    ]
    text = unescape(" ".join(read(report_page(report)).text))
    for section in plain["sections"]:
        for finding in section["findings"]:
            assert finding["criterion"]["zh"] in text
            assert finding["found"]["en"] in text


def test_what_is_not_met_stands_in_the_first_card(report: Report) -> None:
    page = report_page(report)
    first = unescape(page[page.index('id="summary"') : page.index("</section>")])
    for _, finding in (*report.findings(Outcome.NOT_MET), *report.findings(Outcome.UNKNOWN)):
        assert finding.found.zh in first
    met = [f.criterion.zh for _, f in report.findings(Outcome.MET)]
    assert met
    assert [text for text in met if text in first] == []
    assert first.index('class="badge not_met"') < first.index(report.findings(Outcome.NOT_MET)[0][1].found.zh)


def test_the_page_is_self_contained_and_runs_nothing(report: Report) -> None:
    words = read(report_page(report))
    assert [a for a in words.addresses if not a.startswith(("data:image/svg+xml;base64,", "#"))] == []
    assert {"script", "link", "iframe", "object"} & set(words.tags) == set()
    anchors = {a[1:] for a in words.addresses if a.startswith("#")}
    assert anchors <= set(re.findall(r'id="([^"]+)"', report_page(report)))
    assert sum(a.startswith("data:") for a in words.addresses) == sum(len(s.plots) for s in report.sections)


def test_text_from_data_is_escaped(report: Report) -> None:
    page = report_page(report)
    assert "&lt;b&gt;abc&lt;/b&gt; &amp; co" in page
    assert "<b>abc" not in page


def test_the_same_report_gives_the_same_bytes(book: Book) -> None:
    pages = []
    for _ in range(2):
        judged = book(parties=80)
        made = whole_report(judged, [], tables={}, truth=None, criteria=Criteria(), seed=1, subject=SUBJECT)
        pages.append(report_page(made))
    assert pages[0] == pages[1]


def finding(outcome: Outcome) -> Finding:
    return Finding(outcome.value, Text("判据", "rule"), Text("所见", "seen"), outcome)


@pytest.mark.parametrize(
    ("kinds", "worst"),
    [
        ((Outcome.MET,), Outcome.MET),
        ((Outcome.MET, Outcome.UNKNOWN), Outcome.UNKNOWN),
        ((Outcome.UNKNOWN, Outcome.NOT_MET, Outcome.MET), Outcome.NOT_MET),
        ((), Outcome.UNKNOWN),
    ],
)
def test_the_worst_finding_decides(kinds: tuple[Outcome, ...], worst: Outcome) -> None:
    table = Table(
        "headline", Text("数", "figures"), Text("义", "meaning"), (Column("a", Text("甲", "a")),), (("x",),)
    )
    section = Section(
        "one", Text("一", "one"), Text("问", "question"), tuple(finding(kind) for kind in kinds)
    )
    report = Report((), table, (section,))
    assert report.outcome is worst
    assert f'class="card verdict {worst.value}"' in report_page(report)


def test_a_figure_that_is_not_finite_is_no_json_number() -> None:
    column = Column("a", Text("甲", "a"), Form.FIGURE)
    table = Table(
        "t",
        Text("数", "figures"),
        Text("义", "meaning"),
        (column,),
        ((float("nan"),), (Interval(0.5, float("nan"), 1.0),)),
    )
    assert table.plain()["rows"] == [{"a": None}, {"a": {"value": 0.5, "low": None, "high": 1.0}}]


def test_headline_figures_are_told_by_sample(report: Report) -> None:
    found = headline_figures(report)
    assert set(found) == {
        f"{s}_{m}"
        for s in ("out_of_time", "out_of_company")
        for m in ("auc", "ks", "brier", "ece", "log_loss")
    }
    assert found["out_of_time_auc"] == report.headline.rows[0][6]


def test_a_comparison_without_rivals_is_open(book: Book) -> None:
    section = compared(book(parties=80).test, [], seed=1)
    assert {f.outcome for f in section.findings} == {Outcome.UNKNOWN}
