"""The risk model: what it is made of, its bytes, and how it judges a person.

The model is additive on the scale of log-odds. Each feature has a curve, straight between its knots and level beyond
them; the curves' values and the intercept add up to the log-odds that the person's blood sugar is raised. So every
judgement falls apart into what each feature contributed, and the reasons that the record names are the real ones.

The weights are a canonical document (`document`): the digest in the model's registration is the SHA-256 of the very
bytes that `decode_model` was given, and nothing else decides. Training is another module, and needs other libraries.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from glasslog_issuer.demo.document import Document, decode_document, document_digest, encode_document
from glasslog_issuer.demo.features import FEATURE_NAMES

MODEL_NAME: Final = "raised-hba1c-screen"
FIRST_VERSION: Final = "1.0.0"
KNOT_UNITS: Final = 1_000  # knots are in thousandths of the feature's unit
LOG_ODDS_UNITS: Final = 1_000_000  # curves, intercept and cut-off are in millionths of a log-odds
COVARIANCE_UNITS: Final = 1_000_000  # of a squared log-odds

_MODEL_KEYS: Final = {"name", "version", "form", "intercept", "cut_off", "curves", "covariance"}
_CURVE_KEYS: Final = {"feature", "knots", "log_odds", "average"}
_FORM: Final = "additive-logistic"
_VERSION: Final = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}")


@dataclass(frozen=True, slots=True)
class Curve:
    """One feature's curve: `log_odds[i]` at `knots[i]`, ascending, 0 at the first knot; and its average in training."""

    feature: str
    knots: tuple[int, ...]
    log_odds: tuple[int, ...]
    average: int = 0

    def basis(self, value: float) -> list[float]:
        """Return how much of the contribution at each knot counts at `value`. The shares add up to 1."""
        shares = [0.0] * len(self.knots)
        position = value * KNOT_UNITS
        if position <= self.knots[0]:
            shares[0] = 1.0
        elif position >= self.knots[-1]:
            shares[-1] = 1.0
        else:
            right = next(i for i, knot in enumerate(self.knots) if knot > position)
            left_knot, right_knot = self.knots[right - 1], self.knots[right]
            shares[right] = (position - left_knot) / (right_knot - left_knot)
            shares[right - 1] = 1.0 - shares[right]
        return shares


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the model makes of one person. `margin` is how far the log-odds are above the cut-off."""

    probability: float
    margin: float
    standard_error: float  # of the log-odds, from the training sample's size
    contributions: Mapping[str, float]  # log-odds by feature, more or less than the average person's

    @property
    def raised(self) -> bool:
        """Whether the person is at or above the cut-off."""
        return self.margin >= 0


@dataclass(frozen=True)
class RiskModel:
    """The weights, in their units, under the version that they are known by.

    `covariance` is that of the estimates: the intercept first, then each curve's values but its first, which is fixed.
    """

    intercept: int
    cut_off: int
    curves: tuple[Curve, ...]
    covariance: tuple[tuple[int, ...], ...]
    version: str = FIRST_VERSION

    def document(self) -> Document:
        """Return the weights as the document whose digest identifies the model."""
        return {
            "name": MODEL_NAME,
            "version": self.version,
            "form": _FORM,
            "intercept": self.intercept,
            "cut_off": self.cut_off,
            "curves": [
                {
                    "feature": curve.feature,
                    "knots": list(curve.knots),
                    "log_odds": list(curve.log_odds),
                    "average": curve.average,
                }
                for curve in self.curves
            ],
            "covariance": [list(row) for row in self.covariance],
        }

    def encode(self) -> bytes:
        """Return the canonical bytes of the weights."""
        return encode_document(self.document())

    @cached_property
    def digest(self) -> bytes:
        """Return the weights digest, 32 bytes."""
        return document_digest(self.document())

    @property
    def threshold(self) -> float:
        """Return the cut-off as a probability."""
        return _probability(self.cut_off / LOG_ODDS_UNITS)

    def judge(self, features: Mapping[str, float]) -> Judgement:
        """Judge one person. Raises KeyError when a feature is missing."""
        contributions = {}
        design = [1.0]
        log_odds = float(self.intercept)
        for curve in self.curves:
            shares = curve.basis(features[curve.feature])
            height = sum(share * value for share, value in zip(shares, curve.log_odds, strict=True))
            contributions[curve.feature] = (height - curve.average) / LOG_ODDS_UNITS
            log_odds += height
            design += shares[1:]
        return Judgement(
            probability=_probability(log_odds / LOG_ODDS_UNITS),
            margin=(log_odds - self.cut_off) / LOG_ODDS_UNITS,
            standard_error=math.sqrt(self._variance(design)),
            contributions=contributions,
        )

    def _variance(self, design: Sequence[float]) -> float:
        """Return the variance of the log-odds: the quadratic form of the covariance. Most shares are zero."""
        used = [i for i, share in enumerate(design) if share]
        return sum(design[i] * self.covariance[i][j] * design[j] for i in used for j in used) / COVARIANCE_UNITS


def decode_model(data: bytes) -> RiskModel:
    """Return the model whose canonical bytes are exactly `data`. Raises ValueError."""
    document = decode_document(data)
    head = {"name": MODEL_NAME, "form": _FORM}
    if document.keys() != _MODEL_KEYS or not head.items() <= document.items():
        msg = f"expected the weights of {MODEL_NAME}, {_FORM}, got another document"
        raise ValueError(msg)
    version = document["version"]
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise ValueError("expected a version of three numbers")
    curves = tuple(_decode_curve(curve) for curve in _list(document["curves"]))
    if tuple(curve.feature for curve in curves) != FEATURE_NAMES:
        msg = f"expected a curve for each of {', '.join(FEATURE_NAMES)}, in this order"
        raise ValueError(msg)
    covariance = tuple(_integers(row) for row in _list(document["covariance"]))
    width = 1 + sum(len(curve.knots) - 1 for curve in curves)
    if len(covariance) != width or any(len(row) != width for row in covariance):
        msg = f"expected a covariance of {width} by {width}"
        raise ValueError(msg)
    intercept, cut_off = _integers([document["intercept"], document["cut_off"]])
    return RiskModel(intercept, cut_off, curves, covariance, version)


def _decode_curve(curve: object) -> Curve:
    if not isinstance(curve, dict) or curve.keys() != _CURVE_KEYS:
        raise ValueError("expected curves, each with a feature, knots, log-odds and an average")
    knots, log_odds = _integers(curve["knots"]), _integers(curve["log_odds"])
    if len(knots) < 2 or len(knots) != len(log_odds) or list(knots) != sorted(set(knots)) or log_odds[0] != 0:  # noqa: PLR2004
        msg = f"expected ascending knots and as many values, the first of them 0, got {len(knots)} and {len(log_odds)}"
        raise ValueError(msg)
    return Curve(curve["feature"], knots, log_odds, *_integers([curve["average"]]))


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ValueError("expected a list")  # noqa: TRY004  a document of another shape is a wrong value
    return value


def _integers(value: object) -> tuple[int, ...]:
    numbers = tuple(number for number in _list(value) if type(number) is int)
    if len(numbers) != len(_list(value)):
        raise ValueError("expected whole numbers")
    return numbers


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-log_odds))
