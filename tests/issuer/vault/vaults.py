"""A vendor with a vault: records about people, and the bytes of every file that the vault has."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from glasslog.statement import SignedStatement
from glasslog_issuer.record import Issuer, SignedRecord
from glasslog_issuer.recording import DirectRecording
from glasslog_issuer.vault import Vault
from tests.issuer.parties import inference, make_issuer, repeatable_bytes
from tests.verifier.evidence import TIME_MS

KEY = bytes(range(32))
CONTENT: Mapping[str, object] = {"input": "62 years, chest pain", "output": {"label": "urgent", "score": 0.93}}


class Vendor:
    """Signs records, keeps their content in a vault, and answers for erasures."""

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self.folder = folder
        self.random_bytes = repeatable_bytes("vendor")
        self.issuer: Issuer = make_issuer(random_bytes=repeatable_bytes("issuer" if create else "later"))
        self.recording = DirectRecording(self.issuer)
        self.times = itertools.count(TIME_MS + 1_000, 1_000)
        if create:
            Vault.create(folder, KEY, random_bytes=self.random_bytes)

    @contextmanager
    def open(self, key: bytes = KEY) -> Iterator[Vault]:
        with Vault.open(self.folder, key, now_ms=lambda: next(self.times), random_bytes=self.random_bytes) as vault:
            yield vault

    def sign(self, content: Mapping[str, object] | None = None, *, decision: str | None = None) -> SignedRecord:
        return self.issuer.sign(inference(), decision=decision, commit=CONTENT if content is None else content)

    def files(self) -> dict[str, bytes]:
        """Return the bytes of every file in the vault's folder, as they are on disk."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def holds(self, secret: bytes) -> list[str]:
        """Return the files that hold any 16 bytes of a secret, aligned to its start."""
        return [
            name
            for name, data in self.files().items()
            if any(secret[start : start + 16] in data for start in range(0, max(1, len(secret) - 15), 16))
        ]


def erase(vault: Vault, vendor: Vendor, subject: str, request_id: str = "dsr-17") -> tuple[SignedStatement, ...]:
    return vault.erase(subject, request_id=request_id, basis="gdpr-17-1-b", recording=vendor.recording)
