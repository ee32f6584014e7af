"""Reach a log's server before a long work with it begins: one that is not there at all is told of in seconds.

A mirroring is patient with a server, because losing an hour's work to a minute's trouble is worse than to wait. That
patience is for servers that have answered once.
"""

from typing import Final

from glasslog.errors import UncheckableError
from glasslog.sources.fetching import Patience
from glasslog.sources.static_http import PATIENCE, HttpLogSource

FIRST: Final = Patience(tries=3)
_NONE_LEFT: Final = Patience(tries=1)


def reach(url: str, token: str | None) -> HttpLogSource:
    """Return the log at a URL, as patient as is worth while. Raises UncheckableError for a URL that cannot be used."""
    source = HttpLogSource(url, token=token, patience=FIRST)
    try:
        source.checkpoint()
    except UncheckableError:
        return HttpLogSource(url, token=token, patience=_NONE_LEFT)
    finally:
        source.close()
    return HttpLogSource(url, token=token, patience=PATIENCE)
