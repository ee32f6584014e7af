"""Exit codes, the same for every subcommand, and which error ends in which."""

from enum import IntEnum

from glasslog.cli.ending import EXIT_INTERRUPTED
from glasslog.errors import GlasslogError, UncheckableError
from glasslog_issuer.errors import BrokenAnswerError, IssuerError, KeyFileError, RefusedError


class Exit(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    """All is done, and whatever could be verified was."""
    REFUSED = 1
    """A record was refused by its schema, a statement by the log, or what came back by verification."""
    USAGE = 2
    """The command line, or a key that it names, is wrong: nothing was tried."""
    UNABLE = 3
    """Not possible now: a file cannot be read or written, a stream cannot be used, the log cannot be reached."""
    INTERRUPTED = EXIT_INTERRUPTED
    """Ended by the user: Ctrl-C, a signal, or no to a question."""


def exit_of(error: IssuerError | GlasslogError) -> Exit:
    """Return the exit code for an error that ends a command."""
    if isinstance(error, KeyFileError):
        return Exit.USAGE
    if isinstance(error, UncheckableError) or not isinstance(error, GlasslogError | RefusedError | BrokenAnswerError):
        return Exit.UNABLE
    return Exit.REFUSED
