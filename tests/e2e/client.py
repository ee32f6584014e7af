"""A small client for tests: what came back, and no retries, so that a test sees what really happened."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cbor2
import urllib3

from glasslog.checkpoint import Checkpoint, open_checkpoint
from glasslog.merkle import Hash, LeafIndex, TreeSize, verify_consistency
from glasslog.receipt import InclusionProof, decode_receipt
from glasslog.statement import SignedStatement
from glasslog.tiles import TileId, decode_tile, tile_path, tile_width
from glasslog.vkey import VerifierKey

OK = {200, 201}
COSE = {"Content-Type": "application/cose"}
CBOR_SEQUENCE = {"Content-Type": "application/cbor-seq"}
TIMEOUT_S = 30.0


class NoAnswerError(Exception):
    """The connection ended, or never was, before an answer was whole: the outcome is unknown."""


class RefusedError(Exception):
    """The log answered that it does not take this now, or never."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    @property
    def problem(self) -> str | None:
        return self.headers.get("Glasslog-Problem")


class Client:
    """The way of one thread to a log."""

    def __init__(self, url: str, vkey: VerifierKey, *, certificate: Path | None = None) -> None:
        self.url = url
        self.vkey = vkey
        certificates: dict[str, Any] = {"ca_certs": str(certificate), "assert_hostname": False} if certificate else {}
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_S, **certificates)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            answer = self._pool.request(method, self.url + path, body=body, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(str(error)) from error
        return Answer(answer.status, answer.headers, answer.data)

    def get(self, path: str) -> bytes:
        answer = self.request("GET", path)
        assert answer.status == 200, (path, answer)
        return answer.body

    def post(self, statement: SignedStatement) -> LeafIndex:
        """Register one statement; the receipt is verified."""
        return self.post_for_head(statement)[0]

    def post_for_head(self, statement: SignedStatement) -> tuple[LeafIndex, Checkpoint]:
        """Do the same, and return the tree head that the receipt is signed at too."""
        answer = self.request("POST", "/entries", statement.entry, COSE)
        if answer.status not in OK:
            raise RefusedError(answer)
        receipt = decode_receipt(answer.body)
        root = receipt.verify_inclusion(statement.leaf_hash, self.vkey.public_key)
        assert isinstance(receipt.proof, InclusionProof)
        return receipt.proof.index, Checkpoint(self.vkey.name, receipt.proof.size, root)

    def post_all(self, statements: Sequence[SignedStatement]) -> tuple[list[LeafIndex], bytes]:
        """Register a batch; return the indexes and the checkpoint note that came with them."""
        body = b"".join(statement.entry for statement in statements)
        answer = self.request("POST", "/entries", body, CBOR_SEQUENCE)
        if answer.status not in OK:
            raise RefusedError(answer)
        told = cbor2.loads(answer.body)
        assert [outcome["entry_id"] for outcome in told["outcomes"]] == [s.leaf_hash for s in statements]
        return [LeafIndex(outcome["index"]) for outcome in told["outcomes"]], told["checkpoint"]

    def checkpoint(self) -> Checkpoint:
        return self.verified(self.get("/checkpoint"))

    def verified(self, note: bytes) -> Checkpoint:
        return open_checkpoint(note, [self.vkey]).checkpoint

    def check_consistent(self, older: Checkpoint, newer: Checkpoint) -> None:
        """Check, by a proof that the log gives, that one checkpoint continues another."""
        document = self.json(f"/proofs/consistency/{older.size}/{newer.size}")
        path = [Hash(base64.b64decode(element)) for element in document["path"]]
        verify_consistency(older.size, newer.size, older.root, newer.root, path)

    def leaves(self, size: TreeSize, start: int = 0) -> list[Hash]:
        """Return the leaf hashes of the log from a multiple of 256 on, from its tiles."""
        hashes: list[Hash] = []
        for index in range(start // 256, (size + 255) // 256):
            width = tile_width(TileId(0, index), size)
            hashes += decode_tile(self.get("/" + tile_path(TileId(0, index), width)), width)
        return hashes

    def json(self, path: str) -> dict[str, Any]:
        answer = self.request("GET", path, headers={"Accept": "application/json"})
        assert answer.status == 200, (path, answer)
        return cast("dict[str, Any]", json.loads(answer.body))
