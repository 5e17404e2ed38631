"""Shapes of the inputs that the model takes."""

from datetime import date

from pydantic import Field, JsonValue

from serving.schemas import StrictModel

__all__ = ["InputField", "InputsAnswer"]


class InputField(StrictModel):
    """一个输入。 / One input."""

    name: str
    text_zh: str
    text_en: str
    name_zh: str
    name_en: str
    dimension: str | None
    type: str = Field(description="JSON 类型 / JSON type", examples=["number"])
    unit: str
    minimum: float | None = Field(description="null = 不限 / null: no bound")
    maximum: float | None
    required: bool
    may_be_missing: bool = Field(description="可以为 null / may be null")
    max_age_days: int | None = Field(
        description="特征文件的期限（见顶层）；null：只来自主体登记，不随时间变旧，或目录中没有 / limit of the features' file (see above); "
        "null: from the register of parties alone, which does not age, or not in the catalogue"
    )
    sources: list[str] = Field(description="来源表 / tables it comes from")


class InputsAnswer(StrictModel):
    """现任模型的输入。 / The inputs of the model that answers now."""

    model_version: str
    data_as_of: date | None
    graph_as_of: date | None
    least_known_share: float = Field(
        description="已知特征低于该比例时结果为降级 / with fewer of them known an answer is a fallback"
    )
    max_age_days: int = Field(
        description="特征文件整体的期限：data_as_of 更早时评分为降级或被拒绝 / of the features' file as a whole: with an "
        "earlier data_as_of answers are fallbacks or refused"
    )
    inputs: list[InputField] = Field(description="按模型的顺序 / in the order of the model")
    json_schema: dict[str, JsonValue] = Field(
        description="features 的 JSON Schema；也可用 Accept: application/schema+json 单独取 / of `features`; alone by Accept"
    )
