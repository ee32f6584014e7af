"""A place where logs are shown, without a server: files that a test changes, and what a monitor makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from glasslog.errors import AbsentError, UncheckableError
from glasslog.heads import KeptHead, decode_heads
from glasslog.merkle import TreeSize
from glasslog.mirror.sync import Trust
from glasslog.monitor.rounds import LogWatcher, Round
from glasslog.monitor.watch import Watch
from glasslog.tiles import BundleId, TileId, bundle_path, tile_path
from tests.verifier.evidence import TIME_S
from tests.verifier.mirror.written_log import WrittenLog

NOW_S = TIME_S + 1_000.0
QUIET = Watch(checks=("stream-gaps",), stale_after_s=1e9)


@dataclass
class Place:
    """A source of files. What is in `absent` is not answered for: the network is down there."""

    files: dict[str, bytes] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    name: str = "https://log.example/"
    readers: int = 1

    def show(self, log: WrittenLog, size: int | None = None) -> None:
        self.files = dict(log.files(size))

    def read(self, name: str) -> bytes:
        self.asked.append(name)
        if name in self.absent or "everything" in self.absent:
            msg = "cannot get an answer from the log"
            raise UncheckableError(msg)
        if name not in self.files:
            msg = f"the log does not know {name}"
            raise AbsentError(msg)
        return self.files[name]

    def checkpoint(self) -> bytes:
        return self.read("checkpoint")

    def tile(self, tile: TileId, width: int) -> bytes:
        return self.read(tile_path(tile, width))

    def bundle(self, bundle: BundleId, width: int) -> bytes:
        return self.read(bundle_path(bundle, width))

    def heads(self, start: TreeSize) -> Iterator[KeptHead]:
        return iter([head for head in decode_heads(self.read("heads")) if head.size >= start])

    def seen(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        """Do nothing."""


def watcher(place: Place, state: Path, *logs: WrittenLog, watch: Watch = QUIET) -> LogWatcher:
    state.mkdir(exist_ok=True)
    return LogWatcher(place, state, Trust(tuple(log.vkey for log in logs)), watch)


def kinds(looked: Round) -> list[str]:
    return [alert.kind for alert in looked.alerts]


def look(watching: LogWatcher, now_s: float = NOW_S) -> list[str]:
    """Look, remember, and return the kinds of what was told."""
    looked = watching.look(now_s)
    looked.remember()
    return kinds(looked)
