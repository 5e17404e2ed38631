"""A published run of forecasts: what it holds, written once in one move, read back checked, never changed."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from features.checked_files import write_text_atomically
from features.timeline import Frequency
from models.bundle import parquet_bytes, read_bundle, write_bundle
from models.errors import ForecastRunError, ForecastRunExistsError
from models.quantile_columns import quantile_columns

__all__ = [
    "FAMILY",
    "KEYS",
    "ForecastRun",
    "RunInfo",
    "band_of",
    "challenger_pointer",
    "checked_run",
    "ds_text",
    "latest_pointer",
    "latest_run_id",
    "list_runs",
    "new_run_id",
    "read_info",
    "read_run",
    "run_folders",
    "write_run",
]

FAMILY: Final = "demand-run"
KEYS: Final = ("org_id", "product_id", "region", "family")
"""Static columns that say what a series is of; null where a series is the sum over that column."""

_STATIC: Final = {**dict.fromkeys(KEYS, pl.String), "level": pl.String}
_COLUMNS: Final[dict[str, dict[str, type[pl.DataType]]]] = {
    "forecast": {
        "unique_id": pl.String,
        "step": pl.Int64,
        "forecast": pl.Float64,
        "members": pl.String,
        "floor": pl.Boolean,
        "reason": pl.String,
        **_STATIC,
    },
    "components": {
        "unique_id": pl.String,
        "step": pl.Int64,
        "component": pl.String,
        "value": pl.Float64,
    },
    "quality": {
        "unique_id": pl.String,
        "quality": pl.String,
        "reason_zh": pl.String,
        "reason_en": pl.String,
        "findings": pl.String,
        **_STATIC,
    },
    "history": {"unique_id": pl.String, "y": pl.Float64},
}
# What a frame may come without: it is then null throughout.
_MAY_LACK: Final = {"members", "floor", "reason", "reason_zh", "reason_en", "findings", *_STATIC}
_QUALITIES: Final = ("full", "fallback", "refused")
_TOLERANCE: Final = 1e-6
_INFO: Final = "run.json"
_SHOWN: Final = 5
_FOLDER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class RunInfo(BaseModel):
    """Who made a run of forecasts, when, from what; `run.json` of its folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str = Field(pattern=f"^{_FOLDER.pattern}$")
    issued_at: AwareDatetime
    data_as_of: date
    model_version: str
    model_folder: str | None = None
    """Folder of the model, relative to the home; None where the model was not kept."""
    tier: str
    freq: Frequency
    season: int = Field(ge=1)
    horizon: int = Field(ge=1)
    seed: int
    accuracy: dict[str, dict[str, float]] = {}
    """Measures of the backtest by member (`combination`, `naive`, ...) and name (`wape`, ...)."""
    mlflow_run_id: str | None = None
    trained_by: str = ""
    """Who ran the training; empty in runs published before it was asked for."""
    gate: str = Field(default="", pattern=r"^(|passed|failed|not_judged)$")
    """Whether the combination did better than the seasonal naive forecast in the backtest; empty in older runs."""
    challenger: bool = False
    """Whether it is computed beside the runs that are served, to be compared with them."""


@dataclass(frozen=True, eq=False)
class ForecastRun:
    """Everything that is published at one time.

    forecast: unique_id, ds, step (1 is the first period after the data), forecast, quantiles `q10` ... (percent),
    members, floor, reason, org_id, product_id, region, family, level. components: unique_id, step, component, value;
    the values of a step sum to its forecast. quality: unique_id, quality (full, fallback, refused), reason_zh,
    reason_en, findings, static columns; refused series have no forecast. history: unique_id, ds, y as known at
    `data_as_of`, at least one season of each series.
    """

    info: RunInfo
    forecast: pl.DataFrame
    components: pl.DataFrame
    quality: pl.DataFrame
    history: pl.DataFrame


def new_run_id(freq: Frequency, issued_at: datetime, suffix: str) -> str:
    """Name a run by its time, so that names sort as runs were issued; `suffix` tells runs of one second apart."""
    return f"{issued_at:%Y%m%dT%H%M%S}-{freq}-{suffix}"


def ds_text(frame: pl.DataFrame) -> pl.Expr:
    """Return the dates of a frame as ISO text (integers as digits), the one form that serves every frequency."""
    if isinstance(frame["ds"].dtype, pl.Datetime):
        return pl.col("ds").dt.strftime("%Y-%m-%dT%H:%M:%S").alias("ds")
    return pl.col("ds").cast(pl.String).alias("ds")


def write_run(root: Path, run: ForecastRun) -> Path:
    """Write a run to `root/<run_id>` in one move and point `latest-<freq>.json` at it if none is newer.

    A challenger's run moves `challenger-<freq>.json` instead.

    Raises ForecastRunError where the frames do not hold together (a missing column, a step twice, quantiles that
    cross, components that do not sum to the forecast, a series without quality), naming the series;
    ForecastRunExistsError where the id is taken.
    """
    checked = checked_run(run)
    folder = root / run.info.run_id
    if folder.exists():
        raise ForecastRunExistsError(run.info.run_id)
    files = {f"{name}.parquet": parquet_bytes(frame) for name, frame in _frames(checked).items()}
    files[_INFO] = (run.info.model_dump_json(indent=2) + "\n").encode()
    write_bundle(
        folder,
        files,
        family=FAMILY,
        features=(),
        seed=run.info.seed,
        data_hash="",
        code_version="",
        trained_as_of=run.info.data_as_of,
        notes={"model_version": run.info.model_version},
    )
    _point(root, run.info)
    return folder


def read_run(folder: Path) -> ForecastRun:
    """Read a run and check every file against its hash. Raises BundleError, ForecastRunError."""
    bundle = read_bundle(folder, family=FAMILY)
    frames = {name: bundle.read_frame(name) for name in _COLUMNS}
    return ForecastRun(read_info(folder), **frames)


def run_folders(root: Path) -> list[Path]:
    """Return the folders of what was published, whatever their files hold; those on their way are not seen."""
    return [path.parent for path in root.glob(f"*/{_INFO}") if _FOLDER.fullmatch(path.parent.name)]


def read_info(folder: Path) -> RunInfo:
    """Return what a run says of itself; its files are not checked. Raises ForecastRunError."""
    try:
        return RunInfo.model_validate_json((folder / _INFO).read_bytes())
    except (OSError, ValidationError) as error:
        raise ForecastRunError(folder.name, f"的 {_INFO} 无法读取", f"{_INFO} cannot be read") from error


def list_runs(root: Path, freq: Frequency | None = None, *, challengers: bool = False) -> list[RunInfo]:
    """List what was published, oldest first; folders on their way are not seen, nor challengers unless asked for."""
    found = [read_info(folder) for folder in run_folders(root)]
    wanted = [
        info for info in found if (freq is None or info.freq == freq) and (challengers or not info.challenger)
    ]
    return sorted(wanted, key=lambda info: (info.issued_at, info.run_id))


def latest_pointer(root: Path, freq: Frequency) -> Path:
    """Return the file that names the newest run of a frequency."""
    return root / f"latest-{freq}.json"


def challenger_pointer(root: Path, freq: Frequency) -> Path:
    """Return the file that names the newest run of a frequency's challenger."""
    return root / f"challenger-{freq}.json"


def latest_run_id(root: Path, freq: Frequency, *, challenger: bool = False) -> str | None:
    """Return the newest run of a frequency or of its challenger, None where nothing was published."""
    pointer = challenger_pointer(root, freq) if challenger else latest_pointer(root, freq)
    if not pointer.is_file():
        return None
    try:
        return RunInfo.model_validate_json(pointer.read_bytes()).run_id
    except ValidationError as error:
        raise ForecastRunError(pointer.name, "内容有误", "is no pointer to a run") from error


def _point(root: Path, info: RunInfo) -> None:
    """Move the pointer on, never back: a run published late does not hide a newer one."""
    pointer = challenger_pointer(root, info.freq) if info.challenger else latest_pointer(root, info.freq)
    if pointer.is_file():
        held = RunInfo.model_validate_json(pointer.read_bytes())
        if held.issued_at > info.issued_at:
            return
    write_text_atomically(info.model_dump_json() + "\n", pointer)


def _frames(run: ForecastRun) -> Mapping[str, pl.DataFrame]:
    return {
        "forecast": run.forecast,
        "components": run.components,
        "quality": run.quality,
        "history": run.history,
    }


def checked_run(run: ForecastRun) -> ForecastRun:
    """Return the run with every column in place and in order. Raises ForecastRunError."""
    frames = {name: _shaped(run.info, name, frame) for name, frame in _frames(run).items()}
    shaped = ForecastRun(run.info, **frames)
    _check_forecast(shaped)
    _check_components(shaped)
    _check_quality(shaped)
    return shaped


def _shaped(info: RunInfo, name: str, frame: pl.DataFrame) -> pl.DataFrame:
    wanted = _COLUMNS[name]
    with_ds = {**wanted, "ds": None} if name in ("forecast", "history") else wanted
    lacks = [column for column in with_ds if column not in frame.columns and column not in _MAY_LACK]
    if lacks:
        raise ForecastRunError(
            info.run_id, f"的 {name} 表缺少列 {lacks}", f"its table '{name}' lacks the columns {lacks}"
        )
    if "members" in frame.columns and isinstance(frame["members"].dtype, pl.List):
        frame = frame.with_columns(pl.col("members").cast(pl.List(pl.String)).list.join("+"))
    columns = [
        (pl.col(column) if column in frame.columns else pl.lit(None)).cast(kind).alias(column)
        for column, kind in wanted.items()
    ]
    quantiles = [pl.col(column).cast(pl.Float64) for column in quantile_columns(frame)]
    ds = ["ds"] if "ds" in with_ds else []
    order = [column for column in ("unique_id", "step", "ds") if column in with_ds][:2]
    return frame.select(*ds, *columns, *(quantiles if name == "forecast" else [])).sort(
        order, maintain_order=True
    )


def _check_forecast(run: ForecastRun) -> None:
    frame = run.forecast
    quantiles = list(quantile_columns(frame))
    crossing = [(pl.col(low) > pl.col(high)) for low, high in itertools.pairwise(quantiles)]
    values = [pl.col(column) for column in ("forecast", *quantiles)]
    _refuse(run, frame.filter(pl.struct("unique_id", "step").is_duplicated()), "有重复的步", "a step twice")
    _refuse(
        run,
        frame.filter(pl.any_horizontal(*[~value.is_finite().fill_null(value=False) for value in values])),
        "有缺失或无穷的预测值",
        "a forecast that is missing or infinite",
    )
    if crossing:
        _refuse(run, frame.filter(pl.any_horizontal(*crossing)), "分位数交叉", "quantiles that cross")
    wrong = frame.filter((pl.col("step") < 1) | (pl.col("step") > run.info.horizon))
    _refuse(run, wrong, "的步超出 1 至 horizon", "steps outside 1 to the horizon")


def _check_components(run: ForecastRun) -> None:
    """Refuse an explanation that does not add up; every forecast has one."""
    sums = run.components.group_by("unique_id", "step").agg(pl.col("value").sum())
    joined = run.forecast.join(sums, on=["unique_id", "step"], how="left")
    largest = run.components.group_by("unique_id").agg(pl.col("value").abs().max().alias("size"))
    joined = joined.join(largest, on="unique_id", how="left")
    room = _TOLERANCE * pl.max_horizontal(pl.lit(1.0), pl.col("size"), pl.col("forecast").abs())
    # A component that is zero in all steps may be left out, so a forecast of zero may have none.
    near = (pl.col("value").fill_null(0.0) - pl.col("forecast")).abs() <= room
    _refuse(
        run,
        joined.filter(~near.fill_null(value=False)),
        "的分解之和不等于预测值",
        "components that do not sum to the forecast",
    )


def _check_quality(run: ForecastRun) -> None:
    frame = run.quality
    _refuse(run, frame.filter(pl.col("unique_id").is_duplicated()), "的质量重复", "a quality twice")
    _refuse(
        run,
        frame.filter(~pl.col("quality").is_in(_QUALITIES)),
        "的质量不在 full、fallback、refused 之中",
        "a quality that is none of full, fallback, refused",
    )
    served = run.forecast.join(frame.filter(pl.col("quality") != "refused"), on="unique_id", how="anti")
    _refuse(run, served, "有预测而没有质量说明", "a forecast and no quality that says so")
    told = frame.filter(pl.col("quality") != "full")
    unreasoned = told.filter(pl.col("reason_zh").is_null() | pl.col("reason_en").is_null())
    _refuse(run, unreasoned, "没有说明原因", "a quality below full and no reason")


def _refuse(run: ForecastRun, rows: pl.DataFrame, zh: str, en: str) -> None:
    if rows.height:
        ids: Sequence[str] = rows["unique_id"].unique().sort().head(_SHOWN).to_list()
        count = rows["unique_id"].n_unique()
        listed = ", ".join(ids)
        raise ForecastRunError(
            run.info.run_id,
            f"中有 {count} 个序列（{listed}）{zh}",
            f"{count} series ({listed}) have {en}",
        )


def band_of(frame: pl.DataFrame) -> tuple[str, str, float] | None:
    """Return the widest band of a frame that is symmetric: its two columns and its nominal coverage."""
    levels = quantile_columns(frame)
    for low, level in levels.items():
        high = next((name for name, other in levels.items() if np.isclose(level + other, 1)), None)
        if high is not None and level < levels[high]:
            return low, high, levels[high] - level
    return None
