"""Build, sign and submit evidence records to a Glasslog transparency log.

This is the vendor's side: it holds the signing key and the opened content, and keeps the receipts that the log returns.
An issuer of the records of one system, and what the system runs, registered once:

    issuer = Issuer("https://vendor.example", load_key("issuer.pem"), system="urn:example:triage", env="production",
                    stream=Stream("triage-1"))
    model = issuer.sign(ModelRegistration(name="triage", version="3", kind="hosted", publisher="vendor",
                                          assurance="self-asserted"))
    rules = issuer.sign(ConfigRegistration(kind="threshold", name="triage", version="3", digest=rules_digest))

From then on, one inference after the other:

    inference = Inference(operation="classify", provider=Provider(name="vendor"), requested_model="triage-3",
                          model=model.id, model_assurance="self-asserted", config=rules.id, status="completed",
                          latency_ms=12.5, automation="in-loop", decision=Decision(label="urgent", score=0.93))
    signed = issuer.sign(inference, commit={"input": "62 years, chest pain", "output": "urgent"})
    with Client(log_url, log_keys=[vkey]) as client:
        registered = client.submit(signed.statement)

The receipt is verified by then. `registered.transparent_statement()` and `signed.disclosure_file()` are what a relying
party is given to check the decision offline.

A service records with a `Recorder` instead: it keeps what it signs until the log has it, through crashes and failures,
and sends it in the background.

What a decision and its registrations need is here; the classes of all other records (`Oversight`, `Deployment`,
`Evaluation`, `ControlOperation`, ...) are in `glasslog_issuer.bodies`.

Modules: `keys` (key files), `bodies` (what a record says), `record` (signing), `stream` (numbering), `client`
(submitting), `registration` (what comes back), `recorder` (all of it, with `spool`, `sender` and `anchors`),
`recording` (what takes records), `errors`; `record_json` reads records from JSON.
"""

from glasslog_issuer.bodies import (
    AppliedPolicy,
    Body,
    ConfigRegistration,
    Coverage,
    Decision,
    Finding,
    Guardian,
    GuardrailExecution,
    Inference,
    InferenceAttempt,
    ModelRegistration,
    Provider,
    RawBody,
    Routing,
    Usage,
)
from glasslog_issuer.client import Client
from glasslog_issuer.exchange import Timeouts
from glasslog_issuer.keys import generate_key, load_key, load_public_key, write_key
from glasslog_issuer.record import Issuer, SignedRecord
from glasslog_issuer.recorder import AsyncRecorder, Recorder, RecorderSettings, RecorderStatus
from glasslog_issuer.recording import DirectRecording, Recording
from glasslog_issuer.registration import Outcome, Registered, Rejected
from glasslog_issuer.retry import RetryPolicy
from glasslog_issuer.spool import Bounds
from glasslog_issuer.stream import Stream, StreamFile

__all__ = [
    "AppliedPolicy",
    "AsyncRecorder",
    "Body",
    "Bounds",
    "Client",
    "ConfigRegistration",
    "Coverage",
    "Decision",
    "DirectRecording",
    "Finding",
    "Guardian",
    "GuardrailExecution",
    "Inference",
    "InferenceAttempt",
    "Issuer",
    "ModelRegistration",
    "Outcome",
    "Provider",
    "RawBody",
    "Recorder",
    "RecorderSettings",
    "RecorderStatus",
    "Recording",
    "Registered",
    "Rejected",
    "RetryPolicy",
    "Routing",
    "SignedRecord",
    "Stream",
    "StreamFile",
    "Timeouts",
    "Usage",
    "generate_key",
    "load_key",
    "load_public_key",
    "write_key",
]
