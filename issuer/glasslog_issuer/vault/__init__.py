"""Keep what opens the commitments of records: encrypted by data subject, given out by name, erased for good.

The log holds digests; the disclosures that open them are content, and are the vendor's to keep. `Vault` is where:

- `vault` is the vault itself, and says which module beside it does what
- `sealing` holds the hierarchy of keys, `database` how bytes are made to go
- `master_key` reads the one key that is kept outside
- `opening` lets `glasslog reconstruct --vault` read a vault, by the entry point group `glasslog.vaults`
"""

from glasslog_issuer.vault.errors import (
    ConflictError,
    DamagedError,
    ErasedError,
    MasterKeyError,
    NotKeptError,
    VaultError,
    VaultUnavailableError,
)
from glasslog_issuer.vault.master_key import (
    generate_master_key,
    load_master_key,
    run_master_key_command,
    write_master_key,
)
from glasslog_issuer.vault.overview import ErasureStatus, Kept, StoreState, Totals
from glasslog_issuer.vault.vault import Vault

__all__ = [
    "ConflictError",
    "DamagedError",
    "ErasedError",
    "ErasureStatus",
    "Kept",
    "MasterKeyError",
    "NotKeptError",
    "StoreState",
    "Totals",
    "Vault",
    "VaultError",
    "VaultUnavailableError",
    "generate_master_key",
    "load_master_key",
    "run_master_key_command",
    "write_master_key",
]
