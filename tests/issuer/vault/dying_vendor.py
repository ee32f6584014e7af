"""A vendor's process that dies by SIGKILL at a chosen moment.

usage: python -m tests.issuer.vault.dying_vendor keep FOLDER          keeps records and prints their ids, until killed
       python -m tests.issuer.vault.dying_vendor erase FOLDER N WHEN  erases; dies before or after its Nth commit
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import NoReturn

from glasslog_issuer.vault.database import Database
from tests.issuer.vault.vaults import Vendor


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def keep(folder: Path) -> None:
    vendor = Vendor(folder, create=False)
    with vendor.open() as vault:
        for number in range(1_000_000):
            signed = vendor.sign()
            vault.keep(signed, f"patient {number % 7}")
            sys.stdout.write(f"{signed.id.hex()}\n")
            sys.stdout.flush()


def erase(folder: Path, commit: int, when: str) -> None:
    vendor = Vendor(folder, create=False)
    original = Database.transaction
    commits = 0

    @contextmanager
    def transaction(self: Database) -> Iterator[Connection]:
        nonlocal commits
        commits += 1
        with original(self) as connection:
            yield connection
            if commits == commit and when == "before":
                die()
        if commits == commit:
            die()

    with vendor.open() as vault:
        Database.transaction = transaction  # type: ignore[method-assign]
        vault.erase("patient 1", request_id="dsr-17", basis="gdpr", stores=["backups"], recording=vendor.recording)


if __name__ == "__main__":
    if sys.argv[1] == "keep":
        keep(Path(sys.argv[2]))
    else:
        erase(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
