"""Sign tree heads: the checkpoint note and the COSE signature that all receipts at that size share.

Everything that is signed is verified before it leaves this module: a signature that was computed wrong must never be
stored, and for Ed25519 it could give the key away.
"""

import asyncio
from collections.abc import Sequence

from glasslog.authority import operator_issuer
from glasslog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from glasslog.errors import GlasslogError
from glasslog.keys import PublicKey, Signer, SigningKey
from glasslog.merkle import Hash, TreeSize
from glasslog.receipt import encode_receipt_header, signed_root_bytes
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_server.errors import SigningError
from glasslog_server.storage.store import TreeHead


class HeadSigner:
    """Sign the tree heads of one log. The first signer's key is the one that receipts name."""

    def __init__(self, origin: str, signers: Sequence[Signer]) -> None:
        """Take the log's signers: one, or several while keys are rotated."""
        if not signers:
            msg = "expected at least one key to sign tree heads, got none"
            raise ValueError(msg)
        self.origin = origin
        self._signers = tuple(signers)
        self._verifier_keys = tuple(VerifierKey(origin, TYPE_ED25519, signer.public_key) for signer in signers)
        self._last_header = 0, b""  # of receipts: the same for all tree heads of one second
        self._in_memory = all(isinstance(signer, SigningKey) for signer in signers)

    @property
    def public_keys(self) -> tuple[PublicKey, ...]:
        """Return the keys that tree heads are signed with."""
        return tuple(signer.public_key for signer in self._signers)

    @property
    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Return the vkeys of the log, in the order of the signature lines."""
        return self._verifier_keys

    async def sign(self, size: TreeSize, root: Hash, time: int) -> TreeHead:
        """Return the signed head of a tree; `time` is in POSIX seconds. Raises SigningError.

        The caller sees to it that no other root was ever signed at this size, and no larger tree before.
        """
        if self._in_memory:
            return self._sign(size, root, time)
        return await asyncio.to_thread(self._sign, size, root, time)  # a command or an agent may take its time

    def _sign(self, size: TreeSize, root: Hash, time: int) -> TreeHead:
        signer = self._signers[0]
        protected = self._receipt_header(time)
        message = signed_root_bytes(protected, root)
        note = sign_checkpoint(Checkpoint(self.origin, size, root), self._signers)
        signature = signer.sign(message)
        try:
            open_checkpoint(note, self.verifier_keys)
            signer.public_key.verify(signature, message)
        except GlasslogError as error:
            msg = f"expected the log's own signature to verify at size {size}: {error}"
            raise SigningError(msg) from error
        return TreeHead(size, root, time, note, protected, signature)

    def _receipt_header(self, time: int) -> bytes:
        last_time, header = self._last_header
        if last_time != time:
            issuer = operator_issuer(self.origin)
            key = self._signers[0].public_key
            header = encode_receipt_header(key, issuer=issuer, subject=issuer, time=time)
            self._last_header = time, header
        return header
