"""`zhiheng docs`: rewrite the pages of docs/ that are generated from the code."""

from collections.abc import Callable, Mapping

from rich.console import Console

from zhiheng.settings import REPOSITORY

__all__ = ["docs", "generated_pages"]


def generated_pages() -> Mapping[str, Callable[[], str]]:
    """Return each generated page's path below the repository and the function that writes its text."""
    from features.catalogue import catalogue_markdown
    from features.contracts import contracts_markdown
    from zhiheng.settings_page import settings_markdown

    return {
        "docs/data.md": contracts_markdown,
        "docs/features.md": catalogue_markdown,
        "docs/settings.md": settings_markdown,
    }


def docs() -> None:
    """重写由代码生成的文档。Rewrite the generated pages of docs/."""
    console = Console()
    for path, text in generated_pages().items():
        (REPOSITORY / path).write_text(text(), encoding="utf-8")
        console.print(f"✓ {path}")
