"""Who answers for which business line at which stage, and the route of one question: champion, pooled model or refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from graph.dated import Dated, latest, read_dated, refuse_overlaps
from graph.ontology import Wording
from models.errors import RouteError

__all__ = [
    "ANSWERERS",
    "Answerer",
    "Cell",
    "CoverageFile",
    "LendingStage",
    "Line",
    "Route",
    "RouteFacts",
    "RouteQuality",
    "read_coverage",
    "route",
]

_BESIDE: Final = Path(__file__).with_name("coverage.toml")


class Line(StrEnum):
    """Business lines; entrusted loans are debt."""

    LEASING = "leasing"
    MICROLOAN = "microloan"
    FUND = "fund"
    EQUITY = "equity"
    DEBT = "debt"
    TRADE_CREDIT = "trade_credit"


class LendingStage(StrEnum):
    """Before, while and after money is given."""

    PRE_LENDING = "pre_lending"
    IN_LENDING = "in_lending"
    POST_LENDING = "post_lending"


class Answerer(StrEnum):
    """What can answer, or the refusal to."""

    CREDIT_MODEL = "credit_model"
    POOLED = "pooled"
    REFUSE = "refuse"
    RULES = "rules"
    EXPECTED_LOSS = "expected_loss"
    MIGRATION = "migration"
    TRADE_TERMS = "trade_terms"
    GRADE_ACTIONS = "grade_actions"


@dataclass(frozen=True)
class _Home:
    """Where an answerer lives, as module:name, and its name for readers; named as text so that a matrix loads no model."""

    place: str
    name: Wording


ANSWERERS: Final[Mapping[Answerer, _Home]] = {
    Answerer.CREDIT_MODEL: _Home(
        "models.credit.model:CreditModel", Wording(zh="信用模型", en="credit model")
    ),
    Answerer.POOLED: _Home("models.credit.pooled:PooledModel", Wording(zh="混合模型", en="pooled model")),
    Answerer.REFUSE: _Home("models.credit.coverage:Route", Wording(zh="不出分", en="refused")),
    Answerer.RULES: _Home("models.credit.rules.evaluate:evaluate_rules", Wording(zh="规则", en="rules")),
    Answerer.EXPECTED_LOSS: _Home(
        "models.credit.loss:expected_loss", Wording(zh="预期损失", en="expected loss")
    ),
    Answerer.MIGRATION: _Home(
        "models.credit.monitoring:migration", Wording(zh="迁移预警", en="migration alerts")
    ),
    Answerer.TRADE_TERMS: _Home(
        "models.credit.trade:suggest_terms", Wording(zh="赊销条件", en="trade terms")
    ),
    Answerer.GRADE_ACTIONS: _Home(
        "models.credit.actions:actions_as_of", Wording(zh="分级管理", en="actions by grade")
    ),
}
_GIVES_PD: Final = frozenset({Answerer.CREDIT_MODEL, Answerer.POOLED, Answerer.REFUSE})


class RouteQuality(StrEnum):
    """How far an answer can be relied on."""

    FULL = "full"
    FALLBACK = "fallback"
    REFUSED = "refused"


class RoutePolicy(Dated):
    """From which share of known features who answers, and how much wider the interval of a PD is then."""

    name: str
    full_from: Annotated[float, Field(gt=0, le=1)]
    thin_from: Annotated[float, Field(ge=0, le=1)]
    new_client_factor: Annotated[float, Field(ge=1)]
    thin_factor: Annotated[float, Field(ge=1)]
    cold_factor: Annotated[float, Field(ge=1)]

    @model_validator(mode="after")
    def _thin_is_less_than_full(self) -> Self:
        if self.thin_from >= self.full_from:
            raise ValueError(f"route {self.name}: thin_from must be below full_from")
        return self


class Cell(BaseModel):
    """One line at one stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: Line
    stage: LendingStage
    full: Answerer
    thin: Answerer
    cold: Answerer
    beside: tuple[Answerer, ...]
    needs_exposure: bool = False
    note: Wording

    @model_validator(mode="after")
    def _pds_come_from_what_gives_them(self) -> Self:
        if strange := {self.full, self.thin, self.cold} - _GIVES_PD:
            raise ValueError(f"cell {self.line}/{self.stage}: {', '.join(strange)} gives no PD")
        if odd := set(self.beside) & _GIVES_PD:
            raise ValueError(f"cell {self.line}/{self.stage}: {', '.join(odd)} cannot stand beside a PD")
        return self


class CoverageFile(BaseModel):
    """The matrix: every line at every stage, once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    route: tuple[RoutePolicy, ...]
    cell: tuple[Cell, ...]

    @model_validator(mode="after")
    def _each_cell_once(self) -> Self:
        refuse_overlaps([(entry.name, entry) for entry in self.route])
        named = [(cell.line, cell.stage) for cell in self.cell]
        wanted = {(line, stage) for line in Line for stage in LendingStage}
        if len(named) != len(set(named)) or set(named) != wanted:
            gaps = ", ".join(sorted(f"{line}/{stage}" for line, stage in wanted ^ set(named)))
            raise ValueError(
                f"each line at each stage needs one cell; missing or twice: {gaps or 'a cell twice'}"
            )
        return self

    def cell_of(self, line: str, stage: str) -> Cell:
        """Return the cell of a line at a stage. Raises RouteError naming the words that are known."""
        for cell in self.cell:
            if (cell.line, cell.stage) == (line, stage):
                return cell
        lines, stages = ", ".join(Line), ", ".join(LendingStage)
        raise RouteError(
            zh=f"没有业务条线“{line}”的阶段“{stage}”。条线：{lines}；阶段：{stages}。请改正请求。",
            en=f"There is no line '{line}' at stage '{stage}'. Lines: {lines}; stages: {stages}. Correct the request.",
        )


def read_coverage(path: Path | None = None) -> CoverageFile:
    """Read the matrix; without a path the one beside this module. Raises PolicyError saying what to correct."""
    return read_dated(CoverageFile, _BESIDE if path is None else path)


@dataclass(frozen=True)
class RouteFacts:
    """What decides a route.

    `known_share`: known features of the model's, 0 to 1; `has_exposure`: a live exposure of the line (trade credit: sales
    or purchases); `has_history`: its repayment is seen, as it has a live exposure of any line; `segment_known`: at least the kind of party;
    `has_model`, `has_pooled`: what is there to answer.
    """

    known_share: float
    has_exposure: bool
    has_history: bool
    in_default: bool
    segment_known: bool = True
    has_model: bool = True
    has_pooled: bool = True


@dataclass(frozen=True)
class Route:
    """Who answers (the PD first, where there is one), how well, and how much wider its interval is; or why nobody does."""

    answers_by: tuple[Answerer, ...]
    quality: RouteQuality
    interval_factor: float
    reason: Wording
    refused_reason: Wording | None = None


_FULL: Final = Wording(zh="资料齐全，由信用模型回答", en="most is known: the credit model answers")
_NEW: Final = Wording(
    zh="与集团没有存续业务，目前的还款行为未知；模型学自有存续业务的主体，区间放宽",
    en="no live business with the group, so how it repays now is unknown; the model learnt from borrowers: wider interval",
)
_DEFAULTED: Final = Wording(
    zh="已违约：违约概率不适用，由规则与预期损失回答",
    en="in default: a PD does not apply; rules and expected loss answer",
)
_THIN: Final = Wording(zh="资料较少（thin file），区间放宽", en="thin file: wider interval")
_COLD: Final = Wording(
    zh="几乎没有资料（cold start），由同类主体的违约率回答",
    en="cold start: the default rate of its like answers",
)
_NO_EXPOSURE: Final = Wording(
    zh="该主体在此条线没有存续业务，无可监测；请按贷前（pre_lending）提问",
    en="the party has no exposure of this line to look after; ask for pre_lending",
)
_TOO_LITTLE: Final = Wording(
    zh="资料太少，此条线不出分；请补充报表与登记资料，或转人工尽职调查",
    en="too little is known for a score of this line; add statements and registry data, or send it to due diligence",
)
_NOTHING: Final = Wording(
    zh="没有可用的模型，或主体类型未知；请先训练模型（zhiheng train credit）或补充主体档案",
    en="no model is there to answer, or the kind of party is unknown; train one (zhiheng train credit) or complete its profile",
)


def route(line: str, stage: str, facts: RouteFacts, file: CoverageFile, *, as_of: date) -> Route:
    """Return who answers a question about a party. Refusing, with its reason, is an answer.

    Raises RouteError for an unknown line or stage or a share outside 0 to 1, PolicyError when no route is in force.
    """
    cell, policy = file.cell_of(line, stage), latest(file.route, as_of, "route")
    if not 0 <= facts.known_share <= 1:
        raise RouteError(
            zh=f"known_share 应在 0 与 1 之间，现为 {facts.known_share}。请改正。",
            en=f"known_share must lie between 0 and 1, is {facts.known_share}. Correct it.",
        )
    if cell.needs_exposure and not facts.has_exposure:
        return _refused(cell, _NO_EXPOSURE)
    if facts.in_default:
        return Route(cell.beside, RouteQuality.FALLBACK, 1.0, _DEFAULTED)
    return _by_knowledge(cell, policy, facts)


def _by_knowledge(cell: Cell, policy: RoutePolicy, facts: RouteFacts) -> Route:
    if facts.has_model and facts.known_share >= policy.full_from and facts.has_history:
        return _answered(cell, cell.full, facts, quality=RouteQuality.FULL, factor=1.0, reason=_FULL)
    if facts.has_model and facts.known_share >= policy.full_from:
        return _answered(cell, cell.full, facts, factor=policy.new_client_factor, reason=_NEW)
    if facts.has_model and facts.known_share >= policy.thin_from:
        return _answered(cell, cell.thin, facts, factor=policy.thin_factor, reason=_THIN)
    return _answered(cell, cell.cold, facts, factor=policy.cold_factor, reason=_COLD)


def _answered(
    cell: Cell,
    who: Answerer,
    facts: RouteFacts,
    *,
    factor: float,
    reason: Wording,
    quality: RouteQuality = RouteQuality.FALLBACK,
) -> Route:
    if who is Answerer.REFUSE:
        return _refused(cell, _TOO_LITTLE)
    if who is Answerer.POOLED and not (facts.has_pooled and facts.segment_known):
        return _refused(cell, _NOTHING)
    kept = RouteQuality.FALLBACK if who is Answerer.POOLED else quality
    return Route((who, *cell.beside), kept, factor, reason)


def _refused(cell: Cell, reason: Wording) -> Route:
    """Rules still answer where there is no score: they do not need one."""
    rules = tuple(who for who in cell.beside if who is Answerer.RULES)
    return Route(rules, RouteQuality.REFUSED, 1.0, reason, refused_reason=reason)
