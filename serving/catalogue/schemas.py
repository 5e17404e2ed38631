"""Shapes of the catalogue of features."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.schemas import StrictModel

__all__ = ["FeatureEntry", "FeatureList", "FeatureName", "FeatureQuery", "FeatureUse"]

ModelDomain = Literal["credit", "demand", "capacity"]
FeatureName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,100}$")]


class FeatureQuery(BaseModel):
    """哪一类模型的。 / Of which models."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domain: ModelDomain | None = Field(default=None, description="credit, demand, capacity")


class FeatureUse(StrictModel):
    """使用它的一个模型版本。 / A version of a model that uses it."""

    family: str
    version: str
    alias: str | None = Field(description="champion、challenger，或 null / null: neither")


class FeatureEntry(StrictModel):
    """一个特征。 / One feature."""

    name: str
    domain: ModelDomain
    text_zh: str
    text_en: str
    unit: str
    group: str = Field(description="维度或驱动类别 / dimension, or kind of driver")
    group_zh: str
    sources: list[str] = Field(description="来源表 / tables it comes from")
    class_zh: str = Field(description="数据分级 / data class")
    class_en: str
    minimum: float | None
    maximum: float | None
    monotone: int | None = Field(
        description="1 只会提高、-1 只会降低违约概率 / 1 can only raise the PD, -1 only lower it"
    )
    changeable: int | None = Field(
        description="主体可改变的稳健方向 / the sound way in which a party can move it"
    )
    known: str | None = Field(description="ahead 事先已知，after 事后才知 / known ahead, or after the day")
    file: str | None
    line: int | None
    models: list[FeatureUse]


class FeatureList(StrictModel):
    """特征目录。 / The catalogue."""

    features: list[FeatureEntry]
