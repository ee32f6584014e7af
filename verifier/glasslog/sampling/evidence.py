"""Make evidence bundles from the mirror of an audit: for single entries, offline, as the log itself would.

A bundle holds the entry, its tlog-proof at the mirrored checkpoint, the COSE receipt at the first tree head that covers
it (RFC 9942; whose time is the one by which its signer's key is judged), and the operator's entries that say who may
sign. Every hash is from tiles that were held against the signed root; every bundle is verified before it is given out.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from glasslog.bundle import AuthorityEntry, Bundle
from glasslog.errors import ProofError, UncheckableError, VerificationError
from glasslog.heads import KeptHead
from glasslog.keys import PublicKey
from glasslog.limits import AUTHORITY_CHAIN_MAX, TILE_WIDTH
from glasslog.merkle import LeafIndex, TreeSize, hash_leaf
from glasslog.receipt import InclusionProof, encode_receipt
from glasslog.records import decode_record
from glasslog.sources.source import LogSource, read_bundle
from glasslog.statement import decode_statement
from glasslog.subtrees import VerifiedTiles
from glasslog.tiles import BundleId, bundle_width, decode_bundle
from glasslog.tlog_proof import TlogProof
from glasslog.verify import Status, Trust, Verdict, verify
from glasslog.vkey import VerifierKey

_RECEIPT_SIZE_MIN = 2  # a tree of one entry has no path, and so no receipt


class EvidenceMaker:
    """Make bundles from one mirrored tree. `note` is its signed checkpoint, `log_keys` those that it is verified by."""

    def __init__(self, local: LogSource, note: bytes, tiles: VerifiedTiles, log_keys: Sequence[VerifierKey]) -> None:
        """Read nothing yet."""
        self._local = local
        self._note = note
        self._tiles = tiles
        self._trust = Trust(tuple(log_keys))
        self._operator: list[tuple[LeafIndex, bytes | None]] = []
        self._entries_of = lru_cache(maxsize=2)(self._read_entries)
        self._authority_entry = lru_cache(maxsize=AUTHORITY_CHAIN_MAX * 16)(self._make_authority_entry)

    def learn_authority(self, indexes: Iterable[int]) -> None:
        """Read the operator's entries, ascending: whose key each registers. A policy is part of every chain.

        Raises UncheckableError, MalformedError, ProofError.
        """
        for index in indexes:
            record = decode_record(decode_statement(self.entry(LeafIndex(index))).payload)
            kid = None if record.type == "log-policy" else PublicKey(record.body["key"]).kid
            self._operator.append((LeafIndex(index), kid))

    def entry(self, index: LeafIndex) -> bytes:
        """Return an entry of the signed tree. Raises UncheckableError, MalformedError, ProofError."""
        entries = self._entries_of(BundleId(index // TILE_WIDTH))
        entry, expected = entries[index % TILE_WIDTH], self._tiles.node(0, index)
        if hash_leaf(entry) != expected:
            msg = f"expected entry {index} with the leaf hash {expected.hex()}, got {hash_leaf(entry).hex()}"
            raise ProofError(msg)
        return entry

    def bundles(self, indexes: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """Yield each index, ascending as they must be given, and its verified bundle.

        Raises UncheckableError, MalformedError, ProofError; VerificationError for a bundle that does not verify.
        """
        heads: Iterator[KeptHead] = iter(())
        head: KeptHead | None = None
        for index in indexes:
            needed = max(index + 1, _RECEIPT_SIZE_MIN)
            if head is None:
                heads = self._local.heads(TreeSize(needed))
            while head is None or head.size < needed:
                head = next(heads, None)
                if head is None or head.size > self._tiles.size:
                    msg = f"expected a kept tree head that covers entry {index}, got none: it has no receipt"
                    raise UncheckableError(msg)
            yield index, self._verified(LeafIndex(index), head)

    def _verified(self, index: LeafIndex, head: KeptHead) -> bytes:
        data = self._bundle(index, head).encode()
        report = verify(data, self._trust)
        if report.verdict is not Verdict.VERIFIED:
            [wrong, *_] = [step for step in report.steps if step.status not in {Status.PASSED, Status.SKIPPED}]
            msg = f"entry {index}, {wrong.check.title}: {wrong.expected or wrong.reason}, got {wrong.found}"
            raise VerificationError(msg) if report.verdict is Verdict.FAILED else UncheckableError(msg)
        return data

    def _bundle(self, index: LeafIndex, head: KeptHead) -> Bundle:
        entry = self.entry(index)
        path = self._tiles.inclusion_path(index, head.size)
        receipt = encode_receipt(head.protected, InclusionProof(head.size, index, path), head.signature)
        chain = tuple(self._authority_entry(place) for place in self._chain(decode_statement(entry).kid, index))
        return Bundle(entry, self._proof(index), receipt, chain)

    def _chain(self, kid: bytes, index: LeafIndex) -> list[LeafIndex]:
        """Return which of the operator's entries a bundle carries; when there are too many, none that came later."""
        chain = [place for place, about in self._operator if about in {None, kid}]
        if len(chain) > AUTHORITY_CHAIN_MAX:
            chain = [place for place in chain if place <= index]
        if len(chain) > AUTHORITY_CHAIN_MAX:
            msg = f"expected at most {AUTHORITY_CHAIN_MAX} entries in the authority chain of entry {index}, got more"
            raise UncheckableError(msg)
        return chain

    def _proof(self, index: LeafIndex) -> bytes:
        return TlogProof(index, self._tiles.inclusion_path(index, self._tiles.size), self._note).encode()

    def _make_authority_entry(self, index: LeafIndex) -> AuthorityEntry:
        return AuthorityEntry(self.entry(index), self._proof(index))

    def _read_entries(self, bundle: BundleId) -> Sequence[bytes]:
        width = bundle_width(bundle, self._tiles.size)
        return decode_bundle(read_bundle(self._local, bundle, width), width)
