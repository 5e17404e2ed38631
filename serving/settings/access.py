"""Settings of the service: what a key may ask for, the single sign-on, and which use of a key stands out."""

from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, Field, field_validator, model_validator

__all__ = ["AccessSettings"]


class AccessSettings(BaseModel):
    """What a key may ask for, the single sign-on, and which use of a key stands out."""

    key_requests_per_minute: int = Field(
        default=60_000,
        ge=1,
        description="每个密钥每分钟请求数（全部进程合计），超过 429 / "
        "requests a minute of one key, all workers together; more get 429",
    )
    key_concurrent: int = Field(
        default=64,
        ge=1,
        description="每个密钥的并发请求数（全部进程合计），超过 429 / "
        "requests at once of one key, all workers together; more get 429",
    )
    key_rows_per_book: int = Field(
        default=2_000_000,
        ge=1,
        description="每个密钥一份名单的行数上限，超过 413 / larger books of one key get 413",
    )
    key_rows_per_hour: int = Field(
        default=4_000_000,
        ge=1,
        description="每个密钥每小时名单行数，超过 429 / rows of books an hour of one key; more get 429",
    )
    key_rows_per_day: int = Field(
        default=20_000_000,
        ge=1,
        description="每个密钥 24 小时名单行数，超过 429 / rows of books in 24 hours of one key; more get 429",
    )
    sso_jwks: Path | None = Field(
        default=None,
        description="单点登录公钥文件（JWKS）；不设则令牌一律无效 / "
        "file of the single sign-on's public keys (JWKS); without it no token opens",
    )
    sso_issuer: str = Field(default="", description="令牌的 iss 必须是此值 / the `iss` that tokens must have")
    sso_audience: str = Field(
        default="zhiheng", description="令牌的 aud 必须是此值 / the `aud` that tokens must have"
    )
    sso_roles_claim: str = Field(
        default="roles", description="令牌中角色所在的字段 / where tokens name the roles"
    )
    sso_companies_claim: str = Field(
        default="companies", description="令牌中企业所在的字段 / where tokens name the companies"
    )
    sso_leeway_seconds: float = Field(
        default=30.0,
        ge=0,
        le=300,
        description="单点登录时钟允许的偏差 / how far the sign-on's clock may be off",
    )
    work_first_hour: int = Field(
        default=8, ge=0, le=23, description="工作时间从几点开始 / when working hours begin"
    )
    work_last_hour: int = Field(
        default=20, ge=1, le=24, description="工作时间到几点结束 / when working hours end"
    )
    work_zone: str = Field(
        default="Asia/Shanghai",
        description="业务时区：工作时间，查询清单时一天的起止，政策生效、数据新旧、期限所按的日期；记录写明当时的时区，回放按记录 / "
        "business time zone: of the working hours, of the days that lists are asked for, and of those by which policies begin, "
        "data grow old and terms end; a record names it, and is replayed by it",
    )
    watch_window_minutes: int = Field(
        default=60,
        ge=1,
        description="在多长时间内累计使用量 / over how long use is counted before it stands out",
    )
    watch_rows: int = Field(
        default=1_000,
        ge=1,
        description="非工作时间评分达到此行数即记录 / so many rows scored outside working hours are noted",
    )
    watch_parties: int = Field(
        default=200,
        ge=1,
        description="非工作时间查询达到此主体数即记录 / "
        "so many different parties outside working hours are noted",
    )
    watch_refusals: int = Field(
        default=50, ge=1, description="同一密钥被拒达到此次数即记录 / so many refusals of one key are noted"
    )
    watch_out_of_scope: int = Field(
        default=20,
        ge=1,
        description="尝试访问其他企业达到此次数即记录 / "
        "so many different tries at others' companies are noted",
    )

    @field_validator("work_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone") from error
        return zone

    @model_validator(mode="after")
    def _sso_is_whole(self) -> Self:
        if self.sso_jwks is not None and not (self.sso_issuer and self.sso_audience):
            raise ValueError("ZHIHENG_SSO_JWKS needs ZHIHENG_SSO_ISSUER and ZHIHENG_SSO_AUDIENCE")
        return self
