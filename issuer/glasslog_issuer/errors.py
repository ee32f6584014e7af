"""The one error tree of the issuer's package.

    IssuerError
    ├── KeyFileError          a key file is missing, unreadable, open to others, or not a key
    ├── StreamError           a stream's memory is missing, unreadable, of another stream, or in use
    ├── SubmissionError       the log did not take a statement
    │   ├── RefusedError          it says no, and will say no again: the statement, the key or the URL must change
    │   ├── UnavailableError      not now, or nobody knows: send the same statement again, as often as it takes
    │   └── BrokenAnswerError     it said something that is not of the registration API: ask its operator
    ├── ManifestError         a manifest of a model cannot be read, or the files are not those it names
    ├── SpoolError            records cannot be kept, or were not sent
    │   ├── SpoolInUseError       another process has the spool
    │   ├── SpoolClosedError      it was closed, or belongs to the process that this one was forked from
    │   ├── SpoolFullError        as much waits to be sent as may wait
    │   ├── SpoolWriteError       the disk does not take what is to be kept: nothing was recorded
    │   ├── SpoolDamagedError     what was kept cannot be read any more, or not all of it is there
    │   └── NotSentError          records still wait to be sent when the time is over: they stay in the spool
    └── MissingPackageError   a command needs a package that the base install has not

The three kinds of submission error ask different things of the caller and never mix. A statement that was answered by
`UnavailableError` or `BrokenAnswerError` may or may not be in the log; sending it again is always safe, because the
same statement is always the same entry. What a record or a receipt says wrongly is told by `glasslog.errors`: a record
that its schema refuses raises MalformedError, a receipt that does not hold raises VerificationError. No message holds
content of a record.
"""

from typing import ClassVar


class IssuerError(Exception):
    """Be the root of everything that this package raises on purpose.

    `code` is constant for a class: it labels metrics and is the `error` field of JSON output.
    """

    code: ClassVar[str] = "issuer"


class KeyFileError(IssuerError):
    """Report a key file that cannot be used, or written, and what to do about it."""

    code = "key_file"


class StreamError(IssuerError):
    """Report a stream whose next number cannot be known, or cannot be kept."""

    code = "stream"


class SubmissionError(IssuerError):
    """Report a statement that the log did not take, as far as is known here."""

    code = "submission"


class RefusedError(SubmissionError):
    """Report what the log refused for good. `title` and `detail` are its problem document's (RFC 9290), made printable.

    `reason` is the log's constant code for the kind of problem, "" where it gives none.
    """

    code = "refused"

    def __init__(self, title: str, detail: str, reason: str = "") -> None:
        """Keep what the log says, for programs; the message says it to a person."""
        super().__init__(f"{title}: {detail}" if detail else title)
        self.title = title
        self.detail = detail
        self.reason = reason


class UnavailableError(SubmissionError):
    """Report a log that was not reached, or asked to come back later, `attempts` times in a row.

    `retry_after_s` is how many seconds the log asked to wait, where it did.
    """

    code = "unavailable"

    def __init__(self, message: str, *, attempts: int = 1, retry_after_s: float | None = None) -> None:
        """Keep what a caller needs to plan its next try."""
        super().__init__(message)
        self.attempts = attempts
        self.retry_after_s = retry_after_s


class BrokenAnswerError(SubmissionError):
    """Report an answer that is not of the registration API: of another content type, too long, or contradictory."""

    code = "broken_answer"


class ManifestError(IssuerError):
    """Report a model or a dataset whose files are not what was signed, or cannot be measured."""

    code = "manifest"


class SpoolError(IssuerError):
    """Report a spool that cannot do what it is for."""

    code = "spool"


class SpoolInUseError(SpoolError):
    """Report a spool that another process has open."""

    code = "spool_in_use"


class SpoolClosedError(SpoolError):
    """Report a spool that is closed, or that was opened before this process was forked: open one of its own."""

    code = "spool_closed"


class SpoolFullError(SpoolError):
    """Report that the bound of a spool is reached, and stayed so for as long as the caller wanted to wait.

    Nothing was recorded. It ends when the log takes records again.
    """

    code = "spool_full"


class SpoolWriteError(SpoolError):
    """Report that the disk, or the vault, did not take a record: it was not recorded, and its number is not used."""

    code = "spool_write"


class SpoolDamagedError(SpoolError):
    """Report a spool in which something that was acknowledged is missing or altered. It is not gone on with."""

    code = "spool_damaged"


class NotSentError(SpoolError):
    """Report that `unsent` records still wait when the time is over. They are safe in the spool."""

    code = "not_sent"

    def __init__(self, message: str, *, unsent: int) -> None:
        """Keep how many there are."""
        super().__init__(message)
        self.unsent = unsent


class MissingPackageError(IssuerError):
    """Report that a package is missing, and which extra brings it."""

    code = "missing_package"
