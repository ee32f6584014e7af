"""Find the operator's entries in a log, in order, and follow the authority that they establish.

Only an entry signed with the operator's key can change who may sign, and it names that key by its kid: 32 bytes that
stand in the entry as they are. So whole bundles are searched for the kid, which costs a fraction of a microsecond an
entry, and only what is found is decoded and judged: by `judge`, as the workers do it, with the same outcome.
"""

from collections.abc import Callable, Iterable, Sequence

from glasslog.authority import Authority
from glasslog.errors import AuthorityError, MalformedError, MismatchError
from glasslog.keys import PublicKey
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import LeafIndex, hash_leaf
from glasslog.mirror.judgement import judge
from glasslog.sources.source import LogSource, read_bundle
from glasslog.subtrees import VerifiedTiles
from glasslog.tiles import BundleId, TileId, bundle_width, decode_bundle

TimeOf = Callable[[int], int]
"""The log's time, in POSIX seconds, of the first head that covers an index."""


class OperatorEntries:
    """The authority after the entries that were looked at so far, and which of them made it."""

    def __init__(self, local: LogSource, tiles: VerifiedTiles, origin: str) -> None:
        """Begin before entry 0."""
        self._local = local
        self._tiles = tiles
        self._origin = origin
        self.authority: Authority | None = None
        self.found: list[tuple[int, int]] = []
        """The index of each entry that changed the authority, and the log's time at which it was judged."""
        self._log_keys: dict[PublicKey, None] = {}

    @property
    def log_keys(self) -> tuple[PublicKey, ...]:
        """Return every key that a policy so far names as the log's."""
        return tuple(self._log_keys)

    def recall(self, found: Iterable[tuple[int, int]]) -> None:
        """Follow what an earlier audit found. Raises AuthorityError when an entry is not what it was."""
        for index, time_s in found:
            entry = self._entries(BundleId(index // TILE_WIDTH))[index % TILE_WIDTH]
            if entry is not None:
                self._follow(entry, index, time_s)
            if self.found[-1:] != [(index, time_s)]:
                msg = f"expected entry {index} to be the operator's, as it was at the last audit"
                raise AuthorityError(msg)

    def look(self, start: int, end: int, time_of: TimeOf) -> None:
        """Look for the operator's entries among [start, end), all in one bundle.

        Raises AuthorityError when entry 0 does not establish a policy, MismatchError when it is that of another log.
        """
        bundle = BundleId(start // TILE_WIDTH)
        if start == 0:
            self._begin(self._entries(bundle)[0], time_of(0))
        data = read_bundle(self._local, bundle, bundle_width(bundle, self._tiles.size))
        if self._kid() not in data:
            return
        entries = self._entries(bundle)
        for index in range(max(start, 1), end):
            entry = entries[index % TILE_WIDTH]
            if entry is not None and self._kid() in entry:
                self._follow(entry, index, time_of(index))

    def _begin(self, entry: bytes | None, time_s: int) -> None:
        if entry is None:
            msg = "expected the log's policy as entry 0, got an entry that is not in the signed tree"
            raise AuthorityError(msg)
        judged, _ = judge(entry, LeafIndex(0), None, time_s)
        if judged.error is not None:
            raise judged.error
        self._follow(entry, 0, time_s)
        if self.authority is not None and self.authority.policy.origin != self._origin:
            msg = f"expected the policy of the log {self._origin}, got that of {self.authority.policy.origin}"
            raise MismatchError(msg)

    def _kid(self) -> bytes:
        if self.authority is None:
            msg = "expected entry 0, which establishes the log's policy, to be looked at first"
            raise AuthorityError(msg)
        return self.authority.policy.operator_key.kid

    def _follow(self, entry: bytes, index: int, time_s: int) -> None:
        _, after = judge(entry, LeafIndex(index), self.authority, time_s)
        if after is not self.authority and after is not None:
            self.authority = after
            self.found.append((index, time_s))
            self._log_keys.update(dict.fromkeys(after.policy.log_keys))

    def _entries(self, bundle: BundleId) -> Sequence[bytes | None]:
        """Return the entries of a bundle, each held against the signed tree: None for those that are not in it."""
        width = bundle_width(bundle, self._tiles.size)
        hashes = self._tiles.hashes(TileId(0, bundle.index))
        try:
            entries = decode_bundle(read_bundle(self._local, bundle, width), width)
        except MalformedError:
            return [None] * width  # the replay says what is wrong
        return [
            entry if hash_leaf(entry) == expected else None for entry, expected in zip(entries, hashes, strict=True)
        ]
