"""Open a vault of disclosures, whatever package keeps it.

A package that keeps disclosures registers a function `open_vault(path: Path, master_key: bytes) -> OpenedVault` under
the entry-point group `glasslog.vaults`. So the verifier opens vaults without depending on anything that makes them.
"""

import os
import re
import stat
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from glasslog.errors import UncheckableError
from glasslog.reconstruct.opening import VAULTS, OpenedVault

MASTER_KEY_BYTES: Final = 32

_KEY_FILE_BYTES_MAX: Final = 4_096
_HEX: Final = re.compile(rb"[0-9a-fA-F]{64}")
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def open_vault(folder: Path, master_key_file: Path) -> OpenedVault:
    """Return an opened vault. Raises UncheckableError: no package that opens one, no key, a key of another vault."""
    found = list(entry_points(group=VAULTS))
    if len(found) != 1:
        names = ", ".join(sorted(point.value for point in found)) or "none"
        msg = f"expected one installed package that opens vaults, got {names}: glasslog[issuer] brings one"
        raise UncheckableError(msg)
    opener: Callable[[Path, bytes], OpenedVault] = found[0].load()
    return opener(folder, read_master_key(master_key_file))


def read_master_key(path: Path) -> bytes:
    """Return the 32 bytes of a key file that its owner alone can read: as they are, or as 64 hex digits.

    Raises UncheckableError.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_KEY_FILE_BYTES_MAX)
    except OSError as error:
        msg = f"cannot read the master key {path}: {error.strerror}"
        raise UncheckableError(msg) from error
    if mode & _OPEN_TO_OTHERS:
        msg = f"expected a master key that its owner alone can read, got mode {mode:04o}: run chmod 600 {path}"
        raise UncheckableError(msg)
    if len(data) == MASTER_KEY_BYTES:
        return data
    digits = data.strip()
    if not _HEX.fullmatch(digits):
        msg = f"expected a master key of 64 hex digits or {MASTER_KEY_BYTES} bytes in {path}, got something else"
        raise UncheckableError(msg)
    return bytes.fromhex(digits.decode())
