"""Let `glasslog reconstruct --vault` read a vault: the entry point of the group `glasslog.vaults`.

The verifier knows no vault, only this shape. The vault is opened to read: a service that has it open goes on writing.
"""

from pathlib import Path
from typing import Self

from glasslog.errors import UncheckableError
from glasslog.reconstruct.opening import Disclosed
from glasslog_issuer.vault.errors import ErasedError, NotKeptError, VaultError
from glasslog_issuer.vault.master_key import decode_master_key
from glasslog_issuer.vault.vault import Vault


class VaultReader:
    """A vault as `glasslog.reconstruct.opening.OpenedVault` has it."""

    def __init__(self, vault: Vault) -> None:
        """Take an open vault, which is closed with the reader."""
        self._vault = vault

    def disclosures(self, record_id: bytes) -> Disclosed:
        """Return what there is of a record, or when it was erased; nothing of one that is not known here.

        Raises UncheckableError.
        """
        try:
            return Disclosed(self._vault.disclosures(record_id))
        except ErasedError as error:
            return Disclosed((), error.at)
        except NotKeptError:
            return Disclosed(())
        except VaultError as error:
            raise UncheckableError(str(error)) from error

    def close(self) -> None:
        """Close the vault."""
        self._vault.close()

    def __enter__(self) -> Self:
        """Return the reader, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def open_vault(path: Path, master_key: bytes) -> VaultReader:
    """Open a vault to read. `master_key` is the key, or what its file holds. Raises UncheckableError."""
    try:
        return VaultReader(Vault.open(path, decode_master_key(master_key), read_only=True))
    except VaultError as error:
        raise UncheckableError(str(error)) from error
