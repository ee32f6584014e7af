"""What can be wrong with a vault: a branch of the issuer's error tree.

    IssuerError
    └── VaultError
        ├── MasterKeyError          the master key is not to be had, or is not the vault's (a KeyFileError too)
        ├── VaultUnavailableError   not now: in use, not there, read-only, disk full
        ├── DamagedError            a row does not open with the keys that it should: it was changed or swapped
        ├── ConflictError           what is asked for contradicts what is kept under the same id
        ├── NotKeptError            the vault has nothing of this record, decision, subject or request
        └── ErasedError             the vault had it, and it was erased

No message holds content of a record, the name of a subject, or a key.
"""

from typing import ClassVar

from glasslog_issuer.errors import IssuerError, KeyFileError


class VaultError(IssuerError):
    """Be the root of what is wrong with a vault."""

    code: ClassVar[str] = "vault"


class MasterKeyError(VaultError, KeyFileError):
    """Report a master key that cannot be read, is open to others, or belongs to another vault."""

    code = "master_key"


class VaultUnavailableError(VaultError):
    """Report a vault that cannot be read or written now; nothing was changed by the call, unless it says so."""

    code = "vault_unavailable"


class DamagedError(VaultError):
    """Report a row that was changed outside this program: what it holds is not to be trusted."""

    code = "vault_damaged"


class ConflictError(VaultError):
    """Report two different things under one id: a record id, or the id of an erasure request."""

    code = "vault_conflict"


class NotKeptError(VaultError):
    """Report that there is nothing in the vault by this id or name."""

    code = "not_kept"


class ErasedError(VaultError):
    """Report content that was erased. `at` is when, in POSIX milliseconds; `request_id` by which request."""

    code = "erased"

    def __init__(self, message: str, *, at: int, request_id: str) -> None:
        """Keep what a report shows in place of the value."""
        super().__init__(message)
        self.at = at
        self.request_id = request_id
