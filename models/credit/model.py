"""The credit model: own risk, what the network adds, their calibration and the master scale, as one value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.bundle import Bundle, read_bundle
from models.credit.booster import Boosters
from models.credit.calibration.intervals import PdInterval, read_interval
from models.credit.calibration.maps import Calibration, Shifted
from models.credit.calibration.read import read_calibration
from models.credit.grade import MasterScale
from models.errors import AdditivityError, BundleError, FeatureMismatchError

__all__ = ["FAMILY", "CreditModel", "Scores", "load_credit_model"]

FAMILY: Final = "credit"
_ADDITIVITY_TOLERANCE: Final = 1e-6
_SLOPES: Final = (0.1, 10.0)  # of a calibration, along which contributions are carried over in proportion
_CARD: Final = "credit.json"
_CARD_KEYS: Final = frozenset(
    {
        "own_features",
        "network_features",
        "own_boosters",
        "network_boosters",
        "calibration",
        "interval",
        "master_scale",
    }
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """Answers for n rows: base + contributions = log-odds, exactly what the PD and the grade are views of.

    `own_log_odds` is what the party's own features say; what the network adds is `log_odds - own_log_odds`, and the
    contributions of the network's features sum to it. `pd_low` and `pd_high` are the ends of the calibration's interval
    (NaN for a model without one).
    """

    features: tuple[str, ...]
    log_odds: Floats
    pd: Floats
    own_log_odds: Floats
    own_pd: Floats
    pd_low: Floats
    pd_high: Floats
    grades: NDArray[np.str_]
    base_log_odds: float
    contributions: Floats

    def frame(self) -> pl.DataFrame:
        """Return one row a party: pd, log_odds, their own-risk parts, base, grade and the contributions as a struct."""
        parts = pl.DataFrame(self.contributions, schema=list(self.features), orient="row")
        figures = {
            "pd": self.pd,
            "log_odds": self.log_odds,
            "own_pd": self.own_pd,
            "own_log_odds": self.own_log_odds,
            "pd_low": self.pd_low,
            "pd_high": self.pd_high,
        }
        return pl.DataFrame(figures).with_columns(
            pl.lit(self.base_log_odds).alias("base_log_odds"),
            pl.Series("grade", self.grades.tolist(), dtype=pl.String),
            parts.to_struct("contributions"),
        )


@dataclass(frozen=True)
class CreditModel:
    """A trained credit model; refuses frames whose features are not its own.

    Raw log-odds are f + g: f of the own booster, g of the network booster where there is one. The mean of g belongs to
    f, so that g is 0 for a party whose network is like the average. The calibration maps raw to calibrated log-odds. A network
    booster may read own features too (`network_features` then repeats them): the contribution of such a feature is the
    sum of what it adds to f and to g.
    """

    own_features: tuple[str, ...]
    own: Boosters
    calibration: Calibration
    scale: MasterScale
    network_features: tuple[str, ...] = ()
    network: Boosters | None = None
    interval: PdInterval | None = None
    version: str = "unsaved"
    metadata: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Return the features in the order of the matrix: own ones first, each once."""
        return tuple(dict.fromkeys(self.own_features + self.network_features))

    @property
    def explainer(self) -> str:
        """Return how contributions are found: by `compiled` paths, by LightGBM's `pred_contrib`, or `mixed`."""
        found = {self.own.explainer} | ({self.network.explainer} if self.network is not None else set())
        return "mixed" if len(found) > 1 else found.pop()

    @cached_property
    def network_base(self) -> float:
        """Return the mean of g over the training rows, in raw log-odds."""
        return self.network.base() if self.network is not None else 0.0

    def matrix(self, frame: pl.DataFrame) -> Floats:
        """Return the frame's feature columns in the model's order, nulls as NaN, shape (n, k).

        Raises FeatureMismatchError when a feature is missing or not numeric; other columns are left aside.
        """
        return self._columns(frame, self.features)

    def raw_own(self, frame: pl.DataFrame, *, num_threads: int = 1) -> Floats:
        """Return f of each row, raw log-odds without the mean of the network, shape (n,).

        Raises FeatureMismatchError when an own feature is missing; those of the network need not be there.
        """
        return self.own.raw(self._columns(frame, self.own_features), num_threads=num_threads)

    def log_odds_of(self, x: Floats, *, num_threads: int = 1) -> Floats:
        """Return the calibrated log-odds of x (n, k) without explaining them, shape (n,): much faster."""
        own, around = self._split(x)
        raw = self.own.raw(own, num_threads=num_threads)
        if self.network is not None:
            raw = raw + self.network.raw(around, num_threads=num_threads)
        return self.calibration.log_odds(raw)

    def score(self, frame: pl.DataFrame, *, num_threads: int = 1) -> Scores:
        """Score and explain every row of a frame that holds the model's features (more columns are ignored)."""
        return self.score_matrix(self.matrix(frame), num_threads=num_threads)

    def score_matrix(self, x: Floats, *, num_threads: int = 1) -> Scores:
        """Score and explain x (n, k) in the model's order of features; missing is NaN.

        Raises AdditivityError when the contributions do not sum to the score of the boosters.
        """
        own, around = self._split(x)
        base, base_log_odds = self._base
        # The calibration may have steps, so it is asked at the boosters' scores, never at sums that differ in the last bit.
        own_raw = self.own.raw(own, num_threads=num_threads) + self.network_base
        own_log_odds = self.calibration.log_odds(own_raw)
        parts = self.own.contributions(own, num_threads=num_threads)[:, :-1]
        length = parts.sum(axis=1)
        self._check_additive(base + length, own_raw)
        contributions = np.zeros(x.shape)
        contributions[:, : len(self.own_features)] = _carried(parts, length, own_log_odds - base_log_odds)
        raw, log_odds = own_raw, own_log_odds
        if self.network is not None:
            raw = own_raw - self.network_base + self.network.raw(around, num_threads=num_threads)
            log_odds = self.calibration.log_odds(raw)
            parts = self.network.contributions(around, num_threads=num_threads)[:, :-1]
            length = parts.sum(axis=1)
            self._check_additive(own_raw + length, raw)
            contributions[:, self._around] += _carried(parts, length, log_odds - own_log_odds)
        self._check_additive(log_odds, base_log_odds + contributions.sum(axis=1))
        pd = self.calibration.pd(raw)
        low, high = self.interval.of(raw) if self.interval is not None else (np.full(len(x), np.nan),) * 2
        return Scores(
            features=self.features,
            log_odds=log_odds,
            pd=pd,
            own_log_odds=own_log_odds,
            own_pd=self.calibration.pd(own_raw),
            pd_low=low,
            pd_high=high,
            grades=self.scale.of(pd),
            base_log_odds=base_log_odds,
            contributions=contributions,
        )

    def shifted(self, delta: float) -> "CreditModel":
        """Return the model with delta added to all calibrated log-odds (see `calibration.prior_shift`), not saved yet.

        Ranking, contributions and network effects stay; base, PDs, their intervals and grades move.
        """
        return replace(
            self,
            calibration=Shifted(self.calibration, delta),
            interval=self.interval.shifted(delta) if self.interval is not None else None,
            version="unsaved",
        )

    def files(self) -> dict[str, bytes]:
        """Return the model as native files by name: LightGBM text and one JSON card."""
        card = {
            "calibration": self.calibration.plain(),
            "interval": self.interval.plain() if self.interval is not None else None,
            "master_scale": self.scale.model_dump(mode="json"),
            "own_features": list(self.own_features),
            "network_features": list(self.network_features),
            "own_boosters": len(self.own.members),
            "network_boosters": len(self.network.members) if self.network is not None else 0,
        }
        text = json.dumps(card, ensure_ascii=False, indent=2, sort_keys=True)
        network = self.network.files("network") if self.network is not None else {}
        return {_CARD: text.encode(), **self.own.files("own"), **network}

    def _columns(self, frame: pl.DataFrame, names: tuple[str, ...]) -> Floats:
        wrong = [n for n in names if n not in frame.columns or not _numeric(frame.schema[n])]
        if wrong:
            raise FeatureMismatchError(self.version, missing=wrong)
        x = frame.select(pl.col(name).cast(pl.Float64) for name in names).fill_null(float("nan")).to_numpy()
        return np.ascontiguousarray(x, dtype=np.float64)

    def _split(self, x: Floats) -> tuple[Floats, Floats]:
        own = np.ascontiguousarray(x[:, : len(self.own_features)])
        return own, np.ascontiguousarray(x[:, self._around])

    @cached_property
    def _around(self) -> NDArray[np.int64]:
        """Return the columns that the network booster sees."""
        places = {name: place for place, name in enumerate(self.features)}
        return np.array([places[name] for name in self.network_features], dtype=np.int64)

    @cached_property
    def _base(self) -> tuple[float, float]:
        """Return the mean raw score of the training rows, and its calibrated log-odds."""
        base = self.own.base() + self.network_base
        return base, float(self.calibration.log_odds(np.array([base]))[0])

    def _check_additive(self, explained: Floats, scored: Floats) -> None:
        gap = float(np.max(np.abs(explained - scored), initial=0.0))
        if not gap <= _ADDITIVITY_TOLERANCE:
            raise AdditivityError(self.version, gap)


def load_credit_model(folder: Path) -> CreditModel:
    """Read a credit model from its folder; every file is checked against the manifest.

    Raises BundleError when the folder is incomplete or changed, FeatureMismatchError when the boosters were
    trained on other features than the manifest says.
    """
    return from_bundle(read_bundle(folder, family=FAMILY))


def from_bundle(bundle: Bundle) -> CreditModel:
    """Build the model from a bundle that has been read and checked."""
    card = json.loads(bundle.read_text(_CARD))
    lacking = sorted(_CARD_KEYS - card.keys())
    if lacking:
        raise BundleError(
            str(bundle.folder),
            problem_zh=f"出自较早的程序版本（{_CARD} 缺少 {'、'.join(lacking)}）",
            problem_en=f"it was written by an earlier version of the program ({_CARD} lacks {', '.join(lacking)})",
        )
    own, network = tuple(card["own_features"]), tuple(card["network_features"])
    if tuple(dict.fromkeys(own + network)) != bundle.manifest.features:
        raise FeatureMismatchError(
            bundle.manifest.version, missing=bundle.manifest.features, unexpected=own + network
        )
    return CreditModel(
        own_features=own,
        network_features=network,
        own=_boosters(bundle, "own", card["own_boosters"], own),
        network=_boosters(bundle, "network", card["network_boosters"], network) if network else None,
        calibration=read_calibration(card["calibration"]),
        interval=read_interval(card["interval"]) if card["interval"] is not None else None,
        scale=MasterScale.model_validate(card["master_scale"]),
        version=bundle.manifest.version,
        metadata=bundle.manifest.notes,
    )


def _boosters(bundle: Bundle, stem: str, count: int, features: tuple[str, ...]) -> Boosters:
    texts = [bundle.read_text(f"{stem}_{i}.txt") for i in range(count)]
    boosters = Boosters.from_texts(texts, source=str(bundle.folder))
    for member in boosters.members:
        if tuple(member.feature_name()) != features:
            raise FeatureMismatchError(
                bundle.manifest.version, missing=features, unexpected=member.feature_name()
            )
    return boosters


def _carried(parts: Floats, length: Floats, rise: Floats) -> Floats:
    """Carry raw contributions (n, k) with their sums (n,) over to calibrated log-odds, where they sum to the rise (n,).

    Each is multiplied by the slope of the way, so their ratios stay. Where the map is level or steps up that slope
    is next to nothing or huge: there the nearest usual slope is taken and the rest shared out by size, a step among
    the parts that go its way, so that no reason is blown up or changes sides, and none vanishes while others oppose it.
    """
    slope = np.divide(rise, length, out=np.ones_like(rise), where=length != 0)
    usual = np.minimum(np.maximum(slope, _SLOPES[0]), _SLOPES[1])
    rest = rise - usual * length
    against = (rest * length > 0)[:, None] & (parts * rest[:, None] < 0)
    sizes = np.where(against, 0.0, np.abs(parts))
    whole = sizes.sum(axis=1)
    share = np.divide(rest, whole, out=np.zeros_like(rest), where=whole > 0)
    carried: Floats = parts * usual[:, None] + sizes * share[:, None]
    return carried


def _numeric(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)
