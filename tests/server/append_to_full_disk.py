"""Append rounds until the disk takes no more, then make room and see what the store holds.

usage: python -m tests.server.append_to_full_disk STORE

The disk is full where files may not grow beyond 1 MiB (RLIMIT_FSIZE, which a process can lower and raise for itself).
Prints "ok", or fails with what is wrong. A process of its own, because the limit holds for all of it.
"""

import asyncio
import resource
import sys
from pathlib import Path

from glasslog_server.errors import StoreClosedError, StoreConflictError, StoreError
from glasslog_server.storage.rocks import RocksStore
from tests.server.rounds import META, Writer, check_store

FILE_BYTES_MAX = 1_024 * 1_024


def limit_file_size(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


async def fill(store: RocksStore, writer: Writer) -> int:
    """Append until a round fails; return how many entries are acknowledged."""
    while True:
        acknowledged = writer.tree.size
        try:
            await store.append(writer.round(300))
        except StoreError as error:
            if isinstance(error, StoreConflictError | StoreClosedError):
                raise
            return acknowledged


async def main(path: Path) -> None:
    store = RocksStore.create(path, META)
    writer = Writer()
    limit_file_size(FILE_BYTES_MAX)
    acknowledged = await fill(store, writer)
    await check_store(store, acknowledged)
    try:
        await store.append(Writer.after(acknowledged).round(1))
    except StoreError as error:
        refused = "reopen" in str(error)
    else:
        refused = False
    limit_file_size(resource.RLIM_INFINITY)
    try:
        await store.close()
    except StoreError as error:  # RocksDB may remember the full disk; what was acknowledged is in its log all the same
        sys.stderr.write(f"close: {error}\n")
    store = RocksStore.open(path)
    await check_store(store, acknowledged)
    await store.append(Writer.after(acknowledged).round(500))
    await check_store(store, acknowledged + 500)
    await store.close()
    sys.stdout.write("ok\n" if refused and acknowledged else f"refused {refused}, acknowledged {acknowledged}\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
