"""Where a card's model is written: what may be replaced there, and what data it came from."""

import hashlib
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from experiments.errors import OutputFolderError
from features.cards.card import Card
from models.bundle import MANIFEST, Manifest

__all__ = ["check_out", "data_hash"]

_FILES_SHOWN: Final = 5


def data_hash(card: Card) -> str:
    """Return the hash of the bytes of every table of the card."""
    digest = hashlib.sha256()
    for spec in (card.main, *card.events, *card.edges, *card.groups):
        path = card.at(spec.path)
        for part in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
            digest.update(hashlib.sha256(part.read_bytes()).digest())
    return digest.hexdigest()


def check_out(out: Path, *, force: bool) -> None:
    """Raise OutputFolderError when the folder holds something other than a model; `force` replaces it all the same."""
    if out.is_file():
        raise OutputFolderError(str(out), "是一个文件", "is a file")
    if force or not out.exists() or not any(out.iterdir()):
        return
    if not (out / MANIFEST).is_file():
        raise OutputFolderError(str(out), "非空且不是模型目录", "is not empty and holds no model")
    foreign = _foreign(out)
    if foreign:
        rest = len(foreign) - _FILES_SHOWN
        shown = ", ".join(foreign[:_FILES_SHOWN])
        more_zh, more_en = (f" 等 {len(foreign)} 个", f" and {rest} more") if rest > 0 else ("", "")
        raise OutputFolderError(
            str(out),
            f"除模型外还有其他文件（{shown}{more_zh}），会被一并删除",
            f"holds files beside the model that would be deleted with it ({shown}{more_en})",
        )


def _foreign(out: Path) -> list[str]:
    """Return what stands in a model folder and was not written with the model; all of it if the manifest is unreadable."""
    try:
        files = set(Manifest.model_validate_json((out / MANIFEST).read_bytes()).files) | {MANIFEST}
    except ValidationError:
        files = set()
    folders = {str(parent) for name in files for parent in Path(name).parents}
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
    return [name for name in found if name not in files and name not in folders]
