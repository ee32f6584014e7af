"""Append rounds to a store until somebody kills this process; say after each how many entries are acknowledged.

usage: python -m tests.server.append_forever STORE SEED
"""

import asyncio
import sys
from pathlib import Path
from random import Random

from glasslog_server.storage.rocks import RocksStore
from tests.server.rounds import Writer


async def append_forever(path: Path, random: Random) -> None:
    store = RocksStore.open(path)
    head = await store.latest_head()
    writer = Writer.after(head.size if head else 0)
    while True:
        await store.append(writer.round(random.choice([1, 2, 10, 100, 300])))
        sys.stdout.write(f"{writer.tree.size}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(append_forever(Path(sys.argv[1]), Random(int(sys.argv[2]))))
