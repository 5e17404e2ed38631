"""Shapes of the portrait: what stands around a party, what was left out, how trouble could reach it."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from graph.ontology import RELATIONS
from serving.credit.questions.schemas import QuestionAnswer
from serving.schemas import StrictModel

__all__ = [
    "MOST_HOPS",
    "Hub",
    "LeftOut",
    "PathStep",
    "PortraitAnswer",
    "PortraitEdge",
    "PortraitNode",
    "PortraitQuery",
    "RingLeftOut",
    "RiskPath",
]

MOST_HOPS = 3


class PortraitQuery(BaseModel):
    """看几步、看哪些关系、最多看多少。 / How many steps, which relations, how much at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hops: int = Field(default=2, ge=1, le=MOST_HOPS, description="几步 / steps")
    kinds: str | None = Field(
        default=None,
        max_length=400,
        description="只看这些关系，用逗号分隔，如 owns,guarantees / only these relations, with commas",
        examples=["owns,guarantees"],
    )
    nodes: Annotated[int, Field(ge=1, le=2000)] = Field(
        default=200,
        description="最多多少个主体（不超过服务设置） / most parties (within the service's limit)",
    )
    hub: int = Field(
        default=200,
        ge=1,
        le=1000,
        description="关系超过它的主体不展开 / a party with more edges is not followed",
    )
    paths: int = Field(default=3, ge=0, le=10, description="几条风险路径 / how many risk paths")

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, value: str | None) -> str | None:
        unknown = [
            kind for kind in (value or "").split(",") if kind.strip() and kind.strip() not in RELATIONS
        ]
        if unknown or value == "":
            raise PydanticCustomError(
                "unknown_relation",
                "no such relation",
                {
                    "zh": f"没有这种关系：{'、'.join(unknown) or '（空）'}。可用：{'、'.join(RELATIONS)}",
                    "en": f"names no relation: {', '.join(unknown) or '(empty)'}. There are: {', '.join(RELATIONS)}",
                },
            )
        return value

    @property
    def wanted_kinds(self) -> tuple[str, ...] | None:
        """Return the relations asked for, None for all."""
        return tuple(kind.strip() for kind in self.kinds.split(",")) if self.kinds else None


class PortraitNode(StrictModel):
    """一个主体。 / A party."""

    party_id: str
    kind: str | None = Field(description="company, person, government, fund; null = 无档案 / no record")
    name: str | None = Field(
        description="自然人只给编号，名称遮盖 / a person is told by id, the name is masked"
    )
    credit_code: str | None
    masked: bool = Field(description="个人信息已遮盖 / personal fields are masked")
    hop: int = Field(ge=0, description="离中心几步 / steps from the centre")
    followed: bool = Field(description="false = 关系过多，未展开 / too many edges, not followed")
    edges: int | None = Field(
        description="未展开者的关系数；null = 不提供 / edges of one not followed; null: not told"
    )
    scores: dict[str, float]


class PortraitEdge(StrictModel):
    """一条关系，带有效期与获知日。 / A relation with its dates."""

    edge_id: str
    src: str
    dst: str
    kind: str
    label_zh: str
    label_en: str
    symmetric: bool
    text_zh: str
    text_en: str
    share: float | None
    amount: float | None = Field(description="元 / CNY")
    role: str | None
    valid_from: date | None
    valid_to: date | None
    known_at: date | None
    source: str | None
    confidence: float | None


class PathStep(StrictModel):
    """路径的一步。 / One step of a path."""

    edge_id: str
    src: str
    dst: str
    kind: str
    factor: float = Field(description="风险经此传导的程度，0 至 1 / how far trouble passes it, 0 to 1")
    valid_from: date | None
    valid_to: date | None
    known_at: date | None
    text_zh: str
    text_en: str


class RiskPath(StrictModel):
    """风险从某个主体传到中心的路径。 / The path along which trouble of a party reaches the centre."""

    from_party: str
    why: Literal["in_default"]
    strength: float = Field(description="各步系数之积 / product of the factors")
    parties: list[str] = Field(description="从起点到中心 / from the start to the centre")
    steps: list[PathStep]
    text_zh: str
    text_en: str


class Hub(StrictModel):
    """未展开的主体。 / A party that was not followed."""

    party_id: str
    edges: int | None = Field(description="null = 不提供给该密钥 / null: not told to this key")


class RingLeftOut(StrictModel):
    """某一步放不下的。 / What did not fit at a step."""

    hop: int
    parties: int
    edges: int


class LeftOut(StrictModel):
    """没有给出的内容。 / What was cut off."""

    hubs: list[Hub]
    centre_edges: int = Field(description="中心主体被略去的关系 / edges of the centre that were dropped")
    rings: list[RingLeftOut]
    other_companies: bool = Field(
        description="true = 略去了其他企业的业务关系 / business relations of other companies were left out"
    )
    text_zh: str
    text_en: str


class PortraitAnswer(QuestionAnswer):
    """主体周围的关系图。 / The graph around a party."""

    party_id: str
    valid_on: date = Field(description="关系在此日成立 / the relations held on this day")
    hops: int
    store: Literal["parquet", "neo4j"] = Field(description="由哪一份图回答 / which copy answered")
    nodes: list[PortraitNode]
    edges: list[PortraitEdge]
    risk_paths: list[RiskPath]
    left_out: LeftOut
    text_zh: str
    text_en: str
