"""Register once what inferences refer to, and again only when it has changed.

What was registered last under a name stands in the state of the spool, so it survives restarts without a file of its
own, and is no other than what the stream says.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from glasslog_issuer.bodies import (
    Body,
    ConfigRegistration,
    DatasetRegistration,
    DeclaredControl,
    ModelRegistration,
    SystemRegistration,
)
from glasslog_issuer.bodies.parts import ModelAssurance
from glasslog_issuer.bodies.registrations import ConfigKind
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.registering.digests import measure
from glasslog_issuer.registering.guardrail_sets import RequiredGuardrail, guardrail_set_digest
from glasslog_issuer.registering.manifest import check_model
from glasslog_issuer.spool import Registration, SpoolState
from glasslog_issuer.spool.state import fingerprint, registration_key


class Registering(ABC):
    """The part of a Recorder that registers. Each call returns the record id (16 bytes) that later records refer to."""

    def __init__(self) -> None:
        """Begin."""
        self._registering = threading.RLock()

    @property
    @abstractmethod
    def state(self) -> SpoolState:
        """Return what is known of earlier registrations."""

    @abstractmethod
    def record(self, body: Body) -> SignedRecord:
        """Record a registration."""

    def register(self, body: Body) -> bytes:
        """Register what a body says, unless the last registration of its type and name says the same."""
        with self._registering:
            known = self._known(body)
            if known is not None and known.fingerprint == fingerprint(body.to_fields()):
                return known.id
            return self.record(body).id

    def register_model(
        self,
        *,
        path: Path | str | None = None,
        signing_bundle: Path | str | None = None,
        assurance: ModelAssurance | None = None,
        **fields: Any,  # noqa: ANN401  those of a ModelRegistration
    ) -> bytes:
        """Register a model by its files, read and measured here (EU AI Act Article 11, Annex IV).

        `path` is its file or folder. `signing_bundle` is its OpenSSF model-signing signature: then the files must be
        those of the manifest in it (`glasslog_issuer.registering.manifest`). Without a path nothing was measured, and
        the assurance is "self-asserted" unless something better is told. Raises ManifestError.
        """
        if signing_bundle is not None:
            if path is None:
                raise ValueError("expected the path of the model that the signing bundle is about, got none")
            fields["weights_digest"] = check_model(Path(path), Path(signing_bundle)).digest
            fields["signing_bundle_digest"] = measure(Path(signing_bundle))
        elif path is not None:
            fields["weights_digest"] = measure(Path(path))
        measured: ModelAssurance = "self-asserted" if path is None else "digest-measured"
        return self.register(ModelRegistration(assurance=assurance or measured, **fields))

    def register_guardrails(self, guardrails: Sequence[RequiredGuardrail], *, name: str, version: str) -> bytes:
        """Register the guardrails that must run, as a configuration of kind guardrail-set (EU AI Act Article 9)."""
        ids = sorted({guardrail.guardian.id for guardrail in guardrails})
        digest = guardrail_set_digest(guardrails)
        return self._register_config("guardrail-set", name, version, digest, guardrails=ids)

    def register_config(self, kind: ConfigKind, document: bytes | Path, *, name: str, version: str) -> bytes:
        """Register a prompt template, a threshold, a routing or a redaction by its document: a file, or its bytes."""
        digest = sha256(document).digest() if isinstance(document, bytes) else measure(document)
        return self._register_config(kind, name, version, digest)

    def register_dataset(self, path: Path | str, **fields: Any) -> bytes:  # noqa: ANN401  of a DatasetRegistration
        """Register a dataset by its file or folder, measured here (EU AI Act Article 10). Raises ManifestError."""
        return self.register(DatasetRegistration(digest=measure(Path(path)), **fields))

    def register_system(
        self,
        *,
        declared_controls: Sequence[DeclaredControl] = (),
        max_lateness_s: int,
        **fields: Any,  # noqa: ANN401  those of a SystemRegistration
    ) -> bytes:
        """Register the system and what it promises; its declared controls report themselves from then on."""
        body = SystemRegistration(declared_controls=declared_controls, max_lateness_s=max_lateness_s, **fields)
        return self.register(body)

    def _register_config(
        self, kind: ConfigKind, name: str, version: str, digest: bytes, *, guardrails: list[str] | None = None
    ) -> bytes:
        """Register a configuration that names the one whose place it takes."""
        fields: dict[str, Any] = {"kind": kind, "name": name, "version": version, "digest": digest}
        body = ConfigRegistration(**fields, guardrails=guardrails)
        with self._registering:
            known = self._known(body)
            return self.register(body if known is None else replace(body, previous=known.id))

    def _known(self, body: Body) -> Registration | None:
        return self.state.registrations.get(registration_key(body.type(), body.to_fields()))
