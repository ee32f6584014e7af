"""Register what a system is made of, measured rather than claimed, and only when it has changed.

Modules: `digests` (files and folders), `manifest` (OpenSSF model signing), `guardrail_sets` (which guardrails must
run), `registrations` (what a Recorder does with them).
"""

from glasslog_issuer.registering.digests import file_digest, folder_digest, measure
from glasslog_issuer.registering.guardrail_sets import RequiredGuardrail, guardrail_set_digest
from glasslog_issuer.registering.manifest import SignedModel, check_model, decode_manifest

__all__ = [
    "RequiredGuardrail",
    "SignedModel",
    "check_model",
    "decode_manifest",
    "file_digest",
    "folder_digest",
    "guardrail_set_digest",
    "measure",
]
