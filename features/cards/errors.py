"""Errors of cards and of the tables they name: what is wrong, in which file and column, and what to do."""

from collections.abc import Sequence

from graph.errors import UserError

__all__ = ["CardError", "CardTableError", "LeakRefusedError"]

_SHOWN = 5


class CardError(UserError):
    """The card itself cannot be read: a key is missing, unknown or contradicts another."""

    def __init__(self, path: str, problems_zh: Sequence[str], problems_en: Sequence[str]) -> None:
        self.path, self.problems = path, tuple(problems_en)
        super().__init__(
            zh=f"卡片“{path}”有误：" + "；".join(problems_zh) + "。写法见 docs/cards.md。",
            en=f"Card '{path}': " + "; ".join(problems_en) + ". See docs/cards.md for the keys.",
        )


class CardTableError(UserError):
    """A table named by the card is missing, empty or does not fit what the card says of it."""

    def __init__(self, table: str, *, zh: str, en: str, columns: Sequence[str] = ()) -> None:
        self.table, self.columns = table, tuple(columns)
        super().__init__(zh=f"表“{table}”：{zh}", en=f"Table '{table}': {en}")


class LeakRefusedError(UserError):
    """A card asks for something that would give the label away."""
