"""A full record of every type, from one story: a vendor's system triages chest X-rays for a hospital.

`BODIES` has every field that a body may have; where two exclude each other, `OTHER_BODIES` has the other one.
"""

from copy import deepcopy
from typing import Final

from glasslog import cbor
from glasslog.cbor import Value
from glasslog.records.schema import Rule, SchemaMismatchError
from glasslog.records.schema.containers import Array, ClosedMap
from tests.verifier.evidence import TIME_MS, digest, record_fields, uuid7

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
PERIOD: Final = {"from": TIME_MS - DAY_MS, "to": TIME_MS}
REVIEWER: Final = digest("reviewer")[:16]

EXECUTION: Final[dict[str, Value]] = {
    "guardian": {"id": "image-quality", "name": "Image quality gate", "version": "2.4.1", "provider": "Lumen Imaging"},
    "policy": {"id": "image-quality-policy", "version": "7", "digest": digest("image quality policy")},
    "target": "llm_input",
    "position": "pre",
    "decision": "warn",
    "reason_code": "rotated",
    "findings": [{"category": "rotation", "severity": "low", "score": 0.25, "count": 1}],
    "started": TIME_MS,
    "latency_ms": 3.5,
    "coverage": {"seen": 2, "total": 2},
}
TERMS: Final = {
    "dpa_digest": digest("data processing agreement"),
    "baa_digest": digest("business associate agreement"),
    "retention_days": 30,
    "training_use": "prohibited",
}
CORRESPONDENCE: Final[dict[str, Value]] = {
    "channel": "letter",
    "sent": TIME_MS,
    "template_digest": digest("letter"),
    "due": TIME_MS + 30 * DAY_MS,
    "state": "delivered",
    "result": "none",
}
OPENED: Final[dict[str, Value]] = {"channel": "portal", "opened": TIME_MS}

BODIES: Final[dict[str, dict[str, Value]]] = {
    "inference-attempt": {
        "operation": "classify",
        "provider": {"name": "Lumen Imaging", "region": "eu-central-1"},
        "requested_model": "cxr-triage",
        "required_guardrails": digest("guardrail set"),
    },
    "inference": {
        "operation": "classify",
        "provider": {"name": "Lumen Imaging", "region": "eu-central-1"},
        "requested_model": "cxr-triage",
        "response_model": "cxr-triage-3.2",
        "response_id": "r-000417",
        "system_fingerprint": "fp_44709d6fcb",
        "model": uuid7("cxr-triage 3.2"),
        "model_assurance": "digest-measured",
        "config": uuid7("threshold 0.35"),
        "params": {"seed": 7, "precise": True, "tile": None, "view": "PA", "temperature": 0.0, "offset": -1},
        "status": "completed",
        "error_type": "_OTHER",
        "usage": {"input_tokens": 1, "output_tokens": 1},
        "latency_ms": 412.5,
        "decision": {
            "label": "urgent",
            "score": 0.875,
            "threshold": 0.35,
            "reason_codes": ["pneumothorax", "left-apex"],
        },
        "automation": "in-loop",
        "principal": digest("requesting physician")[:16],
        "routed": {"from": "cxr-triage-lite", "to": "cxr-triage-3.2", "reason": "low-confidence"},
        "guardrails": [EXECUTION],
    },
    "guardrail-execution": EXECUTION,
    "step": {
        "operation": "retrieval",
        "name": "prior studies",
        "version": "1.9",
        "data_source": "pacs-archive",
        "authorization": {"policy": "priors-of-this-patient", "decision": "allow"},
    },
    "outcome": {"source": "radiologist's final report", "observed_at": TIME_MS + DAY_MS},
    "model-registration": {
        "name": "cxr-triage",
        "version": "3.2",
        "kind": "weights",
        "publisher": "Lumen Imaging",
        "assurance": "digest-measured",
        "weights_digest": digest("weights"),
        "signing_bundle_digest": digest("bundle"),
        "base_model": "densenet-121",
        "training_data": [uuid7("training data")],
        "card_digest": digest("card"),
        "limits_digest": digest("limits"),
    },
    "config-registration": {
        "kind": "guardrail-set",
        "name": "triage guardrails",
        "version": "5",
        "digest": digest("guardrail set"),
        "previous": uuid7("triage guardrails 4"),
        "guardrails": ["image-quality", "burned-in-text"],
    },
    "dataset-registration": {
        "name": "chest X-rays 2019-2023",
        "version": "4",
        "digest": digest("training data"),
        "rows": 112_120,
        "sources": ["St. Elsewhere PACS", "public NIH set"],
        "collection_period": PERIOD,
        "lawful_basis": "gdpr-6-1-e",
        "consent": "waived",
        "labelling": "two radiologists, third on disagreement",
        "preprocessing_digest": digest("preprocessing"),
        "demographics": {"sex": {"female": 48_780, "male": 63_340}, "age_band": {"65+": 30_102, "under 65": 82_018}},
        "licence": "CC0-1.0",
    },
    "system-registration": {
        "name": "Chest X-ray triage",
        "purpose": "Put chest X-rays with a suspected pneumothorax first on the radiologist's worklist.",
        "owner": "Lumen Imaging",
        "role": "provider",
        "risk_tier": "high",
        "regimes": ["eu-ai-act", "mdr", "gdpr"],
        "declared_controls": [
            {"id": "drift-monitor", "cadence_s": 3_600, "max_gap_s": 7_200},
            {"id": "image-quality", "cadence_s": 60, "max_gap_s": 60},
        ],
        "max_lateness_s": 600,
    },
    "deployment": {
        "model": uuid7("cxr-triage 3.2"),
        "previous": uuid7("cxr-triage 3.1"),
        "action": "retrain",
        "substantial": True,
        "approvals": [{"role": "clinical-safety-officer", "who": REVIEWER, "at": TIME_MS - HOUR_MS}],
        "validation": uuid7("validation of 3.2"),
        "change_ticket": "CHG-2071",
        "effective": TIME_MS,
        "notified": {"audience": "deployers", "at": TIME_MS - 30 * DAY_MS, "lead_days": 30},
    },
    "subprocessor-change": {
        "name": "Nimbus Cloud",
        "service": "GPU hosting",
        "action": "add",
        "effective": TIME_MS + 30 * DAY_MS,
        "regions": ["eu-central-1"],
        "terms": TERMS,
        "assurance_docs": [digest("soc2 report")],
        "gaps": ["The report leaves out the backup site."],
    },
    "evaluation": {
        "kind": "bias",
        "model": uuid7("cxr-triage 3.2"),
        "dataset": uuid7("held-out data"),
        "tool": {"name": "fairlearn", "version": "0.12"},
        "n": 4_096,
        "metrics": [
            {
                "name": "sensitivity",
                "value": 0.9375,
                "ci": {"low": 0.91, "high": 0.96, "level": 0.95},
                "group": {"attribute": "age_band", "value": "65+"},
                "n": 1_024,
            },
            {"name": "auroc", "value": 0.96875},
        ],
        "disparities": [{"metric": "sensitivity", "attribute": "age_band", "ratio": 0.96, "threshold": 0.8}],
        "verdict": "pass",
        "evaluator": {"who": "Institute for Clinical AI", "independent": True},
        "samples_root": digest("samples"),
    },
    "monitoring": {
        "kind": "drift",
        "metric": "psi",
        "feature": "pixel spacing",
        "reference": {"window": PERIOD, "n": 4_096},
        "current": {"window": {"from": TIME_MS, "to": TIME_MS + HOUR_MS}, "n": 211},
        "value": 0.31,
        "threshold": 0.25,
        "breached": True,
        "procedure": "population stability index, 10 bins",
        "action": "alerted",
    },
    "document": {
        "kind": "impact-assessment",
        "title": "Fundamental rights impact assessment",
        "version": "2",
        "digest": digest("assessment"),
        "period": PERIOD,
        "gaps": ["Paediatric patients are not assessed."],
    },
    "assessment": {
        "subject": "cxr-triage 3.2 at St. Elsewhere",
        "disposition": "approved-with-conditions",
        "scope": "Adults, frontal views, emergency department.",
        "by": "St. Elsewhere AI board",
        "valid_until": TIME_MS + 365 * DAY_MS,
        "triggers": ["A sensitivity below 0.9 in any age band."],
    },
    "oversight": {
        "mode": "in-loop",
        "reviewer": REVIEWER,
        "second_reviewer": digest("second reviewer")[:16],
        "role": "radiologist",
        "action": "override",
        "reason_code": "skin-fold",
        "seconds": 48.5,
    },
    "notice": {"kind": "ai-use", **CORRESPONDENCE},
    "contest": {"kind": "correction", **CORRESPONDENCE},
    "explanation": dict(CORRESPONDENCE),
    "incident": {
        "category": "harmful-output",
        "severity": "major",
        "serious": True,
        "aware_at": TIME_MS,
        "occurred": TIME_MS - DAY_MS,
        "count": 3,
        "state": "open",
        "actions": ["model-suspended"],
        "reports": [{"to": "market surveillance authority", "at": TIME_MS, "deadline": TIME_MS + 15 * DAY_MS}],
    },
    "control-operation": {
        "control": "image-quality",
        "period": PERIOD,
        "count": 211,
        "by_status": {"allow": 198, "warn": 13},
        "healthy": True,
        "exceptions": [uuid7("exception")],
    },
    "window-seal": {
        "from": TIME_MS - DAY_MS,
        "to": TIME_MS,
        "tree_size_start": 100,
        "tree_size_end": 311,
        "streams": [
            {"id": "triage-1", "first_seq": 40, "last_seq": 250, "count": 211},
            {"id": "triage-2", "first_seq": 7, "last_seq": 6, "count": 0},
        ],
    },
    "coverage-reconciliation": {
        "source": {"name": "radiology worklist", "counter": "studies routed"},
        "from": TIME_MS - DAY_MS,
        "to": TIME_MS,
        "matched": 210,
        "observed_unrecorded": 1,
        "recorded_unobserved": 0,
        "excluded": 4,
        "indeterminate": 0,
    },
    "access": {
        "actor": digest("auditor")[:16],
        "action": "disclose",
        "object": "urn:uuid:7f1f1c5e-6a3b-4c0e-9d53-0d9a3f0a7c11",
        "purpose": "patient-request",
        "auth": {"mfa": True},
        "recipient": "St. Elsewhere",
    },
    "erasure": {
        "request_id": "dsr-2025-0044",
        "targets": [
            {"store": "vault", "state": "confirmed", "at": TIME_MS},
            {"store": "backups", "state": "requested", "at": TIME_MS},
        ],
        "basis": "gdpr-17-1-b",
        "commitments": [digest("input"), digest("output")],
    },
    "log-policy": {
        "origin": "log.example/2025",
        "operator_key": digest("operator key"),
        "log_keys": [digest("log key")],
        "content_types": ["application/vnd.glasslog.record+cbor"],
        "record_types": ["inference", "oversight"],
        "entry_bytes_max": 65_535,
        "entries_access": "public",
    },
    "issuer-registration": {
        "action": "register",
        "issuer": "https://lumen.example",
        "key": digest("issuer key"),
        "valid_from": TIME_MS,
        "valid_until": TIME_MS + 365 * DAY_MS,
        "reason": "first key",
    },
}
OTHER_BODIES: Final[dict[str, dict[str, dict[str, Value]]]] = {
    "deployment": {"a model that is stopped": {**BODIES["deployment"], "action": "suspend"}},
    "evaluation": {
        "a difference and a person": {
            **BODIES["evaluation"],
            "disparities": [{"metric": "sensitivity", "attribute": "sex", "difference": -0.02, "threshold": 0.05}],
            "evaluator": {"who": REVIEWER, "independent": False},
        }
    },
    "monitoring": {
        "a reference by its digest": {**BODIES["monitoring"], "reference": {"digest": digest("reference"), "n": 4_096}}
    },
    "notice": {"opened by the person": {"kind": "consent", **OPENED}},
    "contest": {"opened by the person": {"kind": "appeal", **OPENED}},
    "explanation": {"opened by the person": dict(OPENED)},
    "access": {"by a service": {**BODIES["access"], "actor": "backup service", "recipient": REVIEWER}},
    "control-operation": {"a control that stood still": {**BODIES["control-operation"], "count": 0, "by_status": {}}},
}
ENVELOPE: Final[dict[str, Value]] = {
    "end": TIME_MS + 5,
    "anchor": {"size": 7, "root": digest("root")},
    "tenant": digest("tenant")[:16],
    "links": [{"rel": "model", "id": uuid7("model")}],
    "trace": {"trace_id": digest("trace")[:16], "span_id": digest("span")[:8]},
    "data_class": ["phi"],
    "retention": {"class": "7y", "until": TIME_MS, "hold": False},
    "commitments": {"input": digest("input")},
}


def full_record(record_type: str) -> dict[str, Value]:
    """Return the fields of a record with everything that it may hold."""
    fields = record_fields(record_type, deepcopy(BODIES[record_type]), seq=3, **deepcopy(ENVELOPE))
    fields["stream"]["prev"] = digest("prev")
    return fields


def plain_record(record_type: str, body: dict[str, Value] | None = None) -> dict[str, Value]:
    """Return the fields of a record with nothing that is optional around its body."""
    return record_fields(record_type, deepcopy(BODIES[record_type] if body is None else body))


def ordered(value: Value) -> Value:
    """Return a value as a decoder would: map keys in the order of their encodings."""
    return cbor.decode(cbor.encode(value))


def stripped(rule: Rule, value: Value) -> Value:
    """Return a value that the rule accepts without all that it can do without."""
    if isinstance(rule, Array):
        return [stripped(rule.of, element) for element in value[: rule.minimum]]
    if isinstance(rule, ClosedMap):
        value = {name: stripped(rule.fields[name], element) for name, element in value.items()}
        for name in rule.optional:
            fewer = {other: element for other, element in value.items() if other != name}
            if is_accepted(rule, fewer):
                value = fewer
    return value


def is_accepted(rule: Rule, value: Value) -> bool:
    """Tell whether a rule accepts a value, its keys put in order."""
    try:
        rule(ordered(value))
    except SchemaMismatchError:
        return False
    return True
