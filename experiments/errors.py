"""Errors of the jobs: what a run lacks or refuses, and what to do."""

from datetime import date
from pathlib import Path

from graph.errors import UserError

__all__ = [
    "BookFeaturesError",
    "ConfError",
    "DemandRunError",
    "ExperimentError",
    "MissingCapacityRunError",
    "MissingChampionError",
    "MissingLatestError",
    "MissingPanelError",
    "OptionError",
    "OutputFolderError",
    "SplitError",
    "TooShortToBacktestError",
    "TrackingError",
]


class ExperimentError(UserError):
    """An error of a job."""


class ConfError(ExperimentError):
    """A job's TOML file cannot be used."""

    def __init__(self, file: str, key: str, *, problem_zh: str, problem_en: str) -> None:
        self.file, self.key = file, key
        super().__init__(
            zh=f"配置文件 {file} 的“{key}”有误：{problem_zh}。可对照 experiments/confs/ 中的样例修正。",
            en=f"Configuration {file}, key '{key}': {problem_en}. Compare with the files in experiments/confs/.",
        )


class TrackingError(ExperimentError):
    """MLflow cannot be reached or refuses to write."""

    def __init__(self, address: str, reason: str) -> None:
        self.address = address
        super().__init__(
            zh=f"无法写入 MLflow（{address}）：{reason}。请检查地址与服务，或去掉 ZHIHENG_MLFLOW_URI 改用本地库。",
            en=f"MLflow cannot be written to ({address}): {reason}. Check the address and the server, or unset "
            "ZHIHENG_MLFLOW_URI to use the local database.",
        )


class MissingPanelError(ExperimentError):
    """The panel to learn from has not been built."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            zh=f"没有训练样本 {path}。请先运行 `zhiheng features build`。",
            en=f"There is no panel {path}. Run `zhiheng features build` first.",
        )


class MissingLatestError(ExperimentError):
    """The newest features have not been built, or hold no party."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            zh=f"没有最新特征 {path}，或其中没有主体。请先运行 `zhiheng features build`。",
            en=f"There are no newest features {path}, or no party in them. Run `zhiheng features build` first.",
        )


class MissingChampionError(ExperimentError):
    """No model has been published, so nobody has a PD."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            zh=f"没有在用模型：{path} 不存在或无法读取。请先运行 `zhiheng train credit`。",
            en=f"There is no champion: {path} is not there or cannot be read. Run `zhiheng train credit` first.",
        )


class SplitError(ExperimentError):
    """The dates or rows leave nothing to train on or nothing to judge by."""


class OutputFolderError(ExperimentError):
    """The folder named for a model holds something else, which must not be lost."""

    def __init__(self, folder: str, problem_zh: str, problem_en: str) -> None:
        self.folder = folder
        super().__init__(
            zh=f"输出目录“{folder}”{problem_zh}，为免误删未写入。请换一个目录，或确认后加 --force。",
            en=f"The output folder '{folder}' {problem_en}; nothing was written. Name another folder or pass --force.",
        )


class BookFeaturesError(ExperimentError):
    """A file of a book's features or links cannot be scored as it is."""

    def __init__(self, path: Path, problem_zh: str, problem_en: str) -> None:
        self.path = path
        super().__init__(
            zh=f"文件 {path} 无法计分：{problem_zh}。请改正后重试；未写入任何结果。",
            en=f"The file {path} cannot be scored: {problem_en}. Correct it and run again; nothing was written.",
        )


class TooShortToBacktestError(ExperimentError):
    """No series of the table is longer than one horizon."""

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        super().__init__(
            zh=f"没有一条序列长于预测期 {horizon}，无法回测。请缩短 --horizon，或补充历史。",
            en=f"No series is longer than the horizon of {horizon}, so nothing can be tested. Shorten --horizon or bring history.",
        )


class OptionError(ExperimentError):
    """An option of a command cannot be used."""

    def __init__(self, option: str, problem: str) -> None:
        self.option = option
        name = f"--{option.replace('_', '-')}"
        super().__init__(
            zh=f"选项 {name} 无法使用：{problem}。用 --help 查看写法。",
            en=f"Option {name} cannot be used: {problem}. See --help for how it is written.",
        )


class DemandRunError(ExperimentError):
    """There is no published weekly demand that was known on the date."""

    def __init__(
        self, as_of: date, *, run_id: str | None = None, later: bool = False, over: bool = False
    ) -> None:
        self.as_of, self.run_id = as_of, run_id
        name_zh, name_en = (
            (f"需求批次“{run_id}”", f"Demand run '{run_id}'")
            if run_id
            else ("周需求批次", "A weekly demand run")
        )
        why_zh, why_en = (
            ("所用数据晚于", "is of later data than")
            if later
            else ("预测的各周都不晚于", "forecasts no week after")
            if over
            else ("不存在，截止日为", "is not there as of")
        )
        super().__init__(
            zh=f"{name_zh}{why_zh} {as_of}，无法计算缺口与计划。请先运行 `zhiheng demand run --freq 1w --as-of {as_of}`。",
            en=f"{name_en} {why_en} {as_of}, so neither shortfalls nor a plan can be given. Run `zhiheng demand run "
            f"--freq 1w --as-of {as_of}` first.",
        )


class MissingCapacityRunError(ExperimentError):
    """No forecast of capacity has been published, or none of that name."""

    def __init__(self, folder: str, run_id: str | None = None) -> None:
        self.folder, self.run_id = folder, run_id
        name_zh, name_en = (f"名为“{run_id}”的", f" '{run_id}'") if run_id else ("已发布的", "")
        super().__init__(
            zh=f"{folder} 中没有{name_zh}产能批次。请先运行 `zhiheng capacity forecast`。",
            en=f"There is no published run of capacity{name_en} in {folder}. Run `zhiheng capacity forecast` first.",
        )
