"""The guides for readers: links lead somewhere, commands exist, settings are all there and no others."""

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest
import typer
from typer.main import get_command

from serving.settings import ServiceSettings
from zhiheng.cli import app
from zhiheng.settings import Settings
from zhiheng.settings_page import settings_markdown

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
GUIDES = ("risk-officers.md", "data-stewards.md", "data-scientists.md", "operators.md")
SETTINGS = {f"ZHIHENG_{name.upper()}" for kind in (Settings, ServiceSettings) for name in kind.model_fields}

FENCE = re.compile(r"^\s*```.*?^\s*```\s*?$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|[\s/(])zhiheng(?=\s)")
WORD = re.compile(r"[a-z][a-z-]*")
OPTION = re.compile(r"--[a-z][a-z-]*")


class Parameter(Protocol):
    @property
    def opts(self) -> list[str]: ...


class Command(Protocol):
    @property
    def params(self) -> Sequence[Parameter]: ...


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings as GitHub makes them."""
    heads = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def code(page: Path) -> Iterator[str]:
    """Yield the lines of code of a page: of its blocks without their comments, and its spans."""
    text = page.read_text(encoding="utf-8")
    for block in FENCE.findall(text):
        yield from (re.sub(r"(^|\s)#\s.*$", "", line) for line in block.splitlines()[1:-1])
    yield from SPAN.findall(FENCE.sub("", text))


def commands(page: Path) -> list[list[str]]:
    """Return the words that follow `zhiheng` wherever a page's code calls it."""
    found = [(line, COMMAND.search(line)) for line in code(page)]
    return [_words(line[match.end() :]) for line, match in found if match]


def _words(text: str) -> list[str]:
    return shlex.split(text.replace("[", " ").replace("]", " "), posix=False)


def unknown_part(words: list[str]) -> str | None:
    """Return the first command or option that the command line does not have; values are not looked at."""
    command = get_command(app)
    options = _options(command)
    path = list(words)
    while path and path[0].startswith("--"):
        if path[0] not in options:
            return path[0]
        path = path[1:] if path[0] == "--help" else path[2:]
    while isinstance(command, typer.core.TyperGroup) and path and not path[0].startswith("-"):
        if not WORD.fullmatch(path[0]) or path[0] not in command.commands:
            return path[0]
        command = command.commands[path.pop(0)]
    allowed = _options(command)
    return next((word for word in path if OPTION.fullmatch(word) and word not in allowed), None)


def _options(command: Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}


def test_readme_leads_to_every_guide() -> None:
    targets = {
        target.split("#")[0] for target in LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    }
    assert {f"docs/{guide}" for guide in GUIDES} <= targets


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    dead = []
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_exist_with_their_options(page: Path) -> None:
    wrong = {" ".join(words): part for words in commands(page) if (part := unknown_part(words))}
    assert wrong == {}


@pytest.mark.parametrize("guide", GUIDES)
def test_guides_show_commands_or_addresses(guide: str) -> None:
    """Without this the test above could pass because no command was found."""
    text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
    assert len(commands(ROOT / "docs" / guide)) >= 3 or "curl -s http://127.0.0.1:8300/" in text


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("data check var/group --out var/checked", None),
        ("--lang en ledger verify", None),
        ("data chek var/group", "chek"),
        ("train credit --publish-not", "--publish-not"),
        ("--language en ledger verify", "--language"),
    ],
)
def test_wrong_commands_are_found(words: str, part: str | None) -> None:
    assert unknown_part(_words(words)) == part


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_named_exist(page: Path) -> None:
    named = set(re.findall(r"ZHIHENG_[A-Z0-9_]+", page.read_text(encoding="utf-8")))
    assert named - SETTINGS == set()


def test_page_of_settings_is_that_of_the_code() -> None:
    """A default that was changed in the code must not be promised in a page."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_markdown(), "run `zhiheng docs`"


@pytest.mark.parametrize("kind", [Settings, ServiceSettings])
def test_settings_say_in_both_languages_what_they_decide(kind: type[Settings | ServiceSettings]) -> None:
    both = re.compile(r"[^/]*[\u4e00-\u9fff].* / .*[a-zA-Z]")
    wordless = [field for field, info in kind.model_fields.items() if not both.match(info.description or "")]
    assert wordless == []
