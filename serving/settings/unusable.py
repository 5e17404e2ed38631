"""What ends a start: a setting that cannot be used, named by its variable. No caller of the API sees it."""

from collections.abc import Sequence

from serving.errors import FieldProblem, ServingError

__all__ = ["ServiceSettingsError"]


class ServiceSettingsError(ServingError):
    """Settings of the service in the environment have values that cannot be used."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            zh="环境变量的值不可用："
            + "；".join(f"{one.field} {one.zh}" for one in problems)
            + "。取值见 docs/settings.md。",
            en="Environment variables cannot be used: "
            + "; ".join(f"{one.field} {one.en}" for one in problems)
            + ". docs/settings.md lists what they may be.",
        )
