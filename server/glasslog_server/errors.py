"""The one error tree of the server.

    ServerError
    ├── RequestError              the client's fault: refused, nothing stored, asking again changes nothing (4xx)
    │   ├── TreeRangeError        asks for a leaf or a size that the tree does not have
    │   ├── HttpSyntaxError       no HTTP request
    │   ├── ParameterError        a part of the path or of the query that cannot be read
    │   ├── CredentialsError      no token, or an unknown one, where one is needed
    │   ├── AccessError           a token that does not open this
    │   ├── NotFoundError         nothing of that name is published
    │   ├── MethodError           a method that the resource does not have
    │   ├── NotAcceptableError    none of the formats that the client accepts is to be had
    │   ├── SlowBodyError         the body did not arrive in time
    │   ├── BrokenBodyError       the body ended early, or its framing is wrong
    │   ├── TooLargeError         a body above the limit of its media type
    │   └── MediaTypeError        a body of a media type or encoding that is not taken
    ├── UnavailableError          nobody's fault: not now, the same request may succeed later (429, 503, Retry-After)
    │   ├── OverloadedError       the queue of the sequencer is full
    │   ├── StoppingError         the server is shutting down
    │   ├── InterruptedWriteError the round that held the statement failed: whether it is logged shows on resubmission
    │   ├── QuotaError            an issuer submits faster than it may
    │   ├── SlowRoundError        taken, but not sequenced within the time a request may wait
    │   └── ReceiptPendingError   logged, but in a tree too small for receipts
    └── FaultError                our fault: the log, its disk or its set-up is wrong (500, or it refuses to run)
        ├── TreeCorruptError      stored or computed tree hashes do not fit together
        ├── StoreError            the store failed; of a write, the outcome is unknown until the store is reopened
        │   ├── StoreConflictError    a round does not fit the store: refused before anything was written
        │   ├── StoreCorruptError     a row is missing or unreadable
        │   ├── StoreClosedError      used after close
        │   ├── StoreLockedError      another process has it open
        │   ├── StoreMissingError     there is none: creation is an explicit act
        │   ├── StoreExistsError      there is one already: creation never overwrites
        │   └── StoreFormatError      written by another version, or its creation was interrupted
        ├── GuardError            the guard could not be read or written; of a swap, the outcome is unknown
        │   ├── GuardConflictError    another checkpoint is guarded than the caller expects
        │   ├── GuardAheadError       the guard knows a newer or another tree than the store: an old copy was restored
        │   ├── GuardBehindError      the guard is older than one crash can explain
        │   ├── GuardCorruptError     neither slot holds a valid record
        │   ├── GuardCopiedError      the file is a copy: the original may still be running
        │   ├── GuardForeignError     it guards another store
        │   ├── GuardLockedError      another process has it open
        │   ├── GuardMissingError     there is none
        │   └── GuardExistsError      there is one already
        ├── ProcessError          a process of the server ended that must not end
        │   └── LinkError             what came over the link between two processes is not what they speak
        └── SetupError            what the operator has set up cannot be used
            ├── ConfigError           the configuration file
            ├── KeyFileError          a file that holds a key
            ├── SigningError          a command that signs: it failed, or returned what is no signature
            ├── ListenError           an address that cannot be listened on
            └── CreationError         a log cannot be created here

The three branches never mix, because each asks another person to act: the client, the client's retry loop, or the
operator. A new error belongs where the one who can change the outcome is: a bad signature or an unknown issuer under
`RequestError`, a full queue or a spent quota under `UnavailableError`, a failed check of our own under `FaultError`.
`http.problems` gives each class its status and title: 4xx to the first branch, 429 or 503 to the second, 5xx to the
third. The sequencer stops at any `FaultError`. A message says what was expected and what was found (and, for the
operator, what to do), and never holds content of a record.
"""

from typing import ClassVar


class ServerError(Exception):
    """Be the root of everything that the server raises on purpose.

    `code` is constant for a class: it labels metrics and is the machine-readable part of a problem document.
    """

    code: ClassVar[str] = "server"


class RequestError(ServerError):
    """Report a request that is refused for what it says: nothing was stored, and repeating it changes nothing."""

    code = "bad_request"


class UnavailableError(ServerError):
    """Report a request that cannot be served now, and may be later."""

    code = "unavailable"


class OverloadedError(UnavailableError):
    """Report that the queue is full: nothing of the request was taken."""

    code = "overloaded"


class StoppingError(UnavailableError):
    """Report that the server is shutting down: nothing of the request was taken."""

    code = "stopping"


class InterruptedWriteError(UnavailableError):
    """Report that the log failed while it held the request; submitting it again tells, and never logs it twice."""

    code = "interrupted"


class FaultError(ServerError):
    """Report that the log itself is wrong: its memory, its disk, its code or its set-up."""

    code = "fault"


class TreeRangeError(RequestError, ValueError):
    """Report an index or a size outside the tree, or two sizes in the wrong order."""

    code = "out_of_range"


class TreeCorruptError(FaultError):
    """Report tree hashes that are missing, of the wrong length, or do not lead to each other."""

    code = "tree_corrupt"


class HttpSyntaxError(RequestError):
    """Report bytes on a connection that are no HTTP request, or one with headers above the limits."""

    code = "bad_http"


class ParameterError(RequestError):
    """Report a part of a path or of a query that is not of its form."""

    code = "bad_parameter"


class CredentialsError(RequestError):
    """Report a request that needs a bearer token and has none, or one that is not known here."""

    code = "no_credentials"


class AccessError(RequestError):
    """Report a bearer token that does not open what was asked for."""

    code = "no_access"


class NotFoundError(RequestError):
    """Report that nothing of that name is published, now at least."""

    code = "not_found"


class MethodError(RequestError):
    """Report a method that the resource does not have."""

    code = "bad_method"


class NotAcceptableError(RequestError):
    """Report that a resource has none of the formats that the client accepts."""

    code = "not_acceptable"


class SlowBodyError(RequestError):
    """Report a request whose body did not arrive in the time it is given."""

    code = "slow_body"


class BrokenBodyError(RequestError):
    """Report a request body that ended early or whose framing is wrong."""

    code = "broken_body"


class TooLargeError(RequestError):
    """Report a request body above the limit of its media type."""

    code = "too_large"


class MediaTypeError(RequestError):
    """Report a request body of a media type, or in a content encoding, that is not taken."""

    code = "bad_media_type"


class QuotaError(UnavailableError):
    """Report an issuer that submits faster than its quota; `retry_after_s` is when the next record fits."""

    code = "over_quota"

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        """Take the whole seconds to wait beside the message."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SlowRoundError(UnavailableError):
    """Report statements that were taken, but not sequenced in the time a request may wait: submit them again."""

    code = "slow_round"


class ReceiptPendingError(UnavailableError):
    """Report an entry that is logged in a tree of one: its receipt can be made when the next entry is there."""

    code = "receipt_pending"


class StoreError(FaultError):
    """Report a failed read or write of the store.

    A failed write may or may not be on disk, now or after the next start: the store takes no further write until it was
    reopened and its last head read again.
    """

    code = "store_failed"


class StoreConflictError(StoreError):
    """Report a round that does not continue the store, or contradicts itself; nothing was written."""

    code = "store_conflict"


class StoreCorruptError(StoreError):
    """Report a row that must be there and is not, or that cannot be decoded."""

    code = "store_corrupt"


class StoreClosedError(StoreError):
    """Report the use of a store after `close`."""

    code = "store_closed"


class StoreLockedError(StoreError):
    """Report a store that another process, or another object of this one, has open."""

    code = "store_locked"


class StoreMissingError(StoreError):
    """Report that there is no store where one was to be opened."""

    code = "store_missing"


class StoreExistsError(StoreError):
    """Report that there is a store where one was to be created."""

    code = "store_exists"


class StoreFormatError(StoreError):
    """Report a store of another format version, or one whose creation was interrupted."""

    code = "store_format"


class GuardError(FaultError):
    """Report a failed read or write of the guard; a failed swap may or may not have taken effect."""

    code = "guard_failed"


class GuardConflictError(GuardError):
    """Report that the guarded checkpoint is not the one that the caller expects: somebody else moved it."""

    code = "guard_conflict"


class GuardAheadError(GuardError):
    """Report a guard that holds a newer tree than the store, or another one of the same size."""

    code = "guard_ahead"


class GuardBehindError(GuardError):
    """Report a guard that is more than one round behind the store, or that the store does not continue."""

    code = "guard_behind"


class GuardCorruptError(GuardError):
    """Report a guard file without one valid record."""

    code = "guard_corrupt"


class GuardCopiedError(GuardError):
    """Report a guard file that is a copy of the one that was created or adopted."""

    code = "guard_copied"


class GuardForeignError(GuardError):
    """Report a guard that belongs to another store."""

    code = "guard_foreign"


class GuardLockedError(GuardError):
    """Report a guard that another process has open: two servers on one log."""

    code = "guard_locked"


class GuardMissingError(GuardError):
    """Report that there is no guard where one was to be opened."""

    code = "guard_missing"


class GuardExistsError(GuardError):
    """Report that there is a guard where one was to be created."""

    code = "guard_exists"


class ProcessError(FaultError):
    """Report a process of the server that ended, or could not start, while the others need it."""

    code = "process_ended"


class LinkError(ProcessError):
    """Report bytes from another process of this server that are not what the two speak: the link is given up."""

    code = "link_broken"


class SetupError(FaultError):
    """Report something that the operator has set up and that cannot be used as it is."""

    code = "setup"


class ConfigError(SetupError):
    """Report a configuration that is missing, malformed or contradicts itself; the message names the key."""

    code = "bad_config"


class KeyFileError(SetupError):
    """Report a key file that is missing, open to others, or holds no Ed25519 key."""

    code = "bad_key_file"


class SigningError(SetupError):
    """Report that a command that signs failed, took too long, or returned what is no signature by its key."""

    code = "signing_failed"


class ListenError(SetupError):
    """Report an address that cannot be listened on."""

    code = "cannot_listen"


class CreationError(SetupError):
    """Report that no log can be created here: there is one, or the remains of an interrupted creation."""

    code = "cannot_create"
