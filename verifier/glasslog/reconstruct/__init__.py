"""Reconstruct one decision from a log: every linked record, each verified, what is proven and what is missing.

- `reading` and `opening` are what is read through: a log, a vault
- `references` and `selection` say which records belong to a decision, `gathering` brings their bundles
- `reconstruction` verifies and opens them; `trees` checks that all tree heads are of one tree
- `evidence` is what comes out, `account` what its verified records say, `proof` what is proven and what cannot be
"""

from glasslog.reconstruct.account import Account
from glasslog.reconstruct.evidence import Gap, GapKind, Opening, OpeningState, Piece, Reconstruction
from glasslog.reconstruct.gathering import Bounds
from glasslog.reconstruct.opening import Disclosed, EmptyVault, OpenedVault
from glasslog.reconstruct.reading import DecisionLog, Listing
from glasslog.reconstruct.reconstruction import Holdings, Request, reconstruct

__all__ = [
    "Account",
    "Bounds",
    "DecisionLog",
    "Disclosed",
    "EmptyVault",
    "Gap",
    "GapKind",
    "Holdings",
    "Listing",
    "OpenedVault",
    "Opening",
    "OpeningState",
    "Piece",
    "Reconstruction",
    "Request",
    "reconstruct",
]
