"""Read a whole log from a folder in the layout of the static read API: a mirror, or the state of an audit."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from glasslog.errors import AbsentError, MalformedError, UncheckableError
from glasslog.heads import KeptHead
from glasslog.limits import ENTRY_BUNDLE_BYTES_MAX, NOTE_BYTES_MAX, TILE_WIDTH
from glasslog.merkle import HASH_SIZE, TreeSize
from glasslog.sources.folder import read_stream
from glasslog.sources.head_index import HEADS_INDEX, find_place
from glasslog.sources.head_stream import read_heads
from glasslog.sources.source import CHECKPOINT, CHECKPOINTS, HEADS
from glasslog.tiles import BundleId, TileId, bundle_path, tile_path

_READERS: Final = 1  # a disk gains nothing from several


class DirectorySource:
    """A folder, as a source of a whole log."""

    def __init__(self, path: Path) -> None:
        """Take the folder. Raises UncheckableError when it is none."""
        self.path = path
        if not path.is_dir():
            msg = f"expected a folder with a log, got {path}"
            raise UncheckableError(msg)

    @property
    def name(self) -> str:
        """Return the folder's path."""
        return str(self.path)

    @property
    def readers(self) -> int:
        """Return 1: one thread reads."""
        return _READERS

    def checkpoint(self) -> bytes:
        """Return the newest signed note."""
        return self._read(CHECKPOINT, NOTE_BYTES_MAX)

    def tile(self, tile: TileId, width: int) -> bytes:
        """Return the hash tile of exactly this name."""
        return self._read(tile_path(tile, width), TILE_WIDTH * HASH_SIZE)

    def bundle(self, bundle: BundleId, width: int) -> bytes:
        """Return the entry bundle of exactly this name."""
        return self._read(bundle_path(bundle, width), ENTRY_BUNDLE_BYTES_MAX)

    def heads(self, start: TreeSize) -> Iterator[KeptHead]:
        """Yield the kept heads of size `start` and above."""
        with self._open(HEADS) as file:
            file.seek(find_place(self.path / HEADS_INDEX, file, start))
            yield from (head for head in read_heads(file) if head.size >= start)

    def seen(self) -> Iterator[bytes]:
        """Yield the checkpoints that earlier audits saw."""
        folder = self.path / CHECKPOINTS
        try:
            names = sorted(path.name for path in folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            msg = f"cannot read {folder}: {error.strerror}"
            raise UncheckableError(msg) from error
        for name in names:
            yield self._read(f"{CHECKPOINTS}/{name}", NOTE_BYTES_MAX)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _read(self, name: str, bytes_max: int) -> bytes:
        with self._open(name) as file:
            try:
                return read_stream(file, bytes_max)
            except MalformedError as error:
                msg = f"{name}: {error}"
                raise MalformedError(msg) from error
            except OSError as error:
                msg = f"cannot read {self.path / name}: {error.strerror}"
                raise UncheckableError(msg) from error

    def _open(self, name: str) -> BinaryIO:
        try:
            return (self.path / name).open("rb")
        except FileNotFoundError as error:
            msg = f"expected {name} in {self.path}, got no such file"
            raise AbsentError(msg) from error
        except OSError as error:
            msg = f"cannot read {self.path / name}: {error.strerror}"
            raise UncheckableError(msg) from error
