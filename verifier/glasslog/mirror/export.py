"""Write the archive of a log: one ZIP file in the layout of the static read API, for an auditor to keep for years.

Members are stored without compression and carry no times of their making, so that one log at one checkpoint, with the
same checkpoints seen, is one archive, byte for byte. Every tile and bundle is held against the signed root as it is
written: an archive that was finished is right.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from glasslog import __version__
from glasslog.checkpoint import Checkpoint
from glasslog.counting import counted
from glasslog.errors import ProofError, UncheckableError
from glasslog.heads import encode_heads
from glasslog.limits import TILE_WIDTH
from glasslog.merkle import TreeSize, hash_leaf
from glasslog.mirror.progress import Progress
from glasslog.note import decode_note
from glasslog.sources.source import CHECKPOINT, CHECKPOINTS, HEADS, LogSource, read_bundle, read_tile
from glasslog.subtrees import VerifiedTiles
from glasslog.tiles import (
    TILE_HEIGHT,
    BundleId,
    TileId,
    bundle_path,
    bundle_width,
    decode_bundle,
    encode_tile,
    tile_path,
    tile_width,
)

README: Final = "README.txt"
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)  # what a ZIP file can say: the time of making is not told
_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_HEADS_AT_ONCE: Final = 1_000


def write_archive(
    path: Path, local: LogSource, signed: tuple[bytes, Checkpoint], seen: Iterable[bytes], progress: Progress
) -> None:
    """Write the archive of a tree, all or nothing: `signed` is its note and the head in it, `seen` are other notes.

    Raises UncheckableError when something is missing or the file cannot be written, ProofError for a bundle that does
    not lead to the root, MalformedError.
    """
    partial = path.with_name(f".{path.name}.new")
    note, head = signed
    tiles = VerifiedTiles(head.size, head.root, lambda tile, width: read_tile(local, tile, width))
    progress.begin("archive", head.size)
    try:
        with ZipFile(partial, "w", ZIP_STORED) as archive:
            for name, data in _small_members(note, head, seen):
                archive.writestr(_member(name), data)
            _write_heads(archive, local, head)
            for name, data in _tiles(tiles):
                archive.writestr(_member(name), data)
            for name, data, width in _bundles(local, tiles):
                archive.writestr(_member(name), data)
                progress.advance(width)
        partial.replace(path)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise UncheckableError(msg) from error
    finally:
        partial.unlink(missing_ok=True)
    progress.end()


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, _EARLIEST)
    member.external_attr = _MODE
    member.create_system = _UNIX
    return member


def _small_members(note: bytes, head: Checkpoint, seen: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    yield README, _readme(note, head).encode()
    yield CHECKPOINT, note
    for number, kept in enumerate(seen):
        yield f"{CHECKPOINTS}/{number:09d}", kept


def _write_heads(archive: ZipFile, local: LogSource, head: Checkpoint) -> None:
    with archive.open(_member(HEADS), "w", force_zip64=True) as file:
        batch = []
        for kept in local.heads(TreeSize(0)):
            if kept.size > head.size:
                break
            batch.append(kept)
            if len(batch) == _HEADS_AT_ONCE:
                file.write(encode_heads(batch))
                batch = []
        file.write(encode_heads(batch))


def _tiles(tiles: VerifiedTiles) -> Iterator[tuple[str, bytes]]:
    for level in reversed(range(TILE_HEIGHT)):
        count = tiles.size >> (TILE_HEIGHT * level)
        for index in range(-(-count // TILE_WIDTH)):
            tile = TileId(level, index)
            yield tile_path(tile, tile_width(tile, tiles.size)), encode_tile(tiles.hashes(tile))


def _bundles(local: LogSource, tiles: VerifiedTiles) -> Iterator[tuple[str, bytes, int]]:
    for index in range(-(-tiles.size // TILE_WIDTH)):
        bundle = BundleId(index)
        width = bundle_width(bundle, tiles.size)
        data = read_bundle(local, bundle, width)
        name = bundle_path(bundle, width)
        if list(map(hash_leaf, decode_bundle(data, width))) != tiles.hashes(TileId(0, index)):
            msg = f"expected {name} with the entries of the signed tree, got others"
            raise ProofError(msg)
        yield name, data, width


def _readme(note: bytes, head: Checkpoint) -> str:
    signers = ", ".join(line.name for line in decode_note(note).signatures)
    return f"""\
The transparency log {head.origin}, all of its first {counted(head.size, "entries")}, root {head.root.hex()}.

This archive was written by glasslog {__version__}. It is everything that an audit of the log needs, offline and for
good; nobody who made or kept it has to be believed, because everything in it leads to a signed tree head:

  checkpoint      the log's signed tree head (C2SP tlog-checkpoint), signed by: {signers}
  tile/...        the Merkle tree, and the entries in bundles of 256 (C2SP tlog-tiles, RFC 9162)
  heads           every tree head that the log gave receipts at (CBOR sequence; docs/formats.md of Glasslog)
  checkpoints/    other tree heads of this log that audits have seen

To verify it, have the log's verifier key from somebody you trust, not from here, and run

  glasslog audit --archive THIS-FILE --log-key KEY --state A-NEW-FOLDER

Without Glasslog: entries are COSE_Sign1 messages (RFC 9052), each behind a 16-bit length; the leaf hash of an entry is
SHA-256 over a zero byte and the entry; inner nodes are as in RFC 9162, section 2.1. Entry 0 is the log's policy and
says whose later entries register the keys of issuers.
"""
