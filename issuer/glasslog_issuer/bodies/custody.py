"""What happens to the opened content, which the log never holds: who saw it, and when it was erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body
from glasslog_issuer.bodies.parts import Party

AccessAction: TypeAlias = Literal["read", "disclose", "export", "login", "config"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Authentication:
    """How somebody proved who they are: with more than one factor or not."""

    mfa: bool


@dataclass(frozen=True, kw_only=True)
class Access(Body, record_type="access"):
    """Who came to which content or settings, what for, and who got it when it was disclosed."""

    actor: Party
    action: AccessAction
    object: str
    purpose: str
    auth: Authentication
    recipient: Party | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ErasureTarget:
    """How far one store is with an erasure (`confirmed` at its end), at a time in POSIX milliseconds."""

    store: str
    state: str
    at: int


@dataclass(frozen=True, kw_only=True)
class Erasure(Body, record_type="erasure"):
    """Which commitments can no longer be opened, on what grounds, and in which stores. Each has 32 bytes."""

    request_id: str
    targets: Sequence[ErasureTarget]
    basis: str
    commitments: Sequence[bytes]
