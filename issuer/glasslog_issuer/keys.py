"""Keep the issuer's private key in a file that nobody but its owner can read.

A key file is PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` writes it; the public half beside it is what the log's
operator registers. A key that lives elsewhere (an agent, a hardware module) needs none of this: whatever implements
`glasslog.keys.Signer` signs records.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from glasslog.errors import MalformedError
from glasslog.keys import SEED_BYTES, PublicKey, SigningKey
from glasslog.pem import decode_private_key, decode_public_key, encode_private_key, encode_public_key
from glasslog_issuer import files
from glasslog_issuer.errors import KeyFileError

KEY_FILE_BYTES_MAX: Final = 4_096  # a PEM file of one key has some 120 bytes
_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_Key = TypeVar("_Key")


def generate_key(random_bytes: Callable[[int], bytes] = os.urandom) -> SigningKey:
    """Return a new Ed25519 key."""
    return SigningKey(random_bytes(SEED_BYTES))


def public_key_path(path: Path) -> Path:
    """Return where the public half of a key file belongs: `issuer.pem` -> `issuer.pub.pem`."""
    return path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")


def write_key(path: Path, key: SigningKey, *, replace: bool = False) -> Path:
    """Write a key file of mode 0600 and the public half beside it; return the public one's path.

    Nothing is overwritten unless `replace` is set: then the old key is gone for good. The private key is written first,
    so there is never a public key to register that nobody can sign with. Raises KeyFileError.
    """
    public_path = public_key_path(path)
    write = files.replace if replace else files.create
    try:
        if not replace:
            _check_absent(public_path)
        write(path, encode_private_key(key), files.PRIVATE_MODE)
        write(public_path, encode_public_key(key.public_key), files.PUBLIC_MODE)
    except FileExistsError as error:
        msg = f"{path}: expected neither it nor {public_path.name} there yet: a key is not overwritten by accident"
        raise KeyFileError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot write the key and its public half: {error.strerror}"
        raise KeyFileError(msg) from error
    return public_path


def load_key(path: Path | str) -> SigningKey:
    """Return the key of a file that nobody but its owner can read or write. Raises KeyFileError."""
    return _decode(Path(path), decode_private_key, private=True)


def load_public_key(path: Path | str) -> PublicKey:
    """Return the key of a public key PEM file. Raises KeyFileError."""
    return _decode(Path(path), decode_public_key, private=False)


def _decode(path: Path, decode: Callable[[bytes], _Key], *, private: bool) -> _Key:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())  # of the very file that is read: a name can change its file in between
            data = file.read(KEY_FILE_BYTES_MAX)
        mode = stat.S_IMODE(found.st_mode)
        if private and mode & _OPEN_TO_OTHERS:
            msg = f"{path}: expected a key that its owner alone can read, got mode {mode:04o}: run chmod 600 {path}"
            raise KeyFileError(msg)
        return decode(data)
    except OSError as error:
        msg = f"{path}: cannot read the key: {error.strerror}"
        raise KeyFileError(msg) from error
    except MalformedError as error:
        msg = f"{path}: {error}"
        raise KeyFileError(msg) from error


def _check_absent(path: Path) -> None:
    if path.exists():
        raise FileExistsError(path)
