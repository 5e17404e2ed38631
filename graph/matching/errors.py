"""Errors of resolution: records that cannot be compared, decisions that cannot be taken over."""

from graph.errors import GraphError

__all__ = ["DecisionError", "RecordTableError", "ReviewListError", "TooFewExamplesError"]


class RecordTableError(GraphError):
    """The list of parties to be resolved lacks a column or holds what it must not."""

    def __init__(self, column: str, problem_zh: str, problem_en: str) -> None:
        self.column = column
        super().__init__(
            zh=f"待归并主体清单的列“{column}”{problem_zh}。请改正后重试。",
            en=f"List of parties to resolve, column '{column}': {problem_en}. Correct it and try again.",
        )


class DecisionError(GraphError):
    """A decision on a doubtful pair of parties cannot be taken over."""

    def __init__(self, pair: tuple[str, str], problem_zh: str, problem_en: str) -> None:
        self.pair = pair
        one, other = pair
        super().__init__(
            zh=f"对“{one}”与“{other}”的认定{problem_zh}。",
            en=f"The decision on '{one}' and '{other}' {problem_en}.",
        )


class ReviewListError(GraphError):
    """The filled review list lacks a column."""

    def __init__(self, column: str, problem_zh: str, problem_en: str) -> None:
        self.column = column
        super().__init__(
            zh=f"认定清单的列“{column}”{problem_zh}。请在 `zhiheng graph resolve` 写出的清单上填写后重试。",
            en=f"Review list, column '{column}': {problem_en}. Fill in the list that `zhiheng graph resolve` wrote, "
            "then try again.",
        )


class TooFewExamplesError(GraphError):
    """No two records agree on what splink learns from."""

    def __init__(self) -> None:
        super().__init__(
            zh="没有两条记录的信用代码或名称相同，splink 无从学习。请改用默认规则（--engine rules）。",
            en="No two records share a credit code or a name, so splink has nothing to learn from. "
            "Use the rules instead (--engine rules).",
        )
