"""Commands that explain a party's credit score: its reasons, what if, and the way to the next grade."""

import json
import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from zhiheng.business_day import business_day
from zhiheng.errors import NothingToExplainError
from zhiheng.settings import Settings, load_settings

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from features.catalogue import Feature
    from models.credit.model import CreditModel
    from models.credit.points import PointScale
    from models.credit.population import Population

__all__ = ["ScoredBook", "next_grade", "reasons", "scored_book", "what_if"]

Party = Annotated[str, typer.Argument(help="主体编号。Id of the party.")]


def reasons(
    party: Party,
    top: Annotated[int, typer.Option(min=1, help="理由条数。Number of reasons.")] = 5,
    *,
    letter: Annotated[
        bool,
        typer.Option(
            "--letter", help="只列可写入告知函的不利理由。Only what may stand in a letter to the party."
        ),
    ] = False,
) -> None:
    """用文字说明主体的最新评分：按维度小计、最大的贡献、分数。

    Explain a party's newest score in words: sums by dimension, the largest contributions, points.
    """
    from models.credit.reasons import reasons as explain

    settings = load_settings()
    book = scored_book(settings)
    row = book.row(party)
    scored = book.model.score_matrix(row[None, :])
    found = explain(
        book.model.features,
        row,
        scored.contributions[0],
        scored.base_log_odds,
        cards=book.cards,
        language=settings.lang,
        top=top,
        scale=book.points,
    )
    none = (
        "没有推高违约概率的理由。" if settings.lang == "zh" else "Nothing raises the probability of default."
    )
    _say((list(found.notice) or [none]) if letter else found.lines())


def what_if(
    party: Party,
    changes: Annotated[
        list[str],
        typer.Option(
            "--set",
            help="特征=数值，可重复；留空数值表示未知。feature=value, may be repeated; empty: unknown.",
        ),
    ],
) -> None:
    """改变若干输入，看违约概率、等级、分数与贡献如何变化。

    Change inputs of a party and see what the model then answers.
    """
    from models.credit.what_if import what_if as ask

    settings = load_settings()
    book = scored_book(settings)
    wanted = dict(_change(text) for text in changes)
    found = ask(
        book.model, book.row(party), wanted, cards=book.cards, scale=book.model.scale, points=book.points
    )
    _say(found.lines(book.cards, settings.lang))


def next_grade(
    party: Party,
    most: Annotated[
        int, typer.Option("--most", min=1, max=6, help="最多改变几个特征。Most features to change.")
    ] = 4,
) -> None:
    """寻找能达到上一个更好等级的最小可行改变。

    Search the smallest feasible change that brings a party to the next better grade.
    """
    from models.credit.next_grade import Search
    from models.credit.next_grade import next_grade as find

    settings = load_settings()
    book = scored_book(settings)
    found = find(
        book.model,
        book.row(party),
        cards=book.cards,
        scale=book.model.scale,
        population=book.population(),
        points=book.points,
        search=Search(most_changes=most),
    )
    _say(found.lines(book.cards, settings.lang))


@dataclass(frozen=True)
class ScoredBook:
    """The champion, the newest features of all parties, and what the features and points mean."""

    model: "CreditModel"
    frame: "pl.DataFrame"
    cards: "dict[str, Feature]"
    points: "PointScale"
    today: date

    def row(self, party: str) -> "NDArray[np.float64]":
        """Return the inputs of a party. Raises UnknownPartyError."""
        row: NDArray[np.float64] = self.model.matrix(self._row(party))[0]
        return row

    def at_risk(self, party: str) -> bool:
        """Tell whether a party has a live exposure and is not in default: whom the model learns from."""
        from features.credit.standing import Standing

        return bool(self._row(party)["standing"].item() == Standing.AT_RISK.value)

    def _row(self, party: str) -> "pl.DataFrame":
        import polars as pl

        from graph.errors import UnknownPartyError

        found = self.frame.filter(pl.col("party_id") == party)
        if found.is_empty():
            raise UnknownPartyError(party)
        return found

    def population(self) -> "Population":
        """Return the parties at risk: those the model learns from."""
        import polars as pl

        from features.credit.standing import Standing
        from models.credit.population import Population

        at_risk = self.frame.filter(pl.col("standing") == Standing.AT_RISK.value)
        return Population(self.model.features, self.model.matrix(at_risk))


def scored_book(settings: Settings) -> ScoredBook:
    """Read what the service would answer with. Raises NothingToExplainError."""
    import polars as pl

    from experiments.build_features import LATEST, LINKS
    from experiments.publish import POINTER
    from features.catalogue import catalogue
    from models.credit.model import load_credit_model
    from models.credit.neighbours import with_neighbour_scores
    from models.credit.points import load_point_scales

    models, features = settings.home / "models" / "credit", settings.home / "features"
    for needed in (models / POINTER, features / LATEST):
        if not needed.exists():
            raise NothingToExplainError(needed)
    pointer = json.loads((models / POINTER).read_text(encoding="utf-8"))
    model = load_credit_model(models / pointer["folder"])
    frame, links = pl.read_parquet(features / LATEST), features / LINKS
    if links.exists():
        frame = with_neighbour_scores(model, frame, pl.read_parquet(links), num_threads=settings.threads)
    # The scale of the day of the decision, as in an answer of the service.
    today = business_day()
    return ScoredBook(
        model, frame, {card.name: card for card in catalogue()}, load_point_scales().on(today), today
    )


def _change(text: str) -> tuple[str, float | None]:
    from models.errors import WhatIfError

    name, equals, value = text.partition("=")
    try:
        number = float(value) if value.strip() else None
    except ValueError:
        number = math.nan
    if not equals or not name.strip() or (number is not None and math.isnan(number)):
        raise WhatIfError(
            zh=f"--set “{text}”应写作 特征=数值（数值留空表示未知），例如 --set leverage=0.6。请改正。",
            en=f"--set '{text}' must read feature=value (empty: unknown), such as --set leverage=0.6. Correct it.",
        )
    return name.strip(), number


def _say(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)
