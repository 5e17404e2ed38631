"""The prepared exposures of all parties in a file, asked party by party: nothing of it is held in memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from features.checked_files import file_sha256, write_parquet_atomically, write_text_atomically
from features.credit.exposure_shapes import PARTY_EXPOSURE
from features.errors import ExposureFileError

__all__ = ["EXPOSURES", "ExposureBasis", "ExposureFile", "OpenLimit", "write_exposures"]

EXPOSURES: Final = "credit_exposure.parquet"
_ROW_GROUP: Final = 20_000  # a question reads one group of rows


class OpenLimit(BaseModel):
    """A limit that binds a company of the group, before anything is used of it; CNY."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    org_id: str
    code: str
    name_zh: str
    name_en: str
    scope: str
    limit: float | None
    source: str
    verified: bool
    valid_from: date


class ExposureBasis(BaseModel):
    """What stands beside the file: its dates, its hash, the limits of each company and the parties the companies are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_as_of: date
    graph_as_of: date
    sha256: str
    limits: tuple[OpenLimit, ...]
    companies: dict[str, str]


@dataclass(frozen=True)
class ExposureFile:
    """The prepared file of a folder, with the basis that was checked against it."""

    path: Path
    basis: ExposureBasis

    @classmethod
    def open(cls, path: Path) -> "ExposureFile":
        """Read the basis and check that it is that of the file. Raises ExposureFileError."""
        beside = path.with_suffix(".json")
        try:
            basis = ExposureBasis.model_validate_json(beside.read_bytes())
            found = file_sha256(path)
        except OSError as error:
            raise ExposureFileError(path, "不存在或无法读取", "it is absent or cannot be read") from error
        except ValidationError as error:
            raise ExposureFileError(beside, "内容有误", "its content is not that of such a file") from error
        if found != basis.sha256:
            raise ExposureFileError(
                path, "与说明文件不是同一次生成的", "it was not made with the file beside it"
            )
        return cls(path, basis)

    def party(self, party_id: str) -> Mapping[str, object] | None:
        """Return a party's row (PARTY_EXPOSURE), None where nothing is known of it. Raises ExposureFileError."""
        try:
            rows = pl.scan_parquet(self.path).filter(pl.col("party_id") == party_id).collect()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise ExposureFileError(self.path, "无法读取", "it cannot be read") from error
        return rows.row(0, named=True) if rows.height else None


def write_exposures(
    exposures: pl.DataFrame,
    path: Path,
    *,
    data_as_of: date,
    graph_as_of: date,
    limits: pl.DataFrame,
    companies: Mapping[str, str],
) -> ExposureFile:
    """Write the exposures and what stands beside them; a reader that comes between the two finds that they differ."""
    table = exposures.select(PARTY_EXPOSURE.names()).sort("party_id")
    write_parquet_atomically(table, path, private=True, row_group_size=_ROW_GROUP)
    basis = ExposureBasis(
        data_as_of=data_as_of,
        graph_as_of=graph_as_of,
        sha256=file_sha256(path),
        limits=tuple(OpenLimit.model_validate(row) for row in limits.iter_rows(named=True)),
        companies=dict(companies),
    )
    write_text_atomically(basis.model_dump_json(indent=1) + "\n", path.with_suffix(".json"), private=True)
    return ExposureFile(path, basis)
