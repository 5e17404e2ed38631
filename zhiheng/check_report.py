"""What `zhiheng data` prints: the outcome of a check, and the contracts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.contract_pages import limits_text
from features.contracts import Checked, Contract, TableWarning
from features.general_rules import type_text

__all__ = ["CheckReport", "contract_columns", "contract_rules", "contracts_overview"]

_SHOWN_KINDS: Final = 30  # kinds of failure on the console; all of them are in the files


@dataclass
class CheckReport:
    """Collects the outcome of each table and shows it; rows themselves are not kept."""

    console: Console
    language: str
    _counts: list[tuple[str, int, int]] = field(default_factory=list)
    _kinds: list[pl.DataFrame] = field(default_factory=list)
    _warnings: list[TableWarning] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Tell whether no row failed."""
        return all(failed == 0 for _, _, failed in self._counts)

    def add(self, checked: Checked) -> None:
        """Take in the outcome of one table."""
        self._counts.append((checked.table, checked.good.height, checked.rows.height))
        self._warnings.extend(checked.warnings)
        kinds = checked.failed.group_by("table", "column", "rule", maintain_order=True).agg(
            pl.len().alias("count"),
            pl.col("row").first(),
            pl.col("message_zh", "message_en", "remedy_zh", "remedy_en").first(),
        )
        self._kinds.append(kinds)

    def show(self, out: Path | None) -> None:
        """Print the table of counts, the kinds of failure, the warnings and where the rows lie."""
        if not self._counts:
            return
        self.console.print(self._summary())
        kinds = pl.concat(self._kinds).sort("count", descending=True, maintain_order=True)
        for line in self._failures(kinds):
            self.console.print(line, highlight=False, soft_wrap=True)
        for warning in self._warnings:
            text = escape(warning.text.in_language(self.language))
            self.console.print(f"[yellow]![/yellow] {warning.table}: {text}", highlight=False, soft_wrap=True)
        self._say_where(out)

    def _summary(self) -> Table:
        """Return the rows, good and failed, of each table."""
        view = Table(title=self._text("检查结果", "Outcome"))
        view.add_column(self._text("表", "table"))
        for zh, en in (("行数", "rows"), ("合格", "good"), ("不合格", "failed")):
            view.add_column(self._text(zh, en), justify="right")
        for name, good, failed in self._counts:
            style = "red" if failed else "green"
            view.add_row(name, f"{good + failed:,}", f"{good:,}", f"[{style}]{failed:,}[/{style}]")
        return view

    def _failures(self, kinds: pl.DataFrame) -> Iterator[str]:
        """Yield two lines for each kind of failure: where and how often, what was asked and what to do."""
        suffix = "zh" if self.language.startswith("zh") else "en"
        for kind in kinds.head(_SHOWN_KINDS).iter_rows(named=True):
            place = ".".join(filter(None, (kind["table"], kind["column"])))
            count = self._text(
                f"{kind['count']:,} 行，首行 {kind['row']}",
                f"{kind['count']:,} row(s), first row {kind['row']}",
            )
            yield f"[red]✗[/red] [bold]{place}[/bold] {kind['rule']}: {count}"
            yield f"  {escape(kind[f'message_{suffix}'])} → {escape(kind[f'remedy_{suffix}'])}"
        if kinds.height > _SHOWN_KINDS:
            more = kinds.height - _SHOWN_KINDS
            yield self._text(
                f"另有 {more} 种，见不合格报告。", f"{more} more kinds stand in the report of failures."
            )

    def _say_where(self, out: Path | None) -> None:
        """Tell where good and failed rows were written, or how to have them written."""
        if out is not None:
            zh, en = f"合格行：{out / 'good'}", f"Good rows: {out / 'good'}"
            if not self.passed:
                zh += f"；不合格行及处理办法：{out / 'failed'}（.csv 可用表格软件打开）"
                en += f"; failed rows and what to do: {out / 'failed'} (the .csv opens in a spreadsheet)"
        elif self.passed:
            zh, en = "检查过的行全部合格。", "All rows that were checked are good."
        else:
            zh = "加 --out 文件夹，可写出每一行的问题与处理办法。"
            en = "Pass --out FOLDER to have every failed row written with what to do."
        self.console.print(self._text(zh, en), highlight=False, soft_wrap=True)

    def _text(self, zh: str, en: str) -> str:
        """Return the text in the user's language."""
        return zh if self.language.startswith("zh") else en


def contracts_overview(contracts: Iterable[Contract], language: str) -> Table:
    """Return the list of tables."""
    view = Table("table", "名称 label", "主键 key", "分类分级 class", "列 columns", "规则 rules")
    for contract in contracts:
        class_ = contract.data_class.text.in_language(language)
        counts = (str(len(contract.columns)), str(len(contract.rules)))
        view.add_row(
            contract.name, contract.label.in_language(language), ", ".join(contract.key), class_, *counts
        )
    return view


def contract_columns(contract: Contract, language: str) -> Table:
    """Return the columns of a table."""
    title = f"{contract.name} · {contract.label.in_language(language)} · {contract.data_class.text.in_language(language)}"
    heads = (
        "列 column",
        "名称 label",
        "类型 type",
        "单位 unit",
        "可空 empty",
        "取值 values",
        "引用 refers to",
        "级 level",
    )
    view = Table(*heads, title=title, caption=contract.description.in_language(language))
    for column in contract.columns:
        target = f"{column.references.table}.{column.references.column}" if column.references else ""
        level = contract.class_of(column).text.in_language(language) + (" *" if column.personal else "")
        view.add_row(
            f"[bold]{column.name}[/bold]" if column.name in contract.key else column.name,
            column.label.in_language(language),
            type_text(column).in_language(language),
            column.unit.in_language(language) if column.unit else "",
            "✓" if column.nullable else "",
            escape(limits_text(column).in_language(language)),
            target,
            level,
        )
    return view


def contract_rules(contract: Contract, language: str) -> Table:
    """Return the rules of a table beyond those that its columns imply."""
    view = Table("规则 rule", "要求 requirement", "处理 remedy")
    for rule in contract.rules:
        view.add_row(rule.name, rule.text.in_language(language), rule.remedy.in_language(language))
    return view
