"""Names that sort by time, and `latest.json`, which names the newest of what was published and never goes back."""

from datetime import date, datetime
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from features.checked_files import write_text_atomically
from models.errors import CapacityRunError

__all__ = ["CHALLENGER", "LATEST", "Pointer", "latest_in", "move_pointer", "timed_id"]

LATEST: Final = "latest.json"
CHALLENGER: Final = "challenger.json"
"""Names the newest of the runs that are computed beside those served."""


class Pointer(BaseModel):
    """The newest of a folder, when it was issued, and of runs the day that its data end on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    issued_at: AwareDatetime
    data_as_of: date | None = None

    def after(self, other: "Pointer") -> bool:
        """Tell whether this is newer: of later data, and of the same data issued later."""
        if (
            self.data_as_of is not None
            and other.data_as_of is not None
            and self.data_as_of != other.data_as_of
        ):
            return self.data_as_of > other.data_as_of
        return (self.issued_at, self.id) > (other.issued_at, other.id)


def timed_id(kind: str, issued_at: datetime, suffix: str) -> str:
    """Name something by its time, so that names sort as they were issued; `suffix` tells those of one second apart."""
    return f"{issued_at:%Y%m%dT%H%M%S}-{kind}-{suffix}"


def latest_in(root: Path, name: str = LATEST) -> Pointer | None:
    """Return what the file `name` in `root` names, None where nothing was published. Raises CapacityRunError."""
    path = root / name
    if not path.is_file():
        return None
    try:
        return Pointer.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CapacityRunError(
            str(path), "内容有误，不是批次指针", "is no pointer to a run or plan"
        ) from error


def move_pointer(root: Path, pointer: Pointer, name: str = LATEST) -> bool:
    """Point at what is newer, in one move; what is published late, or of older data, does not hide a newer one."""
    held = latest_in(root, name)
    if held is not None and held.after(pointer):
        return False
    write_text_atomically(pointer.model_dump_json() + "\n", root / name)
    return True
