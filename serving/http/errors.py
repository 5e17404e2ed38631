"""Errors of reading a request, and how they are shown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from serving.errors import Problem, ServingError

__all__ = [
    "PROBLEMS",
    "AddressFormError",
    "BodyTooLargeError",
    "DeadlineError",
    "EncodedBodyError",
    "HeadersTooLargeError",
    "MalformedBodyError",
    "MalformedJsonError",
    "MediaTypeError",
    "MethodNotAllowedError",
    "NotAcceptableError",
    "RouteNotFoundError",
    "SlowBodyError",
]


class RouteNotFoundError(ServingError):
    """No such address."""

    def __init__(self) -> None:
        super().__init__(
            zh="没有这个接口地址。请查看 /docs 中的接口列表。",
            en="There is no such address. See the routes under /docs.",
        )


class MethodNotAllowedError(ServingError):
    """The address exists, not for this HTTP method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = tuple(allowed)
        methods = ", ".join(allowed)
        super().__init__(zh=f"该地址只接受 {methods} 请求。", en=f"This address takes {methods} only.")


class MediaTypeError(ServingError):
    """The body is not announced as what the route takes."""

    def __init__(self, kinds: Sequence[str] = ("application/json",)) -> None:
        self.kinds = tuple(kinds)
        listed = ", ".join(kinds)
        super().__init__(
            zh=f"请求头 Content-Type 须为以下之一：{listed}；文本须为 UTF-8。",
            en=f"The header Content-Type must be one of {listed}; text must be UTF-8.",
        )


class MalformedJsonError(ServingError):
    """The body cannot be read as JSON at all."""

    def __init__(self, position: str) -> None:
        self.position = position
        super().__init__(
            zh=f"请求体不是合法的 JSON（{position}）。请检查括号、引号与编码（UTF-8）。",
            en=f"The body is not valid JSON ({position}). Check brackets, quotes and encoding (UTF-8).",
        )


class BodyTooLargeError(ServingError):
    """The body exceeds the limit; it is not read to its end."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(
            zh=f"请求体超过上限 {limit} 字节。请减少内容后重试。",
            en=f"The body exceeds the limit of {limit} bytes. Send less.",
        )


class DeadlineError(ServingError):
    """The request took longer than allowed, for example because its body came too slowly."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            zh=f"请求未能在 {seconds:g} 秒内完成，未出具结果。请稍后重试。",
            en=f"The request was not done within {seconds:g} s; no answer is given. Try again later.",
        )


class SlowBodyError(ServingError):
    """The body did not arrive within its time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            zh=f"请求体未能在 {seconds:g} 秒内全部送达，未受理，连接将关闭。请检查网络，或减少内容后重试。",
            en=f"The body did not arrive within {seconds:g} s; it is not taken and the connection is closed. "
            "Check the network or send less.",
        )


class EncodedBodyError(ServingError):
    """The body is compressed."""

    def __init__(self) -> None:
        super().__init__(
            zh="不接受压缩的请求体（请求头 Content-Encoding）。请发送未压缩的内容，并去掉该请求头。",
            en="Compressed bodies (header Content-Encoding) are not taken. Send the content as it is, without that header.",
        )


class MalformedBodyError(ServingError):
    """Length or form of the body contradicts its headers."""

    def __init__(self, *, zh: str, en: str) -> None:
        super().__init__(zh=zh, en=en)


class AddressFormError(ServingError):
    """The address holds what no address of the service holds."""

    def __init__(self) -> None:
        super().__init__(
            zh="地址中不得含有“..”、“//”、反斜杠、编码的斜杠（%2F、%5C）或控制字符。请按 /docs 中的地址书写。",
            en="An address must not hold '..', '//', a backslash, an encoded slash (%2F, %5C) or control characters. "
            "Write it as under /docs.",
        )


class HeadersTooLargeError(ServingError):
    """Query or headers are longer than any request needs."""

    def __init__(self, what_zh: str, what_en: str, limit: int) -> None:
        self.limit = limit
        super().__init__(
            zh=f"{what_zh}超过上限 {limit} 字节。请缩短；成批的内容请放在请求体中。",
            en=f"{what_en} exceed the limit of {limit} bytes. Shorten them; send lists in a body.",
        )


class NotAcceptableError(ServingError):
    """None of the media types asked for can be given."""

    def __init__(self, offered: Sequence[str]) -> None:
        self.offered = tuple(offered)
        listed = ", ".join(offered)
        super().__init__(
            zh=f"无法按请求头 Accept 给出结果；可用的类型：{listed}。请改用其中之一，或省略 Accept。",
            en=f"The answer cannot be given as the header Accept asks; it can be {listed}. Ask for one of these or leave "
            "the header out.",
        )


PROBLEMS: Final[Mapping[type[Exception], Problem]] = MappingProxyType(
    {
        MalformedJsonError: Problem("malformed-json", 400, "请求体不是合法 JSON", "Body is not valid JSON"),
        MalformedBodyError: Problem("malformed-body", 400, "请求体有误", "Body is malformed"),
        AddressFormError: Problem("address-form", 400, "地址格式有误", "Address is malformed"),
        RouteNotFoundError: Problem("route-not-found", 404, "没有这个接口", "No such address"),
        MethodNotAllowedError: Problem("method-not-allowed", 405, "请求方法不允许", "Method not allowed"),
        NotAcceptableError: Problem("not-acceptable", 406, "无法按所需类型作答", "Not acceptable"),
        SlowBodyError: Problem("slow-body", 408, "请求体送达过慢", "Body came too slowly"),
        BodyTooLargeError: Problem("body-too-large", 413, "请求体过大", "Body too large"),
        MediaTypeError: Problem("media-type", 415, "请求体类型不支持", "Unsupported media type"),
        EncodedBodyError: Problem("encoded-body", 415, "不接受压缩的请求体", "Compressed body"),
        HeadersTooLargeError: Problem(
            "headers-too-large", 431, "查询或请求头过长", "Query or headers too large"
        ),
        DeadlineError: Problem("deadline", 504, "处理超时", "Took too long"),
    }
)
