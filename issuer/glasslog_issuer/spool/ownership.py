"""Give a spool to one process: a lock that the system lets go of when the process dies, however it dies.

A child that is forked shares what its parent has open, and must not write there: in the child everything that was owned
is let go of, so that the lock ends with the parent, and `Ownership.check` refuses. The child opens a spool of its own.
"""

import fcntl
import os
import weakref
from pathlib import Path
from typing import Final

from glasslog_issuer import files
from glasslog_issuer.errors import SpoolClosedError, SpoolError, SpoolInUseError

LOCK_NAME: Final = "lock"


class Ownership:
    """The lock of one folder, held from here until `release`, or until this process ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock. Raises SpoolInUseError, SpoolError."""
        self._folder = folder
        self._refusal: str | None = None
        path = folder / LOCK_NAME
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE_MODE)
        except OSError as error:
            msg = f"{path}: cannot lock the spool: {error.strerror}"
            raise SpoolError(msg) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            msg = f"{folder}: expected a spool that nobody uses, got one that another process has open"
            raise SpoolInUseError(msg) from error
        _OWNED.add(self)

    def check(self) -> None:
        """Raise SpoolClosedError when the spool is not, or no longer, this process's to use."""
        if self._refusal is not None:
            raise SpoolClosedError(self._refusal)

    @property
    def is_released(self) -> bool:
        """Return whether the spool is not this process's to use."""
        return self._refusal is not None

    def release(self) -> None:
        """Let others have the spool."""
        if self._refusal is None:
            self._refusal = f"{self._folder}: expected an open spool, got one that was closed"
            os.close(self._descriptor)

    def _abandon(self) -> None:
        """Let go in a child of a fork: the lock stays with the parent."""
        if self._refusal is None:
            self._refusal = (
                f"{self._folder}: expected a spool that this process has opened, got one from before a fork: "
                "open one of its own, in another folder, in each process"
            )
            os.close(self._descriptor)


def is_in_use(folder: Path) -> bool:
    """Return whether a process has a spool open. Changes nothing. Raises OSError."""
    try:
        descriptor = os.open(folder / LOCK_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


_OWNED: "weakref.WeakSet[Ownership]" = weakref.WeakSet()


def _abandon_all() -> None:
    for ownership in list(_OWNED):
        ownership._abandon()  # noqa: SLF001  nobody else may


os.register_at_fork(after_in_child=_abandon_all)
