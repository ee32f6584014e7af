"""What was tested, watched, written down and assessed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body
from glasslog_issuer.bodies.parts import Party, Period

EvaluationKind: TypeAlias = Literal[
    "accuracy",
    "bias",
    "hallucination",
    "grounding",
    "red-team",
    "prompt-injection",
    "capability",
    "robustness",
    "validation",
    "back-test",
    "replay",
]
Verdict: TypeAlias = Literal["pass", "fail", "info"]
MonitoringKind: TypeAlias = Literal["drift", "performance", "availability", "fairness"]
DocumentKind: TypeAlias = Literal[
    "model-card", "impact-assessment", "soc2-report", "dpa", "baa", "limitations", "policy", "risk-register"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """What computed an evaluation."""

    name: str
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfidenceInterval:
    """Between which bounds a value lies, and how surely: a `level` of 0.95 is 95 percent."""

    low: float
    high: float
    level: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The samples that have one value of an attribute."""

    attribute: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """What was measured, over all samples or over the `n` of one group."""

    name: str
    value: float
    ci: ConfidenceInterval | None = None
    group: Group | None = None
    n: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Disparity:
    """How far groups are apart in a metric: by a ratio or by a difference, and one of them must be given."""

    metric: str
    attribute: str
    threshold: float
    ratio: float | None = None
    difference: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluator:
    """Who evaluated, and whether they are independent of those who made the model."""

    who: Party
    independent: bool


@dataclass(frozen=True, kw_only=True)
class Evaluation(Body, record_type="evaluation"):
    """How a model was tested, by whom, and whether it passed.

    `model` and `dataset` are the record ids (16 bytes) of their registrations; `n` counts samples; `samples_root` is
    the Merkle root over them, 32 bytes.
    """

    kind: EvaluationKind
    model: bytes
    dataset: bytes
    tool: Tool
    n: int
    metrics: Sequence[Metric]
    verdict: Verdict
    evaluator: Evaluator
    disparities: Sequence[Disparity] = ()
    samples_root: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What was observed: `n` events of a window of time."""

    window: Period
    n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """What is compared with: `n` events of an earlier window, or a sample known by its SHA-256 (32 bytes); not both."""

    n: int
    window: Period | None = None
    digest: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Monitoring(Body, record_type="monitoring"):
    """How the system in use compares with a reference, whether a threshold was passed, and what was done then."""

    kind: MonitoringKind
    metric: str
    reference: Reference
    current: Sample
    value: float
    threshold: float
    breached: bool
    procedure: str
    feature: str | None = None
    action: str | None = None


@dataclass(frozen=True, kw_only=True)
class Document(Body, record_type="document"):
    """Which document existed, for which period, and what it leaves open. `digest` is its SHA-256, 32 bytes."""

    kind: DocumentKind
    title: str
    version: str
    digest: bytes
    period: Period
    gaps: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Assessment(Body, record_type="assessment"):
    """What somebody judged, until when that holds (POSIX milliseconds), and what would end it sooner."""

    subject: str
    disposition: str
    scope: str
    by: Party
    valid_until: int
    triggers: Sequence[str]
