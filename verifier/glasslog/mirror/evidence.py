"""The folder of what shows a fault: forks that were proven, and what sources sent in place of what was signed.

It has a limit, so that a log which shows something else at every look fills no disk: the first of it is enough.
"""

import hashlib
from pathlib import Path
from typing import Final

from glasslog.errors import UncheckableError
from glasslog.fork import FORK_SUFFIX
from glasslog.sources.folder import write_file

EVIDENCE: Final = "evidence"
EVIDENCE_MAX: Final = 64
"""Files that are kept of forks, and of whatever else does not fit: a bundle has 16 MiB at most."""
_DIGEST_CHARACTERS: Final = 16


def keep(folder: Path, name: str, data: bytes) -> Path | None:
    """Keep a piece of evidence; return where it is, or None where there is no room. Raises UncheckableError."""
    is_fork = name.endswith(FORK_SUFFIX)
    try:
        folder.mkdir(exist_ok=True)
        kept = [path.name for path in folder.iterdir() if path.name.endswith(FORK_SUFFIX) == is_fork]
    except OSError as error:
        msg = f"cannot use the folder {folder}: {error.strerror}"
        raise UncheckableError(msg) from error
    if name not in kept:
        if len(kept) >= EVIDENCE_MAX:
            return None
        write_file(folder / name, data)
    return folder / name


def checkpoint_name(note: bytes) -> str:
    """Return the name of a checkpoint that no trusted log signed."""
    return f"checkpoint-{hashlib.sha256(note).hexdigest()[:_DIGEST_CHARACTERS]}"
