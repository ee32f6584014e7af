"""The folder that a demo puts its files in."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glasslog_issuer.stage.errors import DemoError


@contextmanager
def empty_folder(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder: the one to keep, or one that is removed when the block ends.

    Raises DemoError when the one to keep has anything in it.
    """
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="glasslog-demo-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        msg = f"{keep}: expected an empty folder, got one with files in it"
        raise DemoError(msg)
    yield keep.absolute()


def new_folder(path: Path) -> Path:
    """Make a folder that is not there yet, and return it."""
    path.mkdir()
    return path
