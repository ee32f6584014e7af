"""Exit codes, the same for every subcommand, and which error ends in which."""

from enum import IntEnum

from glasslog.cli import EXIT_INTERRUPTED
from glasslog.errors import GlasslogError, UncheckableError
from glasslog_server.errors import (
    GuardLockedError,
    ListenError,
    ServerError,
    SetupError,
    StoreLockedError,
    UnavailableError,
)
from glasslog_server.storage.disk import is_full


class Exit(IntEnum):
    """What the process says when it ends."""

    DONE = 0
    """Done, and all is well."""
    FAILED = 1
    """The log is damaged, must not run, or has failed."""
    USAGE = 2
    """The command line or the configuration is wrong: nothing was tried."""
    UNABLE = 3
    """Not possible now: another process has the log, the address is taken, no server answers, the disk is full."""
    INTERRUPTED = EXIT_INTERRUPTED
    """Ended by Ctrl-C or a signal before it was done. A server that is told to stop is done."""


def exit_of(error: ServerError | GlasslogError) -> Exit:
    """Return the exit code for an error that ends a command."""
    if isinstance(error, StoreLockedError | GuardLockedError | ListenError | UnavailableError | UncheckableError):
        return Exit.UNABLE
    if is_full(error):
        return Exit.UNABLE
    return Exit.USAGE if isinstance(error, SetupError) else Exit.FAILED
