"""The newest features of every party, held in memory: one float64 row a party."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from features.checked_files import file_sha256
from features.credit.standing import Standing
from graph.errors import UnknownPartyError
from serving.credit.errors import FeatureStoreError

__all__ = ["FeatureStore", "Sidecar", "file_sha256", "load_feature_store"]

_ID: Final = "party_id"
_STANDING: Final = "standing"


class Sidecar(BaseModel):
    """What stands beside the feature file: as of when, which features in which order, and the file's hash."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    data_as_of: date
    graph_as_of: date | None = None
    features: tuple[str, ...]
    # Parquet has no checks of its own: half of all flipped bits change a figure and nothing else. Absent from files of
    # older releases.
    sha256: str | None = None
    graph_sha256: str | None = None


@dataclass(frozen=True)
class FeatureStore:
    """Rows of `matrix` (n, k) by party, missing is NaN, columns in the order of `features`."""

    features: tuple[str, ...]
    matrix: NDArray[np.float64]
    rows: Mapping[str, int]
    standings: tuple[Standing, ...]
    data_as_of: date
    graph_as_of: date | None
    sha256: str
    graph_sha256: str | None = None

    def row(self, party_id: str) -> NDArray[np.float64]:
        """Return a party's features, shape (k,). Raises UnknownPartyError."""
        index = self.rows.get(party_id)
        if index is None:
            raise UnknownPartyError(party_id)
        row: NDArray[np.float64] = self.matrix[index]
        return row

    def standing(self, party_id: str) -> Standing:
        """Return where a party stands with the group. Raises UnknownPartyError."""
        index = self.rows.get(party_id)
        if index is None:
            raise UnknownPartyError(party_id)
        return self.standings[index]

    def with_columns(self, features: Sequence[str], columns: NDArray[np.float64]) -> "FeatureStore":
        """Return the store with further features, `columns` (n, m) in the order of the rows."""
        matrix = np.hstack([self.matrix, columns])
        return replace(self, features=(*self.features, *features), matrix=matrix)

    def ordered(self, features: Sequence[str]) -> "FeatureStore":
        """Return the store with a model's features in the model's order; all of them must be there."""
        positions = {name: position for position, name in enumerate(self.features)}
        matrix = np.ascontiguousarray(self.matrix[:, [positions[name] for name in features]])
        return replace(self, features=tuple(features), matrix=matrix)


def load_feature_store(parquet: Path) -> FeatureStore:
    """Read the features and the JSON file of the same name beside them. Raises FeatureStoreError."""
    sidecar = _read_sidecar(parquet.with_suffix(".json"))
    if not parquet.is_file():
        raise FeatureStoreError(str(parquet), problem_zh="不存在", problem_en="there is no such file")
    frame, sha256 = _read_table(parquet, sidecar)
    ids = frame[_ID].cast(pl.String).to_list()
    rows = {party_id: row for row, party_id in enumerate(ids)}
    if None in rows or len(rows) != len(ids):
        raise FeatureStoreError(
            str(parquet), problem_zh="中主体编号缺失或重复", problem_en="party ids are missing or occur twice"
        )
    return FeatureStore(
        sidecar.features,
        _matrix(frame, sidecar.features, parquet),
        rows,
        _standings(frame, parquet),
        sidecar.data_as_of,
        sidecar.graph_as_of,
        sha256,
        sidecar.graph_sha256,
    )


def _read_table(parquet: Path, sidecar: Sidecar) -> tuple[pl.DataFrame, str]:
    """Read the columns that the JSON file names, and hash the file. Raises FeatureStoreError."""
    wanted = [_ID, _STANDING, *sidecar.features]
    try:
        sha256 = file_sha256(parquet)
        if sidecar.sha256 not in (None, sha256):
            raise FeatureStoreError(
                str(parquet),
                problem_zh="与旁边的说明文件不是同一次生成的，或已损坏",
                problem_en="it was not made with the JSON file beside it, or is damaged",
            )
        there = pl.read_parquet_schema(parquet)
        absent = [name for name in wanted if name not in there]
        if absent:
            names = ", ".join(absent)
            raise FeatureStoreError(
                str(parquet), problem_zh=f"缺少列 {names}", problem_en=f"it lacks columns {names}"
            )
        return pl.read_parquet(parquet, columns=wanted), sha256
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise FeatureStoreError(
            str(parquet), problem_zh=f"无法读取（{error}）", problem_en=f"it cannot be read ({error})"
        ) from error


def _standings(frame: pl.DataFrame, path: Path) -> tuple[Standing, ...]:
    try:
        return tuple(Standing(value) for value in frame[_STANDING])
    except ValueError as error:
        raise FeatureStoreError(
            str(path),
            problem_zh=f"的列 {_STANDING} 有误（{error}）",
            problem_en=f"column {_STANDING} is wrong ({error})",
        ) from error


def _read_sidecar(path: Path) -> Sidecar:
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise FeatureStoreError(str(path), problem_zh="不存在", problem_en="there is no such file") from error
    except ValidationError as error:
        fields = ", ".join(
            ".".join(map(str, item["loc"])) or "-" for item in error.errors(include_input=False)
        )
        raise FeatureStoreError(
            str(path), problem_zh=f"内容有误（{fields}）", problem_en=f"its content is wrong ({fields})"
        ) from error


def _matrix(frame: pl.DataFrame, features: Sequence[str], path: Path) -> NDArray[np.float64]:
    try:
        numbers = frame.select(pl.col(name).cast(pl.Float64) for name in features)
    except pl.exceptions.PolarsError as error:
        raise FeatureStoreError(
            str(path), problem_zh=f"有非数值列（{error}）", problem_en=f"a column is not numeric ({error})"
        ) from error
    matrix = np.ascontiguousarray(numbers.fill_null(float("nan")).to_numpy(), dtype=np.float64)
    infinite = [name for name, column in zip(features, matrix.T, strict=True) if np.isinf(column).any()]
    if infinite:
        names = ", ".join(infinite)
        raise FeatureStoreError(
            str(path), problem_zh=f"的列 {names} 含无穷值", problem_en=f"columns {names} hold infinite values"
        )
    return matrix
