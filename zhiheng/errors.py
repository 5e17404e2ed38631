"""Errors of the command line: a background program that did not start, a step of the demo that failed."""

from pathlib import Path

from graph.errors import UserError

__all__ = ["BackgroundError", "DemoAnswerError", "NothingToExplainError", "SampleError", "SettingsError"]


class BackgroundError(UserError):
    """A background program ended or did not answer in time."""

    def __init__(self, name: str, log: Path, *, reason_zh: str, reason_en: str) -> None:
        self.name, self.log = name, log
        super().__init__(
            zh=f"{name} 未能启动：{reason_zh}。请查看日志 {log}，排除原因后重新运行。",
            en=f"{name} did not start: {reason_en}. Read {log}, mend the cause and run again.",
        )


class DemoAnswerError(UserError):
    """The service that the demo started refused to answer."""

    def __init__(self, url: str, status: int, body: str) -> None:
        self.url, self.status, self.body = url, status, body
        super().__init__(
            zh=f"服务拒绝回答 {url}（HTTP {status}）：{body}。请查看服务日志，或运行 `make stop` 后重试。",
            en=f"The service refused to answer {url} (HTTP {status}): {body}. Read its log, or `make stop` and try again.",
        )


class SampleError(UserError):
    """The sample group could not be written."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(
            zh=f"示例集团生成失败（退出码 {status}），原因见上。请检查磁盘空间后重新运行。",
            en=f"Writing the sample group failed (exit status {status}), see above. Check disk space and run again.",
        )


class SettingsError(UserError):
    """A setting in the environment has a value that cannot be used."""

    def __init__(self, variable: str, reason: str) -> None:
        self.variable = variable
        super().__init__(
            zh=f"环境变量 {variable} 的值不可用：{reason}。可用的取值见 docs/operators.md。",
            en=f"The environment variable {variable} cannot be used: {reason}. docs/operators.md lists what it may be.",
        )


class NothingToExplainError(UserError):
    """There is no champion or no newest features under home yet."""

    def __init__(self, missing: Path) -> None:
        self.missing = missing
        super().__init__(
            zh=f"缺少 {missing}，尚无可解释的评分。请先运行 zhiheng features build 与 zhiheng train credit（或 zhiheng demo）。",
            en=f"{missing} is not there, so there is no score to explain. Run zhiheng features build and zhiheng train credit "
            "first (or zhiheng demo).",
        )
