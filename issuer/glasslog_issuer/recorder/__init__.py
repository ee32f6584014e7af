"""The Recorder: what a vendor's program records with.

Modules: `recorder` (the Recorder), `settings` (how it is set up), `decision` (all about one decision), `measuring`
(what an inference and a guardrail leave behind), `tracing` (OpenTelemetry's trace context), `ticking` (background
tasks), `aio` (the same for asyncio).
"""

from glasslog_issuer.recorder.aio import AsyncDecisionRecorder, AsyncRecorder
from glasslog_issuer.recorder.decision import DecisionRecorder
from glasslog_issuer.recorder.measuring import GuardrailInProgress, InferenceInProgress
from glasslog_issuer.recorder.recorder import Recorder, RecorderStatus
from glasslog_issuer.recorder.settings import RecorderSettings

__all__ = [
    "AsyncDecisionRecorder",
    "AsyncRecorder",
    "DecisionRecorder",
    "GuardrailInProgress",
    "InferenceInProgress",
    "Recorder",
    "RecorderSettings",
    "RecorderStatus",
]
