"""Load a credit model for a worker: LightGBM without its partners, scores and contributions by compiled code where numba is."""

import importlib
import logging
import os
import sys
from pathlib import Path
from typing import Final

from serving.credit.terms import Model
from serving.lean import give_memory_back, import_lightgbm_alone

__all__ = ["keep_compiled_code", "load_model_compiled"]

_CACHE_SETTING: Final = "NUMBA_CACHE_DIR"
_LOG: Final = logging.getLogger("bentoml.zhiheng")


def load_model_compiled(folder: Path, *, cache: Path) -> Model:
    """Load a model and compile what it scores and explains by now, so that no request waits for it.

    Without numba, or where a tree asks for categories, the model explains by LightGBM itself: the same figures, slower; its
    `explainer` says so. Raises BundleError, FeatureMismatchError.
    """
    import_lightgbm_alone()
    from models.credit.compiled import compiled  # noqa: PLC0415 - after LightGBM was imported alone
    from models.credit.model import load_credit_model  # noqa: PLC0415 - as above

    model = compiled(load_credit_model(folder), code=keep_compiled_code(cache))
    if model.explainer != "compiled":
        _LOG.warning(
            "model %s explains by %s, many times slower than compiled", model.version, model.explainer
        )
    give_memory_back()
    return model


def keep_compiled_code(folder: Path) -> Path | None:
    """Keep compiled code in a folder of our own, and return it: the package's may be read-only. Others may not write there.

    NUMBA_CACHE_DIR, where it is set, decides; what cannot be made leaves numba to its own choice of a folder.
    """
    if _CACHE_SETTING in os.environ:
        folder = Path(os.environ[_CACHE_SETTING])
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    if "numba" in sys.modules:
        vars(importlib.import_module("numba.core.config"))["CACHE_DIR"] = str(folder)
    else:
        os.environ[_CACHE_SETTING] = str(folder)
    return folder
