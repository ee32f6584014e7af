"""Hold a monitor's state folder: two monitors on one would tell everything twice, and forget what the other told."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from glasslog.errors import UncheckableError

_LOCK: Final = "monitor.lock"


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Hold a state folder, which is made if need be. Raises UncheckableError when another monitor holds it."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / _LOCK).open("ab")
    except OSError as error:
        msg = f"cannot use {state} as the state of a monitor: {error.strerror}"
        raise UncheckableError(msg) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"expected a state folder that no other monitor uses, got {state}, which is in use"
            raise UncheckableError(msg) from error
        yield
