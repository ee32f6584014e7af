"""The folder of a running server: the link's socket, the table of connections, what secondaries of the store write.

Nothing in it outlives the server, which therefore puts it where temporary files are. All processes of a server hold one
lock on the folder, which ends with the last of them: so a start can remove what servers have left that were killed, and
cleaners of temporary files that respect such locks leave a living one alone.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from glasslog_server.errors import ListenError

PREFIX: Final = "glasslog-serve-"
SOCKET_PATH_BYTES_MAX: Final = 100  # what every system takes as the path of a Unix socket
_ATTEMPTS: Final = 10


class RuntimeFolder:
    """A folder that nobody else may enter, with its lock. Made by `make`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take a folder and the descriptor that holds its lock; use `make`."""
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def make(cls) -> Self:
        """Make a folder and lock it, after removing those that nobody holds any more.

        Raises ListenError when there can be none, or when a socket in it would have too long a path.
        """
        try:
            parent = Path(tempfile.gettempdir())
            sweep(parent)
            path, descriptor = _make_locked(parent)
        except OSError as error:
            msg = f"cannot make a folder for the link between the processes: {error.strerror or error}"
            raise ListenError(msg) from error
        folder = cls(path, descriptor)
        if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX - len("/link"):
            folder.remove()
            msg = f"expected a shorter path than {path} for the link between the processes: set TMPDIR"
            raise ListenError(msg)
        return folder

    def remove(self) -> None:
        """Remove the folder and let go of its lock. Removing twice does nothing."""
        if self.descriptor >= 0:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self.descriptor)
            self.descriptor = -1


def sweep(parent: Path) -> None:
    """Remove the folders of servers no process of which is left. Whatever cannot be removed stays."""
    for path in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), _locked(path):
            if os.stat(path, follow_symlinks=False).st_uid == os.geteuid():  # noqa: PTH116 (not of what a link names)
                shutil.rmtree(path, ignore_errors=True)


def _make_locked(parent: Path) -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock: another start may sweep it away before it is held."""
    for _ in range(_ATTEMPTS):
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        with contextlib.suppress(FileNotFoundError, BlockingIOError):
            descriptor = _lock(path)
            if path.exists():
                return path, descriptor
            os.close(descriptor)
    msg = "every folder that was made was removed at once"
    raise OSError(msg)


def _lock(path: Path) -> int:
    """Return a descriptor of a folder that holds its lock. Raises OSError: it is held, or this is no folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _lock(path)
    try:
        yield
    finally:
        os.close(descriptor)
