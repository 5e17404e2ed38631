"""Settings of the service: overrides, appeals and notices of credit decisions, and exports of records."""

from pydantic import BaseModel, Field

__all__ = ["ReviewSettings"]


class ReviewSettings(BaseModel):
    """Overrides, appeals and notices of credit decisions, and exports of records."""

    override_longest_days: int = Field(
        default=180,
        ge=1,
        description="信用决策的人工调整最长有效天数 / "
        "an override of a credit decision ends within so many days",
    )
    appeal_window_days: int = Field(
        default=30,
        ge=1,
        description="决策后多少天内可申诉，逾期的会标明 / "
        "days after a decision within which its party may appeal; later ones are marked",
    )
    appeal_working_days: int = Field(
        default=15,
        ge=1,
        le=250,
        description="申诉须在多少个工作日内办结 / working days within which an appeal is to be decided",
    )
    notice_contact: str = Field(
        default="集团风险管理部 / the group's risk management department",
        description="不利决策通知上的负责部门（中文 / "
        "英文） / who answers for adverse decisions, in Chinese and English with a slash between; stands on every notice",
    )
    export_large_rows: int = Field(
        default=1_000,
        ge=1,
        description="同一密钥（或命令行）在 ZHIHENG_WATCH_WINDOW_MINUTES 内的导出合计达到此条数即记为风险使用 / exports of one key (or of "
        "the command line) within ZHIHENG_WATCH_WINDOW_MINUTES that come to so many decisions are noted as risky use",
    )
    export_rows_limit: int = Field(
        default=5_000,
        ge=1,
        description="一次导出的条数上限，更多请分次 / decisions in one export; more are taken in several",
    )
