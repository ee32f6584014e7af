"""The bodies of records as typed values, so that an editor knows their fields.

One class for each type of RECORDS section 4 that issuers sign; the names are the schema's. None means that the field is
left out. What is allowed in a field is for the schema to say (`glasslog.records`), when the record is signed. `RawBody`
carries a body that is a map already, of any type the schema knows.
"""

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias

from glasslog.cbor import Value

ModelAssurance: TypeAlias = Literal["self-asserted", "provider-returned", "digest-measured", "tee-attested"]
Status: TypeAlias = Literal["completed", "refused", "blocked", "error", "timeout"]
Automation: TypeAlias = Literal["full", "in-loop", "on-loop", "advisory"]
GuardrailDecision: TypeAlias = Literal[
    "allow", "audit", "deny", "modify", "warn", "skipped", "error-fail-open", "error-fail-closed"
]
Position: TypeAlias = Literal["pre", "post", "parallel"]
ModelKind: TypeAlias = Literal["weights", "hosted", "classical", "adapter"]
ConfigKind: TypeAlias = Literal["prompt-template", "guardrail-set", "threshold", "routing", "redaction"]

_FIELD_NAME: Final = "field"  # key of dataclass metadata, for the one field whose name Python keeps for itself


def to_value(item: object) -> Value:
    """Return an item in the data model of CBOR: any sequence as a list, our dataclasses and any mapping as maps.

    Enums of text and numbers become these. What the model has no place for is left as it is, and refused when it is
    encoded.
    """
    result: Value = item
    match item:
        case None | bool():
            pass
        case str():
            result = str.__str__(item)
        case int():
            result = int(item)
        case float():
            result = float(item)
        case bytes() | bytearray() | memoryview():
            result = bytes(item)
        case Mapping():
            result = {to_value(name): to_value(element) for name, element in item.items()}
        case Sequence():
            result = [to_value(element) for element in item]
        case _ if is_dataclass(item) and not isinstance(item, type):
            result = _to_map(item)
    return result


def _to_map(item: Any) -> dict[str, Value]:  # noqa: ANN401  any dataclass
    values = {f.metadata.get(_FIELD_NAME, f.name): getattr(item, f.name) for f in fields(item)}
    return {name: to_value(value) for name, value in values.items() if value is not None}


class Body(ABC):
    """What a record says beyond the fields that all records have."""

    record_type: ClassVar[str]

    def type(self) -> str:
        """Return the record's type."""
        return self.record_type

    def to_fields(self) -> dict[str, Value]:
        """Return the body as the schema wants it."""
        return _to_map(self)


@dataclass(frozen=True)
class RawBody(Body):
    """A body that is a map already."""

    name: str
    content: Mapping[str, Value] = field(repr=False)

    def type(self) -> str:
        """Return the record's type."""
        return self.name

    def to_fields(self) -> dict[str, Value]:
        """Return the body as it was given."""
        return {name: to_value(value) for name, value in self.content.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """Who runs the model, and where."""

    name: str
    region: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardian:
    """The program that runs a guardrail."""

    id: str
    name: str
    version: str
    provider: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedPolicy:
    """What a guardian enforced. `digest` is SHA-256 of the policy document, 32 bytes."""

    id: str
    version: str
    digest: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a guardrail met: its category, never its content."""

    category: str
    severity: str
    score: float | None = None
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How much of what it had to look at a guardrail has seen."""

    seen: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens that went in and came out."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What was decided. The label is public: put what must not be read into the commitment `output`."""

    label: str
    score: float | None = None
    threshold: float | None = None
    reason_codes: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Routing:
    """Another model answered than the one that was asked first."""

    from_model: str = field(metadata={_FIELD_NAME: "from"})
    to_model: str = field(metadata={_FIELD_NAME: "to"})
    reason: str


@dataclass(frozen=True, kw_only=True)
class InferenceAttempt(Body):
    """What is sent before the call. `required_guardrails` is the digest of a registered guardrail set, 32 bytes."""

    record_type: ClassVar[str] = "inference-attempt"

    operation: str
    provider: Provider
    requested_model: str
    required_guardrails: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class GuardrailExecution(Body):
    """One run of one guardrail: within an inference, or a record of its own. `started` is in POSIX milliseconds."""

    record_type: ClassVar[str] = "guardrail-execution"

    guardian: Guardian
    policy: AppliedPolicy
    target: str
    position: Position
    decision: GuardrailDecision
    started: int
    latency_ms: float
    findings: Sequence[Finding] = ()
    reason_code: str | None = None
    coverage: Coverage | None = None


@dataclass(frozen=True, kw_only=True)
class Inference(Body):
    """One inference. `model` and `config` are the record ids (16 bytes) of their registrations."""

    record_type: ClassVar[str] = "inference"

    operation: str
    provider: Provider
    requested_model: str
    model: bytes
    model_assurance: ModelAssurance
    config: bytes
    status: Status
    latency_ms: float
    automation: Automation
    params: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    guardrails: Sequence[GuardrailExecution] = ()
    response_model: str | None = None
    response_id: str | None = None
    system_fingerprint: str | None = None
    error_type: str | None = None
    decision: Decision | None = None
    principal: bytes | None = None
    routed: Routing | None = None


@dataclass(frozen=True, kw_only=True)
class ModelRegistration(Body):
    """A model and how its identity is known. Digests are SHA-256, 32 bytes; `training_data` holds record ids."""

    record_type: ClassVar[str] = "model-registration"

    name: str
    version: str
    kind: ModelKind
    publisher: str
    assurance: ModelAssurance
    weights_digest: bytes | None = None
    signing_bundle_digest: bytes | None = None
    base_model: str | None = None
    training_data: Sequence[bytes] | None = None
    card_digest: bytes | None = None
    limits_digest: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class ConfigRegistration(Body):
    """A configuration by the SHA-256 of its document. `previous` is the record id of the one that it replaces."""

    record_type: ClassVar[str] = "config-registration"

    kind: ConfigKind
    name: str
    version: str
    digest: bytes
    previous: bytes | None = None
    guardrails: Sequence[str] | None = None
