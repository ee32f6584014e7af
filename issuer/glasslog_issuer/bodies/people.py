"""What people do about decisions: those who oversee them, and those they are about."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from glasslog_issuer.bodies.body import Body

OversightMode: TypeAlias = Literal["in-loop", "on-loop"]
OversightAction: TypeAlias = Literal["approve", "edit", "override", "reject", "escalate", "stop"]
NoticeKind: TypeAlias = Literal["ai-use", "consent", "adverse"]
ContestKind: TypeAlias = Literal["appeal", "correction", "access"]


@dataclass(frozen=True, kw_only=True)
class Oversight(Body, record_type="oversight"):
    """Who looked at a decision, for how many seconds, and what they did about it.

    Reviewers are keyed tags of 16 to 64 bytes, the second another person than the first. What was proposed, what was
    decided and what was on the screen are the commitments `before`, `after` and `seen`.
    """

    mode: OversightMode
    reviewer: bytes
    role: str
    action: OversightAction
    reason_code: str
    seconds: float
    second_reviewer: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Correspondence(Body):
    """What notices, contests and explanations have in common: it was sent to a person, or opened by one.

    Either `sent` or `opened` must be given, and with `sent` the SHA-256 (32 bytes) of the template: the wording without
    the person's data. Times, also `due`, are in POSIX milliseconds.
    """

    channel: str
    sent: int | None = None
    opened: int | None = None
    template_digest: bytes | None = None
    due: int | None = None
    state: str | None = None
    result: str | None = None


@dataclass(frozen=True, kw_only=True)
class Notice(Correspondence, record_type="notice"):
    """When and how a person was told: that AI is used, what they consent to, or of a decision against them."""

    kind: NoticeKind


@dataclass(frozen=True, kw_only=True)
class Contest(Correspondence, record_type="contest"):
    """When a person objected or asked for correction or access, and what became of it."""

    kind: ContestKind


@dataclass(frozen=True, kw_only=True)
class Explanation(Correspondence, record_type="explanation"):
    """When a person asked for the reasons of a decision, or was given them."""
