"""The spool: where signed records are safe until the log has them.

Modules: `spool` (adding, keeping, handing out), `state` (what is known, as a value), `frames` (the bytes of a segment,
pure), `segments` (their files), `opening` (finding out where the stream stands), `progress` (what waits to be sent),
`refused` (what the log would not take), `receipts` (what it answered), `ownership` (one process at a time), `bounds`.
"""

from glasslog_issuer.spool.bounds import Bounds, Durability, OnFull
from glasslog_issuer.spool.opening import Overview, inspect_folder
from glasslog_issuer.spool.ownership import is_in_use
from glasslog_issuer.spool.receipts import ReceiptStore, StoredReceipt
from glasslog_issuer.spool.refused import RefusedRecord
from glasslog_issuer.spool.spool import Batch, Spool
from glasslog_issuer.spool.state import ControlState, Registration, SpoolState, Window

__all__ = [
    "Batch",
    "Bounds",
    "ControlState",
    "Durability",
    "OnFull",
    "Overview",
    "ReceiptStore",
    "RefusedRecord",
    "Registration",
    "Spool",
    "SpoolState",
    "StoredReceipt",
    "Window",
    "inspect_folder",
    "is_in_use",
]
