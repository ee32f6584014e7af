"""Tell by its first bytes what a file claims to be.

Detection is a guess that costs little and never fails: it says which decoder to ask, and the decoder says whether the
file is right. Tiles and entry bundles have no mark of their own and are never guessed.
"""

import re
from enum import StrEnum
from typing import Final

from glasslog import cbor
from glasslog.errors import MalformedError


class FileType(StrEnum):
    """A kind of file that Glasslog reads or writes, or that is given to it by mistake.

    The value is its name in options and in JSON.
    """

    BUNDLE = "bundle"
    FORK = "fork"
    STATEMENT = "statement"
    TRANSPARENT_STATEMENT = "transparent-statement"
    RECEIPT = "receipt"
    TLOG_PROOF = "tlog-proof"
    CHECKPOINT = "checkpoint"
    NOTE = "note"
    VKEY = "vkey"
    POLICY = "policy"
    DISCLOSURES = "disclosures"
    RECORD = "record"
    COSE_KEY = "cose-key"
    COSE_KEY_SET = "cose-key-set"
    PUBLIC_KEY = "public-key"
    PRIVATE_KEY = "private-key"
    TILE = "tile"
    ENTRY_BUNDLE = "entry-bundle"
    ARCHIVE = "archive"
    JSON = "json"
    PAGE = "page"

    @property
    def label(self) -> str:
        """Return the name as a person reads it."""
        return _LABELS.get(self, self.value.replace("-", " "))

    @property
    def one(self) -> str:
        """Return the name of one such file, with its article."""
        if self is FileType.FORK:
            return self.label
        return f"{'an' if self.label[0] in 'aeiou' else 'a'} {self.label}"

    @property
    def place(self) -> str:
        """Return where such a file belongs, as a sentence for somebody who has given it to the wrong command."""
        return _PLACES[self]


_LABELS: Final = {
    FileType.BUNDLE: "evidence bundle",
    FileType.FORK: "evidence of a fork",
    FileType.STATEMENT: "Signed Statement",
    FileType.TRANSPARENT_STATEMENT: "Transparent Statement",
    FileType.RECEIPT: "COSE receipt",
    FileType.TLOG_PROOF: "tlog-proof",
    FileType.NOTE: "signed note",
    FileType.VKEY: "verifier key",
    FileType.POLICY: "trust policy",
    FileType.DISCLOSURES: "disclosure file",
    FileType.RECORD: "evidence record",
    FileType.COSE_KEY: "COSE key",
    FileType.COSE_KEY_SET: "COSE key set",
    FileType.TILE: "hash tile",
    FileType.ARCHIVE: "ZIP archive",
    FileType.JSON: "JSON document",
    FileType.PAGE: "HTML page",
}

_VERIFIED: Final = "`glasslog verify FILE` takes it"
_WITH_STATEMENT: Final = "`glasslog verify FILE --statement STATEMENT` takes it"
_INSPECTED: Final = "`glasslog inspect FILE` shows what it holds"
_TOLD: Final = "it tells of evidence, and the evidence is what can be verified"
_PLACES: Final = {
    FileType.BUNDLE: _VERIFIED,
    FileType.FORK: _VERIFIED,
    FileType.STATEMENT: _VERIFIED,
    FileType.TRANSPARENT_STATEMENT: _VERIFIED,
    FileType.RECEIPT: _WITH_STATEMENT,
    FileType.TLOG_PROOF: _WITH_STATEMENT,
    FileType.CHECKPOINT: "`glasslog verify FILE` and `glasslog compare PLACE...` take it",
    FileType.NOTE: _INSPECTED,
    FileType.VKEY: "`--log-key @FILE` takes it",
    FileType.POLICY: "`--policy FILE` takes it",
    FileType.DISCLOSURES: "`glasslog verify EVIDENCE --disclosures FILE` takes it",
    FileType.RECORD: _INSPECTED,
    FileType.COSE_KEY: _INSPECTED,
    FileType.COSE_KEY_SET: _INSPECTED,
    FileType.PUBLIC_KEY: "`--issuer-key FILE` takes it",
    FileType.PRIVATE_KEY: "it is to be shown to nobody",
    FileType.TILE: "`glasslog inspect FILE --type tile` shows what it holds",
    FileType.ENTRY_BUNDLE: "`glasslog inspect FILE --type entry-bundle` shows what it holds",
    FileType.ARCHIVE: "if it is an exported log, `glasslog audit --archive FILE` takes it",
    FileType.JSON: _TOLD,
    FileType.PAGE: _TOLD,
}

_COSE_SIGN1: Final = b"\xd2\x84"
_NULL: Final = 0xF6
_EMPTY_MAP: Final = 0xA0
_CHECKPOINT: Final = re.compile(rb"[^\n]+\n[0-9]+\n[^\n]+\n(?:[^\n]+\n)*\n")
_SIGNATURE_LINES: Final = "\n\n\u2014 ".encode()
_VKEY: Final = re.compile(rb"\s*[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*\s*")
_POLICY: Final = re.compile(rb"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:log|witness|group|quorum)[ \t]")
# Deterministic CBOR: the shortest keys come first, so maps of ours begin with "v" and, in files, go on with "type".
_BUNDLE: Final = re.compile(rb"[\xa0-\xb7]\x61v.\x64type\x6fglasslog-bundle", re.DOTALL)
_FORK: Final = re.compile(rb"[\xa0-\xb7]\x61v.\x64type\x6dglasslog-fork", re.DOTALL)
_RECORD: Final = re.compile(rb"[\xa0-\xb7]\x61v")
_COSE_KEY: Final = re.compile(rb"[\xa1-\xb7]\x01")
_ARRAY: Final = re.compile(rb"\x80\Z|(?:[\x81-\x97]|\x98.|\x99..)(?P<first>.)", re.DOTALL)

_JSON: Final = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")

_MARKS: Final = (
    (re.compile(rb"PK(?:\x03\x04|\x05\x06)"), FileType.ARCHIVE),
    (re.compile(rb"\s*<(?:!doctype html|html)", re.IGNORECASE), FileType.PAGE),
    (re.compile(rb"c2sp\.org/tlog-proof@"), FileType.TLOG_PROOF),
    (re.compile(rb"\s*-----BEGIN PUBLIC KEY-----"), FileType.PUBLIC_KEY),
    (re.compile(rb"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----"), FileType.PRIVATE_KEY),
    (_BUNDLE, FileType.BUNDLE),
    (_FORK, FileType.FORK),
    (_RECORD, FileType.RECORD),
    (_COSE_KEY, FileType.COSE_KEY),
)


def detect(data: bytes) -> FileType | None:
    """Return what `data` claims to be, or None when it bears no mark that is known."""
    for mark, file_type in _MARKS:
        if mark.match(data):
            return file_type
    if data.startswith(_COSE_SIGN1):
        return _detect_sign1(data)
    array = _ARRAY.match(data)
    if array is not None:
        return _detect_array(array["first"])
    return _detect_text(data)


def _detect_sign1(data: bytes) -> FileType:
    """Tell statement, Transparent Statement and receipt apart by what the unprotected header and the payload are."""
    try:
        unprotected = cbor.item_end(data, len(_COSE_SIGN1))
        payload = cbor.item_end(data, unprotected)
    except MalformedError:
        return FileType.STATEMENT
    if data[payload : payload + 1] == bytes((_NULL,)):
        return FileType.RECEIPT
    return FileType.STATEMENT if data[unprotected] == _EMPTY_MAP else FileType.TRANSPARENT_STATEMENT


def _detect_array(first: bytes | None) -> FileType | None:
    """Tell a key set, an array of maps, from a disclosure file, an array of byte strings that may be empty."""
    if first is None or 0x40 <= first[0] <= 0x5B:  # noqa: PLR2004 (major type 2)
        return FileType.DISCLOSURES
    return FileType.COSE_KEY_SET if 0xA0 <= first[0] <= 0xBB else None  # noqa: PLR2004 (major type 5)


def _detect_text(data: bytes) -> FileType | None:
    if _SIGNATURE_LINES in data:
        return FileType.CHECKPOINT if _CHECKPOINT.match(data) else FileType.NOTE
    if _VKEY.fullmatch(data):
        return FileType.VKEY
    if _POLICY.match(data):
        return FileType.POLICY
    return FileType.JSON if _JSON.match(data) else None
