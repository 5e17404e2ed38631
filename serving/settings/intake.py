"""Settings of the service: files that data stewards hand in."""

from pydantic import BaseModel, Field

__all__ = ["IntakeSettings"]


class IntakeSettings(BaseModel):
    """Files that data stewards hand in."""

    intake_body_limit_bytes: int = Field(
        default=33_554_432,
        ge=1,
        description="数据管理员上传文件的上限，超过 413 / larger files handed in by stewards get 413",
    )
    intake_body_seconds: float = Field(
        default=120.0,
        gt=0,
        description="上传多久未完则 408 / a file of a steward that takes longer to arrive gets 408",
    )
    intake_rows_limit: int = Field(
        default=200_000, ge=1, description="一个上传文件的行数上限 / rows in one file of a steward at most"
    )
    intake_problems_shown: int = Field(
        default=500,
        ge=1,
        description="一次答复列出多少条问题；完整清单在失败行文件里 / "
        "lines about failed rows in one answer; the file of failed rows has all",
    )
