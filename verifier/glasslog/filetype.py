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
    """A kind of file that Glasslog reads or writes; the value is its name in options and in JSON."""

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

    @property
    def label(self) -> str:
        """Return the name as a person reads it."""
        return _LABELS.get(self, self.value.replace("-", " "))


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

_MARKS: Final = (
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
    return FileType.POLICY if _POLICY.match(data) else None
