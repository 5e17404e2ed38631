"""Errors of data that is handed in, each saying what to do, and how each is shown."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.errors import UnknownTableError
from graph.errors import UserError
from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "IntakeAbandonedError",
    "IntakeTableError",
    "MergeFolderError",
    "TakenAlreadyError",
    "UnknownUploadError",
    "UploadFileError",
]


class IntakeTableError(ServingError):
    """A table cannot be checked at all: columns are missing, of another type, or it is empty."""

    def __init__(self, error: UserError) -> None:
        super().__init__(zh=error.zh, en=error.en)


class IntakeAbandonedError(ServingError):
    """The caller was told that the check took too long; nothing is taken."""

    def __init__(self) -> None:
        super().__init__(
            zh="检查未能及时完成，没有收下任何行。请把文件分成几份后重试。",
            en="The check was not done in time, and no row was taken. Split the file and try again.",
        )


class TakenAlreadyError(ServingError):
    """The same file was taken before."""

    def __init__(self, table: str, upload_id: str | None) -> None:
        self.upload_id = upload_id
        before = f"（{upload_id}）" if upload_id else ""
        earlier = f" as {upload_id}" if upload_id else ""
        super().__init__(
            zh=f"同一文件此前已作为表 {table} 收下{before}，不再重复收取。如有改动，请提交改动后的文件。",
            en=f"The same file was taken before for table {table}{earlier}; it is not taken twice. Where something has "
            "changed, send the changed file.",
        )


class UnknownUploadError(ServingError):
    """There is no such upload, or it is of other companies."""

    def __init__(self, upload_id: str) -> None:
        self.upload_id = upload_id
        super().__init__(
            zh=f"没有编号为“{upload_id}”的上传，或该密钥不覆盖其企业，或它没有不合格行。请用 GET /v1/intake/uploads 核对。",
            en=f"There is no upload '{upload_id}', or it is of other companies, or no row of it failed. Check with "
            "GET /v1/intake/uploads.",
        )


class UploadFileError(ServingError):
    """The file of an upload is gone or is not the one that was taken."""

    def __init__(self, table: str, upload_id: str) -> None:
        self.upload_id = upload_id
        super().__init__(
            zh=f"上传 {upload_id}（表 {table}）的文件不存在，或与收下时的哈希不符；没有合并任何表。请从备份恢复该文件后重试。",
            en=f"The file of upload {upload_id} (table {table}) is gone, or is not the one that was taken; nothing was merged. "
            "Restore it from the backup and try again.",
        )


class MergeFolderError(ServingError):
    """The checked table is a folder of parts, into which no rows are merged."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(
            zh=f"已检查的表 {table} 是由多个文件组成的文件夹，不能就地合并。请把上传的合格行作为一个分片放入源文件夹，"
            "再运行 `zhiheng data check`。",
            en=f"The checked table {table} is a folder of parts and cannot be merged in place. Put the good rows of the uploads "
            "into the source folder as a part, then run `zhiheng data check`.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UnknownTableError: Problem("unknown-table", 404, "没有该表", "Unknown table"),
        UnknownUploadError: Problem("unknown-upload", 404, "没有该上传", "Unknown upload"),
        TakenAlreadyError: Problem("taken-already", 409, "已经收过", "Taken already"),
        IntakeAbandonedError: Problem("deadline", 504, "处理超时", "Took too long"),
        IntakeTableError: Problem("unusable-table", 422, "表无法检查", "Table cannot be checked"),
    }
)
