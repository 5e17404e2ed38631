"""Errors of tables that come over HTTP, each saying what to send instead."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "UnreadableUploadError",
    "UploadRoomError",
    "UploadTooLargeError",
    "UploadTypeError",
]


class UploadTypeError(ServingError):
    """The body is announced as nothing that the address reads."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        listed = ", ".join(allowed)
        super().__init__(
            zh=f"请求头 Content-Type 须为以下之一：{listed}。请按文件的实际格式填写。",
            en=f"The header Content-Type must be one of {listed}. Send the one that the file is.",
        )


class UploadTooLargeError(ServingError):
    """A table is larger than allowed: in bytes, rows, columns, cells, or once it is unpacked."""

    def __init__(self, what_zh: str, what_en: str, *, remedy_zh: str, remedy_en: str) -> None:
        super().__init__(
            zh=f"上传的表过大：{what_zh}。{remedy_zh}", en=f"The table is too large: {what_en}. {remedy_en}"
        )


class UnreadableUploadError(ServingError):
    """A body is not the table that it is announced as, or holds what a table must not."""

    def __init__(self, reason_zh: str, reason_en: str) -> None:
        super().__init__(
            zh=f"上传的文件不能使用：{reason_zh}", en=f"The file sent cannot be used: {reason_en}"
        )


class UploadRoomError(ServingError):
    """The disk has no room for what is being sent."""

    def __init__(self) -> None:
        super().__init__(
            zh="服务器磁盘空间不足，文件未接收。请联系运维清理后重试。",
            en="The server's disk has no room, so the file was not taken. Ask the operators to make room, then try again.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        UploadTypeError: Problem("upload-type", 415, "不支持的文件格式", "Kind of file not taken"),
        UploadTooLargeError: Problem("table-too-large", 413, "表过大", "Table too large"),
        UnreadableUploadError: Problem("unreadable-table", 422, "文件无法使用", "File cannot be used"),
        UploadRoomError: Problem("no-room", 503, "磁盘空间不足", "No room on disk"),
    }
)
