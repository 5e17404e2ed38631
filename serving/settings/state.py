"""Settings of the service: the ledger, jobs, and how long files are kept."""

from pydantic import BaseModel, Field, SecretStr

__all__ = ["StateSettings"]


class StateSettings(BaseModel):
    """The ledger, jobs, and how long files are kept."""

    database_url: SecretStr | None = Field(
        default=None,
        description="台账、密钥、作业所用的 postgresql://…；不设则用文件 ledger.db / "
        "postgresql://… for ledger, keys and jobs; unset: the file ledger.db",
    )
    ledger_wait_seconds: float = Field(
        default=2.0, gt=0, description="等台账写锁多久，之后 503 / wait for the ledger's lock, then 503"
    )
    clock_tolerance_seconds: float = Field(
        default=5.0,
        ge=0,
        description="时钟落后台账最新记录超过此秒数，答复会注明 / "
        "with a clock further behind the ledger's newest record answers say so",
    )
    jobs_waiting: int = Field(
        default=20,
        ge=1,
        description="排队与运行中的作业上限，超过 503 / jobs that may wait or run at a time; more get 503",
    )
    job_silence_seconds: float = Field(
        default=30.0,
        gt=0,
        description="作业进程无声多久即视为中断 / "
        "a job whose process is silent for longer counts as interrupted",
    )
    kept_files_days: int = Field(
        default=400,
        ge=180,
        description="成批评分与作业的文件至少保留多少天，之后随 `zhiheng ledger prune` 删除 / "
        "files of books and jobs stay at least so long, then `zhiheng ledger prune` removes them",
    )
