"""Hold the log's private keys: in files that only their owner can read, or behind a command that signs.

A key file is what `openssl genpkey -algorithm ed25519` writes. A command gets the message on its standard input and
writes the 64-byte signature to its standard output: that is how a key stays in a hardware module, an agent or another
machine. What a command returns is verified before anybody sees it: a signature that does not verify, once published,
would be worse than none.
"""

import os
import signal
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from glasslog.errors import MalformedError, SignatureError
from glasslog.keys import SIGNATURE_BYTES, PublicKey, SigningKey
from glasslog.pem import decode_private_key, decode_public_key, encode_private_key
from glasslog_server.errors import KeyFileError, SigningError
from glasslog_server.storage.disk import sync_folder

KEY_FILE_MODE: Final = 0o600
KEY_FILE_BYTES_MAX: Final = 16_384  # a PEM file of ours has some 120 bytes, one with a large RSA key for TLS 7,000

_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_COMPLAINT_CHARACTERS_MAX: Final = 200  # of what a failing command says


def write_private_key(path: Path, key: SigningKey) -> None:
    """Write a new key file of mode 0600, on disk when this returns. Raises KeyFileError; never overwrites."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEY_FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encode_private_key(key))
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except FileExistsError as error:
        msg = f"{path}: expected no file there yet: a key is never overwritten"
        raise KeyFileError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot write the key: {error.strerror}"
        raise KeyFileError(msg) from error


def read_private_key(path: Path) -> SigningKey:
    """Return the key of a PKCS#8 PEM file that nobody but its owner can read or write. Raises KeyFileError."""
    try:
        return decode_private_key(_read(path, private=True))
    except MalformedError as error:
        msg = f"{path}: {error}"
        raise KeyFileError(msg) from error


def read_public_key(path: Path) -> PublicKey:
    """Return the key of a public key PEM file. Raises KeyFileError."""
    try:
        return decode_public_key(_read(path, private=False))
    except MalformedError as error:
        msg = f"{path}: {error}"
        raise KeyFileError(msg) from error


def check_private(path: Path) -> None:
    """Raise KeyFileError unless a file is there and nobody but its owner can read or write it."""
    _read(path, private=True)


def _read(path: Path, *, private: bool) -> bytes:
    """Return the content of a key file, after a look at the mode of that very file, not of its name."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(KEY_FILE_BYTES_MAX + 1) if stat.S_ISREG(found.st_mode) else b""
    except OSError as error:
        msg = f"{path}: cannot read the key: {error.strerror}"
        raise KeyFileError(msg) from error
    if not stat.S_ISREG(found.st_mode) or len(data) > KEY_FILE_BYTES_MAX:
        msg = f"{path}: expected a key file of at most {KEY_FILE_BYTES_MAX} bytes, got something else"
        raise KeyFileError(msg)
    mode = stat.S_IMODE(found.st_mode)
    if private and mode & _OPEN_TO_OTHERS:
        msg = f"{path}: expected a private key that its owner alone can read, got mode {mode:04o}: run chmod 600 {path}"
        raise KeyFileError(msg)
    return data


class CommandSigner:
    """Sign through a command that holds the key. Implements `glasslog.keys.Signer`.

    The command is started for each signature, without a shell, and in a session of its own, so that a Ctrl-C at the
    terminal does not reach it in the middle of a round. `sign` blocks until it ends.
    """

    def __init__(self, command: Sequence[str], public_key: PublicKey, timeout_s: float) -> None:
        """Take the program with its arguments, the key that its signatures verify with, and its time for one."""
        self._command = tuple(command)
        self._public_key = public_key
        self._timeout_s = timeout_s

    @property
    def public_key(self) -> PublicKey:
        """Return the public half, as it was configured."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature that the command made, verified. Raises SigningError."""
        signature = self._run(message)
        if len(signature) != SIGNATURE_BYTES:
            msg = f"{self}: expected {SIGNATURE_BYTES} bytes on its standard output, got {len(signature)}"
            raise SigningError(msg)
        try:
            self._public_key.verify(signature, message)
        except SignatureError as error:
            msg = f"{self}: {error}"
            raise SigningError(msg) from error
        return signature

    def __str__(self) -> str:
        """Name the signer by its program; arguments may be secret."""
        return f"signing command {self._command[0]}"

    def _run(self, message: bytes) -> bytes:
        pipe = subprocess.PIPE
        try:
            process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        except OSError as error:
            msg = f"{self}: cannot start it: {error.strerror}"
            raise SigningError(msg) from error
        with process:
            try:
                output, complaint = process.communicate(message, self._timeout_s)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, signal.SIGKILL)  # all it has started; nobody waited yet, so the id is its own
                msg = f"{self}: expected a signature within {self._timeout_s:g} s, got none"
                raise SigningError(msg) from error
        if process.returncode != 0:
            said = complaint.decode("utf-8", "replace").strip()[-_COMPLAINT_CHARACTERS_MAX:]
            msg = f"{self}: expected exit code 0, got {process.returncode}: {said!r}"
            raise SigningError(msg)
        return output
