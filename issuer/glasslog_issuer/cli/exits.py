"""Exit codes, the same for every subcommand, and which error ends in which."""

from enum import IntEnum
from typing import Final

from glasslog.cli import EXIT_INTERRUPTED
from glasslog.errors import GlasslogError, UncheckableError
from glasslog_issuer.errors import BrokenAnswerError, IssuerError, KeyFileError, RefusedError
from glasslog_issuer.vault.errors import DamagedError, ErasedError

_REFUSALS: Final = (GlasslogError, RefusedError, BrokenAnswerError, ErasedError, DamagedError)


class Exit(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    """All is done, and whatever could be verified was."""
    REFUSED = 1
    """A record was refused by its schema, a statement by the log, what came back by verification; or it was erased."""
    USAGE = 2
    """The command line, or a key that it names, is wrong: nothing was tried."""
    UNABLE = 3
    """Not possible now: a file or a stream cannot be used, the log cannot be reached, a vault has nothing of it."""
    INTERRUPTED = EXIT_INTERRUPTED
    """Ended by the user: Ctrl-C, a signal, or no to a question."""


def exit_of(error: IssuerError | GlasslogError) -> Exit:
    """Return the exit code for an error that ends a command."""
    if isinstance(error, KeyFileError):
        return Exit.USAGE
    if isinstance(error, UncheckableError) or not isinstance(error, _REFUSALS):
        return Exit.UNABLE
    return Exit.REFUSED
