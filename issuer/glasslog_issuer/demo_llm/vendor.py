"""The clinic's vendor, who puts the assistant on the log: key, vault, recorder, registrations, and the processor.

The service itself is not touched: `install` adds the processor to its tracer provider.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opentelemetry.sdk.trace import TracerProvider

from glasslog_issuer.demo_llm.examination import PROVIDER, Guardrail
from glasslog_issuer.demo_llm.model import MODEL_NAME, PUBLISHER, ModelFile
from glasslog_issuer.keys import load_key
from glasslog_issuer.otel import GlasslogSpanProcessor, RegisteredModel, install
from glasslog_issuer.recorder import Recorder
from glasslog_issuer.stage.development_log import ISSUER_URI, DevelopmentLog
from glasslog_issuer.vault import Vault, generate_master_key

SYSTEM: Final = "urn:example:clinic-desk"
ENVIRONMENT: Final = "production"  # for this log, which ends with the demo
STREAM: Final = "clinic-desk-1"
MAX_LATENESS_S: Final = 10  # after that, what has no record has none


@dataclass(frozen=True, slots=True)
class Vendor:
    """What the vendor has: the recorder, the vault, and the registrations of the model and of the guardrails."""

    recorder: Recorder
    vault: Vault
    model_id: bytes
    guardrails_id: bytes

    def put_on_the_log(self, provider: TracerProvider) -> GlasslogSpanProcessor:
        """Record what the service does from now on."""
        return install(
            self.recorder,
            automation="advisory",
            provider=provider,
            models={MODEL_NAME: RegisteredModel(self.model_id, "digest-measured", provider=PROVIDER)},
            config=self.guardrails_id,
            shared={"data_class": ["phi"]},
        )


@contextmanager
def vendor(folder: Path, log: DevelopmentLog, model: ModelFile, guardrails: Sequence[Guardrail]) -> Iterator[Vendor]:
    """Open a vault and a recorder in a folder, and register what is known before the first question."""
    master_key = generate_master_key()
    Vault.create(folder / "vault", master_key)
    with (
        Vault.open(folder / "vault", master_key) as vault,
        Recorder.open(
            folder / "spool",
            issuer=ISSUER_URI,
            signer=load_key(log.issuer_key),
            system=SYSTEM,
            env=ENVIRONMENT,
            stream=STREAM,
            log_url=log.url,
            log_keys=[log.vkey],
            vault=vault,
        ) as recorder,
    ):
        _register_system(recorder)
        model_id = recorder.register_model(
            path=model.path, name=MODEL_NAME, version=model.version, kind="weights", publisher=PUBLISHER
        )
        required = [guardrail.required for guardrail in guardrails]
        guardrails_id = recorder.register_guardrails(required, name="clinic-desk", version="1")
        yield Vendor(recorder, vault, model_id, guardrails_id)


def _register_system(recorder: Recorder) -> None:
    recorder.register_system(
        name="Clinic desk assistant",
        purpose="Answer organisational questions of patients at the desk of a clinic.",
        owner=PROVIDER,
        role="provider",
        risk_tier="limited",
        regimes=["eu-ai-act", "hipaa"],
        max_lateness_s=MAX_LATENESS_S,
    )
