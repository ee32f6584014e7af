"""Read what OpenSSF model signing says about a model's files, and hold the files against it.

A signature (`model.sig`) is a Sigstore bundle in JSON around a DSSE envelope around an in-toto statement. Two forms of
the statement are known: `https://model_signing/signature/v1.0`, which lists files, or parts of files, in its predicate
and has the model's digest as its subject; and `https://model_signing/Digests/v0.1`, which lists files as subjects.

Whether the bundle's signature is one to trust is not checked here: that is for `model_signing verify`, with the keys or
identities that its owner knows. What is measured here is that the files are those of the manifest. What goes into the
log is the digest of the bundle, so that whoever has it can check who signed.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from glasslog_issuer import files
from glasslog_issuer.errors import ManifestError
from glasslog_issuer.registering.digests import digest_of_digests, file_digest, files_in

MANIFEST_BYTES_MAX: Final = 64 * 1_024 * 1_024
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_V1: Final = "https://model_signing/signature/v1.0"
PREDICATE_V0: Final = "https://model_signing/Digests/v0.1"

_ALGORITHMS: Final = {"sha256": "sha256", "blake2b": "blake2b"}
_SHA256_OF_A_FILE: Final = re.compile(r"(?:file-)?sha256(?:-sharded)?(?:-[0-9]+)?")
_PART: Final = re.compile(r"(?P<path>.+):(?P<start>0|[1-9][0-9]*):(?P<end>[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Resource:
    """A file of a model, or its bytes [start, end), and the digest that they must have."""

    path: PurePosixPath
    algorithm: str
    digest: bytes
    start: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class SignedModel:
    """What a manifest says: the model's name ("" where it says none), its digest, its files, and what it leaves out."""

    name: str
    digest: bytes
    resources: tuple[Resource, ...]
    ignored: frozenset[PurePosixPath]


def check_model(model: Path, bundle: Path) -> SignedModel:
    """Measure a model against the manifest in a signature file; return what the manifest says.

    Every file that the manifest names must be there with its digest, and no other file but those that it leaves out and
    the signature itself. Raises ManifestError.
    """
    try:
        signed = decode_manifest(files.read(bundle, MANIFEST_BYTES_MAX))
    except OSError as error:
        msg = f"{bundle}: cannot read the manifest: {error.strerror}"
        raise ManifestError(msg) from error
    except ValueError as error:
        msg = f"{bundle}: {error}"
        raise ManifestError(msg) from error
    _check_no_others(model, bundle, signed)
    for resource in signed.resources:
        path = _locate(model, resource.path)
        if file_digest(path, resource.algorithm, start=resource.start, end=resource.end) != resource.digest:
            msg = f"{path}: expected the content that was signed ({resource.digest.hex()}), got another"
            raise ManifestError(msg)
    return signed


def decode_manifest(data: bytes) -> SignedModel:
    """Return what a Sigstore bundle, a DSSE envelope or an in-toto statement says of a model. Raises ManifestError."""
    try:
        statement = _statement(json.loads(data))
        if statement["_type"] != STATEMENT_TYPE:
            msg = f"expected a statement of type {STATEMENT_TYPE}, got {statement['_type']!r:.100}"
            raise ManifestError(msg)
        decode = {PREDICATE_V1: _decode_v1, PREDICATE_V0: _decode_v0}.get(statement["predicateType"])
        if decode is None:
            msg = f"expected a predicate of model signing, got {statement['predicateType']!r:.100}"
            raise ManifestError(msg)
        return decode(statement)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        msg = f"expected the manifest of a model: {type(error).__name__} {error!s:.200}"
        raise ManifestError(msg) from error


def _statement(document: Any) -> Mapping[str, Any]:  # noqa: ANN401  whatever JSON says
    """Return the in-toto statement within a document."""
    if "dsseEnvelope" in document:
        document = document["dsseEnvelope"]
    if "payload" in document:
        if document["payloadType"] != PAYLOAD_TYPE:
            msg = f"expected a payload of type {PAYLOAD_TYPE}, got {document['payloadType']!r:.100}"
            raise ManifestError(msg)
        try:
            document = json.loads(base64.b64decode(document["payload"], validate=True))
        except binascii.Error as error:
            msg = f"expected a payload in base64: {error}"
            raise ManifestError(msg) from error
    if not isinstance(document, dict):
        raise ManifestError("expected a statement that is a JSON object")
    return document


def _decode_v1(statement: Mapping[str, Any]) -> SignedModel:
    [subject] = statement["subject"]
    predicate = statement["predicate"]
    in_parts = predicate["serialization"]["method"] == "shards"
    resources = tuple(_resource(resource, in_parts=in_parts) for resource in predicate["resources"])
    digest = _digest(subject["digest"]["sha256"])
    if digest_of_digests(resource.digest for resource in resources) != digest:
        raise ManifestError("expected the model's digest to be that of its files' digests, got another")
    ignored = frozenset(map(PurePosixPath, predicate["serialization"].get("ignore_paths", ())))
    return _checked(SignedModel(str(subject.get("name", "")), digest, resources, ignored))


def _decode_v0(statement: Mapping[str, Any]) -> SignedModel:
    resources = tuple(
        Resource(_path(subject["name"]), "sha256", _digest(subject["digest"]["sha256"]))
        for subject in statement["subject"]
    )
    in_order = sorted(resources, key=lambda resource: resource.path)
    digest = digest_of_digests(resource.digest for resource in in_order)
    return _checked(SignedModel("", digest, resources, frozenset()))


def _checked(signed: SignedModel) -> SignedModel:
    places = {(resource.path, resource.start) for resource in signed.resources}
    if not places or len(places) != len(signed.resources):
        raise ManifestError("expected a manifest of at least one file, and none twice")
    return signed


def _resource(resource: Mapping[str, Any], *, in_parts: bool) -> Resource:
    algorithm, digest = _algorithm(resource["algorithm"]), _digest(resource["digest"])
    if not in_parts:
        return Resource(_path(resource["name"]), algorithm, digest)
    part = _PART.fullmatch(resource["name"])
    if part is None:
        msg = f"expected a part of a file, path:start:end, got {resource['name']!r:.200}"
        raise ManifestError(msg)
    return Resource(_path(part["path"]), algorithm, digest, int(part["start"]), int(part["end"]))


def _algorithm(name: str) -> str:
    if _SHA256_OF_A_FILE.fullmatch(name):
        return "sha256"
    if name not in _ALGORITHMS:
        msg = f"expected one of {', '.join(_ALGORITHMS)} as the algorithm of a file's digest, got {name!r:.100}"
        raise ManifestError(msg)
    return _ALGORITHMS[name]


def _digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if digest.hex() != text.lower() or len(digest) not in {32, 64}:
        msg = f"expected a digest in hex, got {text!r:.150}"
        raise ManifestError(msg)
    return digest


def _path(name: str) -> PurePosixPath:
    """Return the path of a file within its model. Raises ManifestError for one that leads out of it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not name:
        msg = f"expected the path of a file within the model, got {name!r:.200}"
        raise ManifestError(msg)
    return path


def _locate(model: Path, path: PurePosixPath) -> Path:
    """Return where a file of the model is; a model that is one file goes by `.` or by its own name."""
    if model.is_dir():
        return model / path
    return model if str(path) in {".", model.name} else model.parent / path


def _check_no_others(model: Path, bundle: Path, signed: SignedModel) -> None:
    if not model.is_dir():
        return
    known = {resource.path for resource in signed.resources}
    for found in files_in(model):
        ignored = any(found == path or path in found.parents for path in signed.ignored)
        if found not in known and not ignored and not (model / found).samefile(bundle):
            msg = f"{model / found}: expected files that were signed alone, got another"
            raise ManifestError(msg)
