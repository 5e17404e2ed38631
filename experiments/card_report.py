"""What fitting a card found: figures with intervals, the gain of relations, suspects, notices; as JSON and Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from experiments.metrics import METRICS, Interval, flat
from features.cards.card import Protocol
from features.cards.state import Notice
from features.leaks import LeakReport

__all__ = ["CardReport", "Level", "NetworkPart", "report_markdown"]

_NAMES: Final = {
    "own": ("仅主表自有列", "own columns of the main table only"),
    "own+events": ("自有列与事件", "own columns and events"),
    "all": ("全部（含关系）", "all, with relations"),
}
_PROTOCOLS: Final = {
    Protocol.SPLIT: ("按划分列：训练一侧学习，验证一侧评价", "split column: learnt on train, judged on valid"),
    Protocol.TIME: ("按时间：早期学习，晚期评价", "by time: learnt on the earlier rows, judged on the later"),
    Protocol.FOLDS: ("分层折：每行由未见过它的模型评价；AUC 另给各折均值", "stratified folds: each row judged by a "
                     "model that never saw it; mean AUC over folds beside it"),
}  # fmt: skip


@dataclass(frozen=True)
class Level:
    """Held-out figures of a model that may see some families of features."""

    name: str
    metrics: Mapping[str, Interval]
    cut_aucs: tuple[float, ...]
    gain: Interval | None
    rows: int
    rate: float

    @property
    def mean_cut_auc(self) -> float:
        """Return the mean AUC over the cuts (folds)."""
        return sum(self.cut_aucs) / len(self.cut_aucs)

    def line(self, language: str) -> str:
        """Return one line for the console."""
        zh = language.startswith("zh")
        figures = ", ".join(f"{name.upper()} {_text(self.metrics[name])}" for name in METRICS)
        folds = len(self.cut_aucs) > 1
        mean = (
            f"；各折 AUC 均值 {self.mean_cut_auc:.4f}" if zh else f"; mean fold AUC {self.mean_cut_auc:.4f}"
        )
        return f"{_NAMES[self.name][0 if zh else 1]}: {figures}{mean if folds else ''}"

    def plain(self) -> dict[str, object]:
        """Return the level as plain values."""
        return {
            "name": self.name,
            "rows": self.rows,
            "observed_rate": self.rate,
            **flat(self.metrics),
            "mean_cut_auc": self.mean_cut_auc,
            "cut_aucs": list(self.cut_aucs),
            "auc_gain": flat({"gain": self.gain}) if self.gain else None,
        }


@dataclass(frozen=True)
class NetworkPart:
    """What relations add to own risk within the model of all features.

    `own` are the held-out figures of its own part alone. `gain` is the fall in log-loss a row that the network brought
    out of fold in training, with its standard error, each the mean over the cuts; in `kept` of the `cuts` it was enough
    to keep the network.
    """

    own: Mapping[str, Interval]
    gain: float
    standard_error: float
    kept: int
    cuts: int

    def text(self, language: str) -> str:
        """Return one line for the console and the report."""
        own = ", ".join(f"{name.upper()} {_text(self.own[name])}" for name in METRICS)
        gain, error = f"{self.gain:.4f}", f"{self.standard_error:.4f}"
        if language.startswith("zh"):
            return (
                f"其中自身风险：{own}；关系使折外对数损失每行下降 {gain}（标准误 {error}），"
                f"{self.cuts} 次划分中有 {self.kept} 次保留关系部分"
            )
        return (
            f"own risk within it: {own}; relations take {gain} (standard error {error}) off the out-of-fold log-loss "
            f"a row and were kept in {self.kept} of {self.cuts} cuts"
        )

    def plain(self) -> dict[str, object]:
        """Return the part as plain values."""
        return {"own": flat(self.own), "log_loss_gain": self.gain, "standard_error": self.standard_error,
                "kept": self.kept, "cuts": self.cuts}  # fmt: skip


@dataclass(frozen=True)
class CardReport:
    """Everything a reviewer of the model needs first; `calibration` is its kind and why it was chosen (zh, en)."""

    protocol: Protocol
    rows: int
    features: int
    rounds: int
    seed: int
    levels: tuple[Level, ...]
    leaks: LeakReport
    notices: tuple[Notice, ...]
    notes: tuple[str, ...]
    top: tuple[tuple[str, float], ...]
    calibration: tuple[str, str, str]
    network: NetworkPart | None = None

    @property
    def best(self) -> Level:
        """Return the level of the model that was written: all features."""
        return self.levels[-1]

    def figures(self) -> dict[str, float]:
        """Return the manifest's metrics."""
        own, last = self.levels[0], self.best
        out = flat(last.metrics) | {"mean_cut_auc": last.mean_cut_auc, "own_auc": own.metrics["auc"].value}
        return out | ({"auc_gain": last.gain.value} if last.gain else {})

    def plain(self) -> dict[str, object]:
        """Return the report as plain values for JSON."""
        return {
            "protocol": self.protocol.value,
            "training_rows": self.rows,
            "features": self.features,
            "rounds": self.rounds,
            "seed": self.seed,
            "levels": [level.plain() for level in self.levels],
            "network": self.network.plain() if self.network else None,
            "calibration": dict(zip(("kind", "zh", "en"), self.calibration, strict=True)),
            "leaks": [
                {"table": f.table, "column": f.column, "verdict": f.verdict.value,
                 "signs": [{"kind": s.kind.value, "zh": s.zh, "en": s.en} for s in f.signs]}
                for f in self.leaks.findings
            ],
            "notices": [{"table": n.table, "column": n.column, "zh": n.zh, "en": n.en} for n in self.notices],
            "notes": list(self.notes),
            "top_features": [{"feature": name, "mean_abs_log_odds": value} for name, value in self.top],
        }  # fmt: skip


def report_markdown(report: CardReport) -> str:
    """Write the report as Markdown in Chinese and English."""
    zh, en = _PROTOCOLS[report.protocol]
    out = ["# 模型报告 Model report", "", f"{zh}。{en[0].upper()}{en[1:]}.", "",
           f"训练 {report.rows} 行，{report.features} 个特征，{report.rounds} 轮，种子 {report.seed}。 "
           f"{report.rows} training rows, {report.features} features, {report.rounds} rounds, seed {report.seed}.", "",
           "## 留出结果 Held-out figures (95 % bootstrap)", "",
           "| | AUC | KS | Brier | ECE | mean cut AUC | AUC gain |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for level in report.levels:
        cells = " | ".join(_text(level.metrics[name]) for name in METRICS)
        gain = _text(level.gain) if level.gain else "-"
        out.append(
            f"| {_NAMES[level.name][0]} {_NAMES[level.name][1]} | {cells} | {level.mean_cut_auc:.4f} | {gain} |"
        )
    if report.network:
        texts = (report.network.text("zh"), report.network.text("en"))
        out += ["", "## 自身与关系 Own risk and relations", "", f"- {texts[0]}", f"  {texts[1]}"]
    kind, zh, en = report.calibration
    out += ["", f"## 校准 Calibration: {kind}", "", f"- {zh}", f"  {en}"]
    out += ["", "## 泄漏检查 Leak guard", ""]
    out += [f"- {f.text('zh')}\n  {f.text('en')}" for f in report.leaks.findings] or [
        "无可疑列。 No suspect column."
    ]
    out += ["", "## 提示 Notices", ""]
    out += [f"- {n.table}.{n.column}：{n.zh} / {n.en}" for n in report.notices]
    out += [f"- {note}" for note in report.notes]
    out += [
        "",
        "## 影响最大的特征 Features that move the log-odds most",
        "",
        "| feature | mean abs log-odds |",
        "|---|---|",
    ]
    out += [f"| {name} | {value:.4f} |" for name, value in report.top]
    return "\n".join(out) + "\n"


def _text(interval: Interval) -> str:
    return f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]"
