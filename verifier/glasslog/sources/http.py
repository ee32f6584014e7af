"""Fetch evidence from a log's server (SCRAPI and what Glasslog adds to it), trusting it with nothing.

What comes back is bytes; `glasslog.verify` says what they are worth. Everything that goes wrong here is an
UncheckableError: a server that does not answer proves nothing.
"""

import base64
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from glasslog.bundle import BUNDLE_MEDIA_TYPE
from glasslog.errors import UncheckableError
from glasslog.limits import (
    EVIDENCE_BYTES_MAX,
    PROOF_HASHES_MAX,
    RECEIPT_BYTES_MAX,
    STATEMENT_BYTES_MAX,
    TLOG_PROOF_BYTES_MAX,
    TRANSPARENT_STATEMENT_BYTES_MAX,
)
from glasslog.merkle import HASH_SIZE, Hash, TreeSize
from glasslog.reconstruct.reading import Listing
from glasslog.sources.fetching import LIST_BYTES_MAX, Fetcher, Patience, decode_json

__all__ = ["BUNDLE", "ENTRY_FORMS", "EntryForm", "HttpLog", "Patience"]

_PAGES_MAX: Final = 64  # of entries about one subject: a decision has a handful, a system more
_PAGE_ENTRIES: Final = 1_000
_ENTRY_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class EntryForm:
    """A form in which a log gives out an entry: the value of `format=`, its media type, its limit."""

    name: str
    media_type: str
    bytes_max: int


BUNDLE: Final = EntryForm("bundle", BUNDLE_MEDIA_TYPE, EVIDENCE_BYTES_MAX)
_TRANSPARENT_STATEMENT: Final = "application/vnd.glasslog.transparent-statement+cose"
ENTRY_FORMS: Final = {
    form.name: form
    for form in (
        BUNDLE,
        EntryForm("receipt", "application/cose", RECEIPT_BYTES_MAX),
        EntryForm("statement", "application/scitt-statement+cose", STATEMENT_BYTES_MAX),
        EntryForm("transparent-statement", _TRANSPARENT_STATEMENT, TRANSPARENT_STATEMENT_BYTES_MAX),
        EntryForm("tlog-proof", "application/vnd.c2sp.tlog-proof", TLOG_PROOF_BYTES_MAX),
    )
}


class HttpLog:
    """The read side of one log's server, entry by entry; `glasslog.sources.static_http` reads all of it."""

    def __init__(self, url: str, *, token: str | None = None, patience: Patience | None = None) -> None:
        """Take the log's base URL, and a bearer token for logs that do not show their entries to everybody.

        Raises UncheckableError for a URL that is none, and for a token that would be sent in clear.
        """
        self._fetcher = Fetcher(url, token=token, patience=patience or Patience())

    def close(self) -> None:
        """Close the connections."""
        self._fetcher.close()

    def entry(self, entry_id: Hash, form: EntryForm = BUNDLE) -> bytes:
        """Return an entry in one of the forms of `ENTRY_FORMS`. Raises UncheckableError."""
        return self._fetcher.get(f"entries/{entry_id.hex()}?format={form.name}", form.media_type, form.bytes_max)

    def decision(self, subject: str) -> tuple[Hash, ...]:
        """Return the ids of all entries about a subject, in the order of the log. Raises UncheckableError."""
        listing = self.entries_about(subject)
        if not listing.is_whole:
            msg = f"expected the entries about one decision on at most {_PAGES_MAX} pages, got more"
            raise UncheckableError(msg)
        return listing.entry_ids

    # ------------------------------------------------------------------- what `glasslog.reconstruct` asks: DecisionLog

    @property
    def name(self) -> str:
        """Return the URL."""
        return self._fetcher.base

    def entries_about(self, subject: str) -> Listing:
        """Return the ids of the entries about a subject, of _PAGES_MAX pages at most. Raises UncheckableError."""
        path = f"decisions/{quote(subject, safe='')}?limit={_PAGE_ENTRIES}"
        ids: list[Hash] = []
        query = ""
        for _ in range(_PAGES_MAX):
            page = _decode_page(self._fetcher.get(path + query, "application/json", LIST_BYTES_MAX))
            ids.extend(page.entry_ids)
            if page.following is None:
                return Listing(tuple(ids))
            query = f"&from={page.following}"
        return Listing(tuple(ids), is_whole=False)

    def statement(self, entry_id: Hash) -> bytes:
        """Return an entry, the Signed Statement. Raises AbsentError, UncheckableError."""
        return self.entry(entry_id, ENTRY_FORMS["statement"])

    def bundle(self, entry_id: Hash) -> bytes:
        """Return the evidence bundle of an entry. Raises AbsentError, UncheckableError."""
        return self.entry(entry_id, BUNDLE)

    def consistency(self, old: TreeSize, new: TreeSize) -> tuple[Hash, ...]:
        """Return the path from the tree of one size to that of another. Raises AbsentError, UncheckableError."""
        path = f"proofs/consistency/{old}/{new}"
        return _decode_path(self._fetcher.get(path, "application/json", LIST_BYTES_MAX))


@dataclass(frozen=True, slots=True)
class _Page:
    entry_ids: list[Hash]
    following: int | None


def _decode_page(body: bytes) -> _Page:
    """Return the entries of a page `{"entries": [{"entry_id": hex, ...}, ...], "next": index or null}`."""
    page = decode_json(body)
    entries = page.get("entries") if isinstance(page, dict) else None
    following = page.get("next") if isinstance(page, dict) else None
    if not isinstance(entries, list) or not (following is None or type(following) is int):
        msg = "expected a list of entries from the log, got something else"
        raise UncheckableError(msg)
    return _Page([_decode_entry_id(entry) for entry in entries], following)


def _decode_path(body: bytes) -> tuple[Hash, ...]:
    """Return the hashes of `{"path": [base64, ...], ...}`; whether they prove anything is for their verification."""
    document = decode_json(body)
    path = document.get("path") if isinstance(document, dict) else None
    if isinstance(path, list) and len(path) <= PROOF_HASHES_MAX and all(isinstance(text, str) for text in path):
        try:
            hashes = [base64.b64decode(text, validate=True) for text in path]
        except ValueError:
            hashes = []
        if len(hashes) == len(path) and all(len(element) == HASH_SIZE for element in hashes):
            return tuple(Hash(element) for element in hashes)
    msg = f"expected at most {PROOF_HASHES_MAX} hashes in base64 from the log, got something else"
    raise UncheckableError(msg)


def _decode_entry_id(entry: object) -> Hash:
    text = entry.get("entry_id") if isinstance(entry, dict) else None
    if not isinstance(text, str) or not _ENTRY_ID.fullmatch(text):
        msg = f"expected an entry_id of {2 * HASH_SIZE} hex digits in the log's list, got something else"
        raise UncheckableError(msg)
    return Hash(bytes.fromhex(text))
