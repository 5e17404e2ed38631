"""Read a calibration map back from its JSON values."""

from collections.abc import Mapping

from models.credit.calibration.maps import (
    AffineCalibration,
    BetaCalibration,
    Calibration,
    Chained,
    IsotonicCalibration,
    Kind,
    Shifted,
    VennAbersCalibration,
)
from models.errors import CalibrationError

__all__ = ["read_calibration", "read_numbers"]


def read_calibration(plain: object) -> Calibration:
    """Return the map that `plain()` wrote. Raises CalibrationError when a value is missing or of another kind.

    A value without a kind is read as Platt's: models written before there were others name none.
    """
    if not isinstance(plain, Mapping):
        raise _unreadable("kind", plain)
    match plain.get("kind", Kind.PLATT):
        case Kind.PLATT:
            return AffineCalibration(_number(plain, "slope"), _number(plain, "intercept"))
        case Kind.BETA:
            return BetaCalibration(*(_number(plain, name) for name in ("a", "b", "c")))
        case Kind.ISOTONIC:
            return IsotonicCalibration(read_numbers(plain, "raw"), read_numbers(plain, "value"))
        case Kind.VENN_ABERS:
            return VennAbersCalibration(*(read_numbers(plain, name) for name in ("start", "p0", "end", "p1")))
        case Shifted.kind:
            return Shifted(read_calibration(plain.get("base")), _number(plain, "delta"))
        case Chained.kind:
            return Chained(read_calibration(plain.get("first")), read_calibration(plain.get("second")))
        case other:
            raise _unreadable("kind", other)


def _number(plain: Mapping[str, object], name: str) -> float:
    value = plain.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unreadable(name, value)
    return float(value)


def read_numbers(plain: Mapping[str, object], name: str) -> tuple[float, ...]:
    """Return a list of numbers from JSON values. Raises CalibrationError when it is missing, empty or holds others."""
    values = plain.get(name)
    if not isinstance(values, list) or not values:
        raise _unreadable(name, values)
    return tuple(_number({name: value}, name) for value in values)


def _unreadable(name: str, value: object) -> CalibrationError:
    return CalibrationError(
        zh=f"校准参数“{name}”的值 {value!r} 无法识别。请重新训练，或从登记库重新取回该模型。",
        en=f"The calibration's '{name}' is {value!r}, which cannot be used. Train again or fetch the model again.",
    )
