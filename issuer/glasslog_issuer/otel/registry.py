"""Which registrations an inference refers to: those that were given, or made when a model is first seen.

A hosted model is known by its name alone. So what is registered here claims no more than that: `provider-returned`
where the provider said which model answered, `self-asserted` where only the request named it. Who knows more (a digest
of the weights, an attestation) registers the model and gives the registration.

Without a given configuration, a `routing` is registered: which model was asked, of whom, at which address. It says
nothing about guardrails; a system that has any registers its set and gives that.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from glasslog import cbor
from glasslog_issuer.bodies import ConfigRegistration, ModelAssurance, ModelRegistration
from glasslog_issuer.otel.errors import UnmappableSpanError
from glasslog_issuer.recording import Recording

MODELS_MAX: Final = 1_000  # of each kind, in one process: names that never end are no models


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model that the caller has registered: the record's id, 16 bytes, and how its identity is known.

    `provider` is who runs it, where instrumentations cannot know: one for OpenAI's client takes every server of that
    API for OpenAI.
    """

    id: bytes
    assurance: ModelAssurance
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model was asked for by which operation, of whom and where, and which one answered."""

    operation: str
    provider: str
    requested: str
    answered: str | None
    server: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """What an inference refers to: the ids of records, 16 bytes, and who runs the model."""

    model: bytes
    assurance: ModelAssurance
    config: bytes
    provider: str


class Registry:
    """Find or make registrations. May be shared by threads."""

    def __init__(
        self, recording: Recording, *, models: Mapping[str, RegisteredModel] | None = None, config: bytes | None = None
    ) -> None:
        """Take what records, the registrations there are by the model's name, and the id of the configuration."""
        self._recording = recording
        self._given = dict(models or {})
        self._config = config
        self._models: dict[tuple[str, str, str | None], RegisteredModel] = {}
        self._configs: dict[Asked, bytes] = {}
        self._lock = threading.Lock()

    def reference(self, asked: Asked, time_ms: int) -> Reference:
        """Return what an inference refers to that began at `time_ms`; a registration made for it is of that time.

        Raises what recording raises; then it is tried again the next time.
        """
        with self._lock:
            model = self._model(asked, time_ms)
            config = self._config or self._routing(asked, time_ms)
        return Reference(model.id, model.assurance, config, model.provider or asked.provider)

    def _model(self, asked: Asked, time_ms: int) -> RegisteredModel:
        for name in (asked.answered, asked.requested):
            if name is not None and name in self._given:
                return self._given[name]
        key = asked.provider, asked.requested, asked.answered
        if key not in self._models:
            _check_room(len(self._models))
            self._models[key] = self._register(asked, time_ms)
        return self._models[key]

    def _register(self, asked: Asked, time_ms: int) -> RegisteredModel:
        assurance: ModelAssurance = "self-asserted" if asked.answered is None else "provider-returned"
        body = ModelRegistration(
            name=asked.requested,
            version=asked.answered or asked.requested,
            kind="hosted",
            publisher=asked.provider,
            assurance=assurance,
        )
        return RegisteredModel(self._recording.record(body, time=time_ms).id, assurance)

    def _routing(self, asked: Asked, time_ms: int) -> bytes:
        route = Asked(asked.operation, asked.provider, asked.requested, None, asked.server, asked.port)
        if route not in self._configs:
            _check_room(len(self._configs))
            body = ConfigRegistration(kind="routing", name=route.requested, version="1", digest=routing_digest(route))
            self._configs[route] = self._recording.record(body, time=time_ms).id
        return self._configs[route]


def routing_digest(route: Asked) -> bytes:
    """Return SHA-256 of the CBOR array [operation, provider, model, address, port], which anybody can compute."""
    return hashlib.sha256(
        cbor.encode([route.operation, route.provider, route.requested, route.server, route.port])
    ).digest()


def _check_room(count: int) -> None:
    if count >= MODELS_MAX:
        raise UnmappableSpanError("too_many_models")
