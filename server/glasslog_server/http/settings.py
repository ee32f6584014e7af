"""What an operator may choose about the HTTP side, and the limits that hold for everybody, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from glasslog.limits import ENTRY_BUNDLE_BYTES_MAX, STATEMENT_BYTES_MAX, URI_BYTES_MAX

BATCH_ENTRIES_MAX: Final = 4_096  # half of what the largest round takes
BATCH_BYTES_MAX: Final = 4 * 1_024 * 1_024  # half of that, too
BODIES_BYTES_MAX: Final = 64 * 1_024 * 1_024  # all request bodies in memory at one moment
ANSWERS_BYTES_MAX: Final = 256 * 1_024 * 1_024  # all answers being sent; 16 entry bundles at their largest

# Request heads. The longest path names a subject of 512 bytes, each percent-encoded.
REQUEST_LINE_BYTES_MAX: Final = 4 * 1_024
HEADER_BYTES_MAX: Final = 4 * 1_024
HEADERS_MAX: Final = 64

PAGE_ENTRIES_MAX: Final = 1_000  # of decisions and streams
PAGE_ENTRIES_DEFAULT: Final = 100
RETRY_AFTER_S: Final = 1  # rounds take well below a second: who comes back then finds room or a receipt


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token, known by the SHA-256 of its text (32 bytes), and the issuers whose entries it opens, or all."""

    sha256: bytes
    issuers: frozenset[str] | Literal["*"]


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Bounds and access of one front end. Units last in the names; the defaults suit a log behind no proxy."""

    # A connection that sends nothing, or a head that trickles in, is closed after `idle_s`; a body has `body_s` in all.
    idle_s: float = 30.0
    body_s: float = 20.0
    # A connection whose answer is refused early still gets this long to finish sending, so that it reads the answer.
    linger_s: float = 2.0
    # A client has so long to take an answer: one that does not read would hold it in memory.
    answer_s: float = 60.0
    connections_max: int = 1_024
    # A POST waits so long for its round before it is answered with 202 (one statement) or 503 (a batch).
    round_wait_s: float = 10.0
    batch_entries_max: int = BATCH_ENTRIES_MAX
    batch_bytes_max: int = BATCH_BYTES_MAX
    bodies_bytes_max: int = BODIES_BYTES_MAX
    answers_bytes_max: int = ANSWERS_BYTES_MAX
    # Records a second that one issuer may submit, and how many at once when it was quiet; None is no quota.
    issuer_rate: float | None = None
    issuer_burst: int = 1_000
    # Looked at only in a log whose policy says that entries need a token.
    tokens: Sequence[AccessToken] = field(default=(), repr=False)


def _check_relations() -> None:
    """Stop the import when two limits contradict each other."""
    relations = {
        "a batch must take the largest statement": BATCH_BYTES_MAX >= STATEMENT_BYTES_MAX,
        "the bodies in memory must take a batch": BODIES_BYTES_MAX >= BATCH_BYTES_MAX,
        "the answers in memory must take the largest entry bundle": ANSWERS_BYTES_MAX >= ENTRY_BUNDLE_BYTES_MAX,
        "a path must take a subject that is percent-encoded throughout": REQUEST_LINE_BYTES_MAX
        >= 3 * URI_BYTES_MAX + 256,
    }
    for reason, holds in relations.items():
        if not holds:
            msg = f"limits contradict each other: {reason}"
            raise AssertionError(msg)


_check_relations()
