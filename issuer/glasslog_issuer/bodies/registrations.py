"""What a system is made of, registered once: models, configurations, datasets, and the system itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body
from glasslog_issuer.bodies.parts import ModelAssurance, Period

ModelKind: TypeAlias = Literal["weights", "hosted", "classical", "adapter"]
ConfigKind: TypeAlias = Literal["prompt-template", "guardrail-set", "threshold", "routing", "redaction"]
Role: TypeAlias = Literal["provider", "deployer"]


@dataclass(frozen=True, kw_only=True)
class ModelRegistration(Body, record_type="model-registration"):
    """Which model this is, and how its identity is known.

    Digests are SHA-256, 32 bytes; `training_data` holds the record ids (16 bytes) of dataset registrations.
    """

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
class ConfigRegistration(Body, record_type="config-registration"):
    """How the system is set, by the SHA-256 (32 bytes) of the document that says it.

    `previous` is the record id (16 bytes) of the registration that this one replaces; `guardrails` are the ids of the
    guardians that must run, for a guardrail-set.
    """

    kind: ConfigKind
    name: str
    version: str
    digest: bytes
    previous: bytes | None = None
    guardrails: Sequence[str] | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetRegistration(Body, record_type="dataset-registration"):
    """What a model was trained or tested on, where that came from, and by what right.

    Digests are SHA-256, 32 bytes: of the data, and of the code that prepared it. `demographics` counts rows by
    attribute and group.
    """

    name: str
    version: str
    digest: bytes
    rows: int
    sources: Sequence[str]
    collection_period: Period
    lawful_basis: str
    consent: str
    labelling: str
    preprocessing_digest: bytes
    licence: str
    demographics: Mapping[str, Mapping[str, int]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredControl:
    """How often a control reports, in seconds, and how long it may be silent at most."""

    id: str
    cadence_s: int
    max_gap_s: int


@dataclass(frozen=True, kw_only=True)
class SystemRegistration(Body, record_type="system-registration"):
    """What the system is for, who answers for it, and what it promises to do without fail.

    `max_lateness_s` is how many seconds after its event a record enters the log at the latest.
    """

    name: str
    purpose: str
    owner: str
    role: Role
    risk_tier: str
    regimes: Sequence[str]
    declared_controls: Sequence[DeclaredControl]
    max_lateness_s: int
