"""What changes around a model: what is deployed, and who else handles the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body

DeploymentAction: TypeAlias = Literal["deploy", "rollback", "retrain", "suspend", "retire"]
SubprocessorAction: TypeAlias = Literal["add", "change", "remove"]
TrainingUse: TypeAlias = Literal["prohibited", "opt-in", "allowed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Who approved and when (POSIX milliseconds). `who` is the keyed tag of a person, 16 to 64 bytes."""

    role: str
    who: bytes
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """Who was told of a change, when (POSIX milliseconds), and how many days ahead."""

    audience: str
    at: int
    lead_days: int


@dataclass(frozen=True, kw_only=True)
class Deployment(Body, record_type="deployment"):
    """What went into service or out of it, who approved that, and on the strength of which validation.

    `model` and `previous` are the record ids (16 bytes) of registrations, `validation` that of an evaluation, which
    only suspend and retire may leave out. `effective` is in POSIX milliseconds.
    """

    model: bytes
    action: DeploymentAction
    substantial: bool
    approvals: Sequence[Approval]
    effective: int
    previous: bytes | None = None
    validation: bytes | None = None
    change_ticket: str | None = None
    notified: Notification | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SubprocessorTerms:
    """What was agreed with a subprocessor. Digests of the agreements are SHA-256, 32 bytes."""

    dpa_digest: bytes
    retention_days: int
    training_use: TrainingUse
    baa_digest: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class SubprocessorChange(Body, record_type="subprocessor-change"):
    """Who else handles the data from when on, where, on which terms, and what their assurance leaves open.

    `effective` is in POSIX milliseconds; `assurance_docs` are SHA-256 digests, 32 bytes each; `gaps` are sentences.
    """

    name: str
    service: str
    action: SubprocessorAction
    effective: int
    regions: Sequence[str]
    terms: SubprocessorTerms
    assurance_docs: Sequence[bytes]
    gaps: Sequence[str]
