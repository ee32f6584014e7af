"""Put together evidence bundles: all that shows one entry of the log offline, in one file (`glasslog.bundle`).

A bundle carries the operator's entries that say who was entitled to sign: entry 0, every later log-policy, and the
registrations of the key in question. It has no disclosures: the log has none.
"""

from collections.abc import Sequence

from glasslog.bundle import AuthorityEntry, Bundle
from glasslog.limits import AUTHORITY_CHAIN_MAX
from glasslog.merkle import LeafIndex
from glasslog_server.errors import FaultError
from glasslog_server.operator_entries import OperatorEntry
from glasslog_server.reader import LogReader


async def make_bundle(reader: LogReader, operator_entries: Sequence[OperatorEntry], index: LeafIndex) -> bytes:
    """Return the bundle of entry `index` at the newest checkpoint. `operator_entries` are all that there are.

    Raises NotFoundError, ReceiptPendingError, StoreError; FaultError when the operator has changed the policy so often
    that no bundle can carry it.
    """
    statement = await reader.statement(index)
    receipt = await reader.receipt(index)
    chain = _chain(operator_entries, statement.kid, index)
    proof, *chain_proofs = await reader.tlog_proofs([index, *chain])
    entries = [
        AuthorityEntry((await reader.statement(place)).entry, place_proof.encode())
        for place, place_proof in zip(chain, chain_proofs, strict=True)
    ]
    return Bundle(statement.entry, proof.encode(), receipt, tuple(entries)).encode()


def _chain(operator_entries: Sequence[OperatorEntry], kid: bytes, index: LeafIndex) -> list[LeafIndex]:
    """Return which of the operator's entries a bundle carries; when there are too many, none that came later."""
    chain = [entry.index for entry in operator_entries if entry.kid in {None, kid}]
    if len(chain) > AUTHORITY_CHAIN_MAX:
        chain = [place for place in chain if place <= index]
    if len(chain) > AUTHORITY_CHAIN_MAX:
        msg = f"expected at most {AUTHORITY_CHAIN_MAX} entries in the authority chain of entry {index}, got more"
        raise FaultError(msg)
    return chain
