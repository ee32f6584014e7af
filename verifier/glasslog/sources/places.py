"""Open what a person names: a log's URL, a folder with a log (a mirror, an audit's state), or an exported archive."""

from pathlib import Path

from glasslog.errors import UncheckableError
from glasslog.sources.archive import ArchiveSource
from glasslog.sources.directory import DirectorySource
from glasslog.sources.source import LogSource
from glasslog.sources.static_http import HttpLogSource

_ZIP_MARK = b"PK"


def is_url(place: str) -> bool:
    """Tell whether a place is a URL that a log may be read from."""
    return place.startswith(("http://", "https://"))


def open_log(place: str, *, token: str | None = None) -> LogSource | None:
    """Return the log at a place, or None for a file that is no archive. Raises UncheckableError, MalformedError."""
    if is_url(place):
        return HttpLogSource(place, token=token)
    path = Path(place)
    if path.is_dir():
        return DirectorySource(path)
    if path.is_file():
        try:
            with path.open("rb") as file:
                if file.read(len(_ZIP_MARK)) != _ZIP_MARK:
                    return None
        except OSError as error:
            msg = f"cannot read {path}: {error.strerror}"
            raise UncheckableError(msg) from error
    return ArchiveSource(path)
