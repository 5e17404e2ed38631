"""What the command line prints: one of two languages, as it is, without markup or breaks inside a word."""

from collections.abc import Callable

from rich.console import Console

from zhiheng.settings import Settings

__all__ = ["teller"]


def teller(settings: Settings, *, indent: str = "") -> Callable[[str, str], None]:
    """Return a function that prints a message, given in Chinese and English, in the user's language."""
    console = Console()

    def say(zh: str, en: str) -> None:
        text = zh if settings.lang == "zh" else en
        console.print(indent + text, highlight=False, markup=False, soft_wrap=True)

    return say
