"""Errors of the service, and the one table that gives each error its HTTP status and title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from graph.errors import UserError
from models.errors import (
    AdditivityError,
    FeatureMismatchError,
    ModelError,
)

__all__ = [
    "PROBLEMS",
    "AddressError",
    "FieldProblem",
    "InvalidRequestError",
    "NotReadyError",
    "Problem",
    "ServingError",
    "UnexpectedError",
]


class ServingError(UserError):
    """An error of the service."""


@dataclass(frozen=True)
class FieldProblem:
    """One field of a request that broke a rule, in both languages."""

    field: str
    rule: str
    zh: str
    en: str


class InvalidRequestError(ServingError):
    """Fields of the request break rules; each is named."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            zh="请求中有字段不符合要求：" + "；".join(f"{p.field}：{p.zh}" for p in problems),
            en="Fields of the request break rules: " + "; ".join(f"{p.field}: {p.en}" for p in problems),
        )


class NotReadyError(ServingError):
    """A part that scoring needs is not there yet."""

    def __init__(self, part: str, *, zh: str, en: str) -> None:
        self.part = part
        super().__init__(zh=f"服务尚未就绪（{part}）：{zh}", en=f"The service is not ready ({part}): {en}")


class AddressError(ServingError):
    """The address to bind to is taken or not ours."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        self.host, self.port = host, port
        super().__init__(
            zh=f"无法监听 {host}:{port}（{reason}）。请停掉占用者，或用 ZHIHENG_PORT / ZHIHENG_HOST 另选。",
            en=f"Cannot listen on {host}:{port} ({reason}). Stop what holds it or set ZHIHENG_PORT / ZHIHENG_HOST.",
        )


class UnexpectedError(ServingError):
    """A programmer's error; the caller learns nothing about its inside."""

    def __init__(self) -> None:
        super().__init__(
            zh="服务内部出现未预料的错误，未出具结果。请将 request_id 告知运维人员。",
            en="An unexpected error occurred; no answer is given. Tell the operators the request_id.",
        )


@dataclass(frozen=True)
class Problem:
    """How one type of error is shown: RFC 9457 type, status and title."""

    slug: str
    status: int
    zh: str
    en: str


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        InvalidRequestError: Problem("invalid-request", 422, "请求不符合要求", "Invalid request"),
        AdditivityError: Problem("not-additive", 500, "解释与得分不一致", "Explanation does not add up"),
        UnexpectedError: Problem("unexpected", 500, "内部错误", "Internal error"),
        NotReadyError: Problem("not-ready", 503, "服务尚未就绪", "Not ready"),
        FeatureMismatchError: Problem("not-ready", 503, "服务尚未就绪", "Not ready"),
        ModelError: Problem("not-ready", 503, "服务尚未就绪", "Not ready"),
    }
)
