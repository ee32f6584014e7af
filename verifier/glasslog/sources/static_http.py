"""Read a whole log from its server: the static read API (C2SP tlog-tiles), and the kept heads of a Glasslog.

Nothing is trusted here and nothing is verified. The server is asked for a few things at a time, from one thread each.
"""

from collections.abc import Iterator
from typing import Final

from glasslog.errors import UncheckableError
from glasslog.heads import HEADS_MEDIA_TYPE, KeptHead, decode_heads
from glasslog.limits import ENTRY_BUNDLE_BYTES_MAX, HEAD_BYTES_MAX, HEADS_PAGE_MAX, NOTE_BYTES_MAX, TILE_WIDTH
from glasslog.merkle import HASH_SIZE, TreeSize
from glasslog.sources.fetching import Fetcher, Patience
from glasslog.sources.source import CHECKPOINT, HEADS
from glasslog.tiles import BundleId, TileId, bundle_path, tile_path

CONNECTIONS: Final = 4
"""How much of a log's server one audit takes at a time."""
PATIENCE: Final = Patience(tries=10)
"""A mirror of millions of entries is asked to slow down now and then, and has time."""


class HttpLogSource:
    """A log's server, as a source of all of it. For use by CONNECTIONS threads at once."""

    def __init__(self, url: str, *, token: str | None = None, patience: Patience = PATIENCE) -> None:
        """Take the log's base URL and a bearer token for its entries. Raises UncheckableError as `Fetcher` does."""
        self._fetcher = Fetcher(url, token=token, patience=patience, connections=CONNECTIONS)

    @property
    def name(self) -> str:
        """Return the URL."""
        return self._fetcher.base

    @property
    def readers(self) -> int:
        """Return how many requests may run at once."""
        return CONNECTIONS

    def checkpoint(self) -> bytes:
        """Return the newest signed note."""
        return self._fetcher.get(CHECKPOINT, None, NOTE_BYTES_MAX)

    def tile(self, tile: TileId, width: int) -> bytes:
        """Return the hash tile of exactly this name."""
        return self._fetcher.get(tile_path(tile, width), None, TILE_WIDTH * HASH_SIZE)

    def bundle(self, bundle: BundleId, width: int) -> bytes:
        """Return the entry bundle of exactly this name."""
        return self._fetcher.get(bundle_path(bundle, width), None, ENTRY_BUNDLE_BYTES_MAX)

    def heads(self, start: TreeSize) -> Iterator[KeptHead]:
        """Yield the kept heads of size `start` and above, page by page."""
        while True:
            path = f"{HEADS}?start={start}&limit={HEADS_PAGE_MAX}"
            page = decode_heads(self._fetcher.get(path, HEADS_MEDIA_TYPE, HEADS_PAGE_MAX * HEAD_BYTES_MAX))
            if page and (page[0].size < start or len(page) > HEADS_PAGE_MAX):
                msg = f"expected at most {HEADS_PAGE_MAX} heads of size {start} and above, got others"
                raise UncheckableError(msg)
            yield from page
            if len(page) < HEADS_PAGE_MAX:
                return
            start = TreeSize(page[-1].size + 1)

    def seen(self) -> Iterator[bytes]:
        """Yield nothing: what others saw is not for the log to say."""
        return iter(())

    def close(self) -> None:
        """Close the connections."""
        self._fetcher.close()
