"""Read the store from a process that does not own it: a secondary instance of RocksDB.

A secondary sees what the writer had done when it last caught up, synced or not, so it is asked only for what is
published. It writes nothing but its own log, into a folder of its own. Catching up costs about 0.8 ms and then 5 us for
each entry that the writer still has in its memory alone (less than 1 us for what it has written out), and holds the
interpreter's lock: so it is done when a read needs it, never for its own sake.

Whoever changes `rocks_engine` or `rocks`: the options of a secondary must be those of the writer, and no row may be in
a blob file: a secondary of this RocksDB crashes when it reads one, and stays empty once one was removed.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from rocksdict import AccessType

from glasslog_server.errors import StoreError
from glasslog_server.storage import keys
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine, _typed
from glasslog_server.storage.rocks_options import store_options
from glasslog_server.storage.store import TreeHead

OPENING_S: Final = 10.0
"""For how long the view of a store may be empty that its writer has open: the writer's own start is under a second."""
_OPENING_PAUSE_S: Final = 0.02


class SecondaryEngine(RocksEngine):
    """Hold a secondary instance; it is never written to."""

    __slots__ = ()

    def __init__(self, path: Path, own_folder: Path) -> None:
        """Open the store at `path`, which its owner has open. Raises StoreError."""
        options = store_options(create=False)
        options.database.set_max_open_files(-1)  # an open file stays readable when the writer has removed it
        super().__init__(path, options, AccessType.secondary(str(own_folder)))

    def catch_up(self) -> None:
        """See what the writer has written by now. Blocks."""
        with _typed("catch up with the writer"):
            self._db.try_catch_up_with_primary()


class SecondaryStore(RocksStore):
    """Implement `ReadStore` behind the writer: `size` says how far. Made by `follow`."""

    _engine: SecondaryEngine

    @classmethod
    def follow(cls, path: Path, own_folder: Path, give_up: Callable[[], bool] = lambda: False) -> Self:
        """Open the store of a writer in another process. `own_folder` is made, and belongs to this instance. Blocks.

        A writer that has just recovered moves its rows from its log into new files, and who opens the store meanwhile
        may see neither. So a view without the store's first row is opened again, for OPENING_S at most, and until
        `give_up` says that nobody waits for it any more. Raises StoreError.
        """
        deadline = time.monotonic() + OPENING_S
        while True:
            engine = SecondaryEngine(path, own_folder)
            try:
                if engine.get(keys.META) is not None:
                    return cls.of_engine(engine)
            except StoreError:
                engine.close()
                raise
            engine.close()
            if time.monotonic() > deadline or give_up():
                msg = f"expected to see what the writer of {path} has written, got an empty view of it"
                raise StoreError(msg)
            time.sleep(_OPENING_PAUSE_S)

    @property
    def size(self) -> int:
        """Return the number of entries that can be read here."""
        return self._size

    def catch_up(self, published: TreeHead) -> None:
        """Make everything up to a published head readable, and nothing beyond it. Blocks. Raises StoreError."""
        self._check_open()
        self._engine.catch_up()
        row = self._engine.get(keys.head_key(published.size))
        if row is None:
            msg = f"expected the published head of size {published.size} in the store, got none"
            raise StoreError(msg)
        self._head = keys.decode_head(row)
