"""Shapes of requests and answers about credit."""

from datetime import date, datetime
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from models.credit.coverage import LendingStage, Line
from models.credit.policy import Advice
from serving.schemas import Note, Quality, StrictModel

__all__ = [
    "PARTY_ID",
    "Carrier",
    "CarrierEdge",
    "Contribution",
    "PartyOverride",
    "RouteTaken",
    "RuleNote",
    "ScoreAnswer",
    "ScoreRequest",
]

PARTY_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
PartyId = Annotated[str, Field(pattern=PARTY_ID, description="主体编号 / id of the party")]


class ScoreRequest(StrictModel):
    """谁要评分：主体编号，或一组特征值（二者必居其一）。 / Whom to score: a party or a set of feature values, one of the two."""

    party_id: PartyId | None = None
    features: dict[str, FiniteFloat | None] | None = Field(
        default=None,
        max_length=2000,
        description="特征名到数值，null 或不写表示缺失 / feature name to value; null or left out means missing",
    )

    line: Line | None = Field(
        default=None, description="业务条线，与 stage 一起给出 / business line, together with stage"
    )
    stage: LendingStage | None = Field(
        default=None, description="贷前、贷中、贷后 / before, while, after lending"
    )

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["party_id"]}, {"required": ["features"]}],
            "examples": [{"party_id": "P0000001"}],
        }
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.party_id is None) == (self.features is None):
            raise PydanticCustomError("one_of_two", "give either party_id or features, not both and not none")
        if (self.line is None) != (self.stage is None):
            raise PydanticCustomError("line_and_stage", "give line and stage together, or none of them")
        return self


class Contribution(StrictModel):
    """一个特征对对数几率的贡献（正值抬高违约概率）。 / What one feature adds to the log-odds (positive raises the PD)."""

    feature: str
    value: float | None = Field(
        description="null = 缺失，或 private 且密钥只限部分企业 / missing, or private and the key is for some companies"
    )
    unit: str
    contribution: float
    text_zh: str
    text_en: str
    private: bool = Field(
        default=False,
        description="数值涉及他人或家庭，只给覆盖全集团的密钥 / the value tells of others or of a family; only keys of the whole "
        "group are told it",
    )


class RuleNote(StrictModel):
    """一条规则的结果，与模型分开。 / A rule that the party breaks or that could not be checked, apart from the model."""

    code: str
    family: str
    severity: str = Field(description="decline, manual_review, note")
    checked: bool = Field(description="false = 缺少数据，未核查 / not checked, as a fact is unknown")
    text_zh: str
    text_en: str
    observed: float | None
    limit: float | None
    unit: str
    source: str
    verified: bool = Field(description="false = 依据尚待核实 / the legal source has yet to be confirmed")
    valid_from: date


class CarrierEdge(StrictModel):
    """路径上的一条关系。 / One relation on the path."""

    src: str
    dst: str
    kind: str
    share: float | None
    amount: float | None
    role: str | None
    valid_from: date | None
    valid_to: date | None
    known_at: date | None


def _is_not(said: object) -> bool:
    """Tell whether a remark is not made: an answer without it is written as it always was."""
    return said is False


class Carrier(StrictModel):
    """关系影响主要从哪条路径传来。 / The path along which most of the network effect comes."""

    route: str
    route_zh: str
    route_en: str
    log_odds: float = Field(description="该路径所属特征的贡献之和 / sum of the contributions along the route")
    end_id: str | None
    parties: list[str] = Field(description="从该主体到另一端 / from the party to the other end")
    edges: list[CarrierEdge]
    text_zh: str
    text_en: str
    other_companies_left_out: bool = Field(
        default=False,
        exclude_if=_is_not,
        description="true = 路径自某一步起是其他企业的业务，不在密钥范围内，未列出；没有该字段即未略去 / from some step on the path "
        "is other companies' business, outside the key's companies, and left out; where the field is absent nothing is",
    )


class RouteTaken(StrictModel):
    """按业务条线与阶段，由谁回答。 / Who answers for the line and stage asked about."""

    line: str
    stage: str
    answers_by: list[str]
    interval_factor: float = Field(description="区间放宽倍数 / how much wider the interval is made")
    segment: str | None = Field(
        description="混合模型所用分组 / segment of the pooled model, where that answers"
    )
    text_zh: str
    text_en: str


class PartyOverride(StrictModel):
    """经批准、仍在有效期内的人工调整；模型的结果不因此改变。 / A person's approved judgement that counts now, beside the model's answer."""

    advice: Advice
    grade: str | None
    until: date = Field(description="有效至（含） / the last day on which it counts")
    override_id: str
    decision_id: str = Field(description="当时被调整的评分 / the score that it was asked for")


class ScoreAnswer(StrictModel):
    """一次评分的结果：base_log_odds + 各项贡献之和 = log_odds。 / base_log_odds + all contributions = log_odds."""

    request_id: str
    decision_id: str = Field(description="台账编号 / id in the ledger")
    party_id: str | None
    pd: float | None = Field(
        ge=0,
        le=1,
        description="12 个月违约概率；null：模型停用，只有规则结论（quality.level = rules_only），其余各数同此 / "
        "probability of default within 12 months; null: rules alone answer, as in all figures below",
    )
    pd_low: float | None = Field(
        description="校准区间下端 / lower end of the 90 % interval of the calibration"
    )
    pd_high: float | None = Field(
        description="校准区间上端；null：模型没有区间 / null: the model has no interval"
    )
    log_odds: float | None
    base_log_odds: float | None
    own_pd: float | None = Field(
        ge=0, le=1, description="仅凭自身特征的违约概率 / PD by the party's own features alone"
    )
    own_log_odds: float | None
    network_log_odds: float | None = Field(
        description="关系的影响 = log_odds − own_log_odds，也是关系类特征贡献之和 / what the network adds"
    )
    carrier: Carrier | None = Field(
        description="无关系影响时为 null / null without a network effect or without the graph"
    )
    points: int | None = Field(description="分数越高风险越低 / more points are less risk")
    grade: str | None
    advice: Advice = Field(
        description="等级与规则两者中较严的 / the worst of the grade's advice and the rules'"
    )
    grade_advice: Advice | None = Field(description="仅按等级的意见 / by the grade alone")
    decided_by: list[str] = Field(
        description="grade、规则代码，或 rules_only / grade, the codes of rules, or rules_only"
    )
    override: PartyOverride | None = Field(
        description="该主体现行的人工调整；没有，或与贵方企业无关时为 null / the party's override that counts now; null where there is "
        "none that the caller may see"
    )
    rules: list[RuleNote] = Field(description="命中与未能核查的规则 / rules broken, and those not checked")
    route: RouteTaken | None = Field(description="未给条线与阶段时为 null / null without line and stage")
    policy: str = Field(description="所用政策 / the policy the advice comes from")
    contributions: list[Contribution] = Field(description="按影响大小排列 / largest first")
    model_version: str
    data_as_of: date | None = Field(
        description="特征日期；自带特征时为 null / null for a payload of features"
    )
    graph_as_of: date | None
    decided_at: datetime
    quality: Quality
    warnings: list[Note]
