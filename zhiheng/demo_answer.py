"""Print the demo's answer: the party, what speaks for and against it, and where to go on."""

from typing import Any, Final

from rich.console import Console
from rich.table import Table

__all__ = ["show_answer"]

_SHOWN: Final = 10


def show_answer(answer: dict[str, Any], *, key: str, api: str, pages: str, zh: bool) -> None:
    """Print an answer of the scoring API, the addresses to open and what to do next."""
    console = Console()
    console.print(_contributions(answer, zh=zh))
    lines = [
        f"  {name}: {answer[name]}" for name in ("model_version", "data_as_of", "graph_as_of", "decision_id")
    ]
    text = "text_zh" if zh else "text_en"
    lines += _risk(answer, zh=zh)
    lines += [f"  {'规则' if zh else 'rule'} {hit['code']}: {hit[text]}" for hit in answer["rules"]]
    lines += [
        f"  quality: {answer['quality']['level']}",
        *(f"  · {note[text]}" for note in answer["quality"]["notes"]),
    ]
    if zh:
        lines += ["", f"打开：{api}/docs（接口文档）   {pages}（MLflow）", f"密钥：{key}"]
        lines += [
            "下一步：`make stop` 停止后台程序，`make test` 运行测试，`.venv/bin/zhiheng --help` 列出命令。"
        ]
    else:
        lines += ["", f"Open:  {api}/docs (API)   {pages} (MLflow)", f"API key: {key}"]
        lines += ["Next: `make stop` ends the programs left running, `make test` runs the tests, "]
        lines[-1] += "`.venv/bin/zhiheng --help` lists the commands."
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _risk(answer: dict[str, Any], *, zh: bool) -> list[str]:
    """Return own PD, group PD and the path that carries the difference."""
    own, effect, points = answer["own_pd"], answer["network_log_odds"], answer["points"]
    low, high = answer["pd_low"], answer["pd_high"]
    if zh:
        lines = [
            f"  自身 PD {own:.2%}，含关系 PD {answer['pd']:.2%}（校准区间 {low:.2%} – {high:.2%}），关系影响 {effect:+.3f}，{points} 分"
        ]
    else:
        lines = [
            f"  own PD {own:.2%}, with the network {answer['pd']:.2%} (interval of the calibration {low:.2%} – {high:.2%}), "
            f"network effect {effect:+.3f}, {points} points"
        ]
    carrier = answer["carrier"]
    if carrier is not None:
        lines.append(f"  {'传导路径：' if zh else 'path: '}{carrier['text_zh' if zh else 'text_en']}")
    return lines


def _contributions(answer: dict[str, Any], *, zh: bool) -> Table:
    """Return the largest contributions, the rest and the base as rows that add up to the log-odds."""
    table = Table(title=f"{answer['party_id']}  PD {answer['pd']:.2%}  {answer['grade']}  {answer['advice']}")
    for column in ("特征", "值", "单位") if zh else ("feature", "value", "unit"):
        table.add_column(column, overflow="fold")
    table.add_column("log-odds", justify="right")
    parts = answer["contributions"]
    for part in parts[:_SHOWN]:
        value = "-" if part["value"] is None else f"{part['value']:.4g}"
        table.add_row(
            part["text_zh" if zh else "text_en"], value, part["unit"], f"{part['contribution']:+.3f}"
        )
    rest = sum(part["contribution"] for part in parts[_SHOWN:])
    table.add_row("其余特征" if zh else "all other features", "", "", f"{rest:+.3f}")
    table.add_row("基准" if zh else "base", "", "", f"{answer['base_log_odds']:+.3f}")
    table.add_row("合计 = 对数几率" if zh else "sum = log-odds", "", "", f"{answer['log_odds']:+.3f}")
    return table
