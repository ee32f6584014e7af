"""An honest log on a real server, with enough in it to lie about: full tiles, partial ones, and its key."""

from dataclasses import dataclass
from pathlib import Path

import urllib3

from glasslog import pem
from glasslog.checkpoint import Checkpoint, open_checkpoint
from glasslog.keys import SigningKey
from glasslog.tiles import BundleId, bundle_path, bundle_width, decode_bundle
from glasslog.vkey import VerifierKey, decode_vkey
from tests.evil.forged import ForgedLog


@dataclass(frozen=True)
class Honest:
    """A log that is being served, and the folder with its key: what a log that turns evil has in its hands."""

    url: str
    folder: Path

    @property
    def vkey_option(self) -> str:
        return f"@{self.folder / 'log.vkey'}"

    @property
    def vkey(self) -> VerifierKey:
        return decode_vkey((self.folder / "log.vkey").read_text().strip())

    @property
    def key(self) -> SigningKey:
        return pem.decode_private_key((self.folder / "log.key").read_bytes())

    def get(self, path: str) -> bytes:
        answer = urllib3.request("GET", f"{self.url}/{path}", retries=False, timeout=30)
        assert answer.status == 200, (path, answer.status)
        return answer.data

    def checkpoint(self) -> Checkpoint:
        return open_checkpoint(self.get("checkpoint"), [self.vkey]).checkpoint

    def entries(self) -> list[bytes]:
        """Return every entry of the log."""
        size, entries = self.checkpoint().size, []
        for number in range((size + 255) // 256):
            width = bundle_width(BundleId(number), size)
            entries += decode_bundle(self.get(bundle_path(BundleId(number), width)), width)
        return entries

    def forged(self, entries: list[bytes], time: int = 1_800_000_000) -> ForgedLog:
        """Return a log of other entries under the same name, signed with the same key."""
        return ForgedLog(self.vkey.name, self.key, entries, [(len(entries), time)])
