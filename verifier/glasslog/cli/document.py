"""JSON documents of what the commands show: the field names here are documented in docs/formats.md and stay.

CBOR holds more than JSON: byte strings become `{"hex": "..."}`, floats that are not finite `{"float": "NaN"}`, and map
keys that are integers their decimal text.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from glasslog import __version__, cbor
from glasslog.errors import GlasslogError, UncheckableError
from glasslog.verify import Erased, Report, Shown, Verdict

Json: TypeAlias = Any
"""What `json.dumps` takes: dict with text keys, list, str, int, float, bool or None."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS_PER_S: Final = 1_000


def encode_document(document: Mapping[str, Json]) -> str:
    """Return a document as ASCII text with a newline, so that no content reaches a terminal unescaped."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def json_of(value: cbor.Value) -> Json:
    """Return the JSON form of a decoded CBOR value."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")}
    if isinstance(value, Mapping):
        return {str(key): json_of(element) for key, element in value.items()}
    if isinstance(value, list | tuple):
        return [json_of(element) for element in value]
    return value


def iso_time(milliseconds: int) -> str:
    """Return POSIX milliseconds as UTC in RFC 3339, or as they are where no calendar reaches them."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds} ms after 1970"
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def iso_time_of_seconds(seconds: int) -> str:
    """Return POSIX seconds as UTC in RFC 3339, or as they are where no calendar reaches them."""
    return iso_time(seconds * _MS_PER_S).replace(".000Z", "Z")


def report_document(report: Report, file: str) -> dict[str, Json]:
    """Return the document of `verify --json`."""
    return {
        "glasslog": __version__,
        "file": file,
        "type": report.file_type.value if report.file_type is not None else None,
        "verdict": report.verdict.value,
        "error": None,
        "steps": [step.to_json() for step in report.steps],
        "shown": _shown(report.shown) if report.shown is not None else None,
        "not_shown": list(report.not_shown),
    }


def error_document(error: GlasslogError, file: str) -> dict[str, Json]:
    """Return the document of `verify --json` when no step could be taken, because the file could not be read."""
    verdict = Verdict.COULD_NOT_CHECK if isinstance(error, UncheckableError) else Verdict.FAILED
    return {
        "glasslog": __version__,
        "file": file,
        "type": None,
        "verdict": verdict.value,
        "error": {"code": error.code, "message": str(error)},
        "steps": [],
        "shown": None,
        "not_shown": [],
    }


def _shown(shown: Shown) -> dict[str, Json]:
    head, statement, record = shown.checkpoint, shown.statement, shown.record
    return {
        "checkpoint": {"origin": head.origin, "size": head.size, "root": head.root.hex()} if head is not None else None,
        "cosigners": list(shown.cosigners),
        "entry_id": shown.entry_id.hex() if shown.entry_id is not None else None,
        "index": shown.index,
        "logged_at": iso_time_of_seconds(shown.time) if shown.time is not None else None,
        "issuer": statement.issuer if statement is not None else None,
        "subject": statement.subject if statement is not None else None,
        "kid": statement.kid.hex() if statement is not None else None,
        "content_type": statement.content_type if statement is not None else None,
        "record": json_of(record.fields) if record is not None else None,
        "disclosures": {disclosure.name: json_of(disclosure.value) for disclosure in shown.disclosures},
        "closed": list(shown.closed),
        "erased": {erased.name: _erased(erased) for erased in shown.erased},
    }


def _erased(erased: Erased) -> dict[str, Json]:
    return {
        "request_id": erased.request_id,
        "at": iso_time(erased.at) if erased.at is not None else None,
        "stores": [{"store": one.store, "state": one.state, "at": iso_time(one.at)} for one in erased.stores],
    }
