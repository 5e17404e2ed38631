"""Settings of the service: books of parties that are scored together."""

from pydantic import BaseModel, Field

__all__ = ["BookSettings"]


class BookSettings(BaseModel):
    """Books of parties that are scored together."""

    book_now_rows: int = Field(
        default=2_000,
        ge=0,
        description="超过此行数的名单转为作业 / books with more rows to be scored are made as a job",
    )
    book_rows: int = Field(
        default=2_000_000, ge=1, description="名单行数上限，超过 413 / rows of a book; larger ones get 413"
    )
    book_bytes: int = Field(
        default=2_147_483_648,
        ge=1,
        description="Parquet、Arrow 名单的大小上限，超过 413 / larger books in Parquet or Arrow IPC get 413",
    )
    book_sheet_bytes: int = Field(
        default=67_108_864,
        ge=1,
        description="CSV、xlsx 名单（读入内存）的大小上限，超过 413 / "
        "larger books in CSV or xlsx, which are read into memory, get 413",
    )
    book_json_bytes: int = Field(
        default=8_388_608, ge=1, description="JSON 名单的大小上限，超过 413 / larger books in JSON get 413"
    )
    book_upload_seconds: float = Field(
        default=300.0, gt=0, description="名单多久未传完则 408 / a book that comes more slowly gets 408"
    )
    book_chunk_rows: int = Field(
        default=16_384,
        ge=1,
        description="一次计分的行数，内存随之增长 / rows of a book scored at once; memory grows with it",
    )
    book_threads: int = Field(default=1, ge=1, description="计分名单用的线程数 / threads that score a book")
