"""Bring the master key of a vault: from a file that nobody else can read, or from a command's output.

The master key opens the vault, so it must not lie where the vault lies: a backup of both is a backup of the content. A
key file is one line of 64 hex digits. A command (of a secret store, a hardware module's client) prints the same, or the
32 bytes themselves.
"""

import os
import re
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from glasslog_issuer import files
from glasslog_issuer.vault.errors import MasterKeyError

MASTER_KEY_BYTES: Final = 32
COMMAND_TIMEOUT_S: Final = 60.0
_FILE_BYTES_MAX: Final = 4_096
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_HEX: Final = re.compile(rb"[0-9a-fA-F]{64}")


def generate_master_key(random_bytes: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return a new master key, 32 bytes."""
    return random_bytes(MASTER_KEY_BYTES)


def decode_master_key(data: bytes) -> bytes:
    """Return the key that `data` is: its 32 bytes, or 64 hex digits with white space around. Raises MasterKeyError."""
    if len(data) == MASTER_KEY_BYTES:
        return data
    digits = data.strip()
    if not _HEX.fullmatch(digits):
        msg = (
            f"expected a master key of 64 hex digits or {MASTER_KEY_BYTES} bytes, got {len(data)} bytes of another form"
        )
        raise MasterKeyError(msg)
    return bytes.fromhex(digits.decode())


def write_master_key(path: Path, key: bytes) -> None:
    """Write a new key file of mode 0600; nothing is ever overwritten. Raises MasterKeyError."""
    try:
        files.create(path, key.hex().encode() + b"\n", files.PRIVATE_MODE)
    except FileExistsError as error:
        msg = f"{path}: expected no file there yet: a master key that is overwritten takes all content with it"
        raise MasterKeyError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot write the master key: {error.strerror}"
        raise MasterKeyError(msg) from error


def load_master_key(path: Path) -> bytes:
    """Return the key of a file that its owner alone can read. Raises MasterKeyError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        msg = f"{path}: cannot read the master key: {error.strerror}"
        raise MasterKeyError(msg) from error
    if mode & _OPEN_TO_OTHERS:
        msg = f"{path}: expected a key that its owner alone can read, got mode {mode:04o}: run chmod 600 {path}"
        raise MasterKeyError(msg)
    try:
        return decode_master_key(data)
    except MasterKeyError as error:
        msg = f"{path}: {error}"
        raise MasterKeyError(msg) from error


def run_master_key_command(command: str, timeout_s: float = COMMAND_TIMEOUT_S) -> bytes:
    """Return the key that a command prints. It is run without a shell. Raises MasterKeyError."""
    try:
        arguments = shlex.split(command)
        done = subprocess.run(arguments, capture_output=True, check=False, timeout=timeout_s)
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
        msg = f"expected a command that prints the master key, got {type(error).__name__} when it was run"
        raise MasterKeyError(msg) from error
    if done.returncode != 0:
        msg = f"expected a command that prints the master key, got exit code {done.returncode}"
        raise MasterKeyError(msg)
    return decode_master_key(done.stdout)
