"""The system in production, from its registration to its retirement of a first model: every step leaves its records.

    register        what the system is, what it was fitted to, how it was tested, who let it into service
    screen          a decision about each person who arrives; the clinician's part in it; the notice to the person
    report_results  blood tests come back: the truth about earlier decisions
    watch           have the people who arrive changed? what was measured, and an incident when they have
    retrain         a new model from what was learned, tested again, and put in the place of the first
    reconcile       the practice's own count of referrals, held against what was recorded

A `Production` knows nothing of logs: it gives records to a `Recording`, in the order in which things happen.
"""

import hashlib
import hmac
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from glasslog_issuer.bodies.parts import Period
from glasslog_issuer.demo import evidence, governance
from glasslog_issuer.demo.clinician import Review, review
from glasslog_issuer.demo.cohort import Cohort, Participant
from glasslog_issuer.demo.drift import FeatureDrift, measure_drift
from glasslog_issuer.demo.fairness import GroupComparison, compare_groups
from glasslog_issuer.demo.model import RiskModel, decode_model
from glasslog_issuer.demo.referrals import Case
from glasslog_issuer.demo.screening import Decision, Label, Screening
from glasslog_issuer.demo.training import Evaluation, evaluate, fit_model
from glasslog_issuer.record import SignedRecord
from glasslog_issuer.recording import Recording

SYSTEM: Final = "urn:example:raised-hba1c-screen"
ENVIRONMENT: Final = "production"
STREAM_ID: Final = "screening"
DATA_CLASSES: Final = ("phi",)
RETRAINED_VERSION: Final = "1.1.0"
RETRAINED_SENSITIVITY: Final = 0.88

_NS_PER_S: Final = 1e9


@dataclass(frozen=True, slots=True)
class Screened:
    """One decision with all that the vendor has of it: the case, the decision, the review, and the signed record."""

    case: Case
    decision: Decision
    review: Review
    signed: SignedRecord

    @property
    def subject(self) -> str:
        """Return the practice's name for the person, which never reaches the log."""
        return subject_of(self.case.participant)


@dataclass(frozen=True, slots=True)
class Tested:
    """A model in the log: its registration, how it did on people it has not seen, and how groups fared."""

    model: RiskModel
    registration: SignedRecord
    held_out: Evaluation
    comparison: GroupComparison


def subject_of(person: Participant) -> str:
    """Return the practice's name for a person: the key under which a vault keeps what is known of them."""
    return f"respondent-{person.respondent}"


class Production:
    """The vendor's side of the demo. Methods are called in the order of the module's description."""

    def __init__(
        self,
        recording: Recording,
        screening: Screening,
        cohort: Cohort,
        *,
        tag_key: bytes,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Take where records go, the system that decides, its people, and the key (32 bytes) that tags persons."""
        self.screening = screening
        self.tested: list[Tested] = []
        self.screened: list[Screened] = []
        self._recording = recording
        self._cohort = cohort
        self._tag_key = tag_key
        self._now_ms = now_ms
        self._dataset: bytes = b""
        self._guardrails: bytes = b""

    def register(self, never: Sequence[Participant], cadence_s: int, max_gap_s: int) -> None:
        """Say what the system is, and let its first model into service. `never` are the people to test it on."""
        record = self._recording.record
        controls = list(self.screening.policies)
        record(governance.system_registration(controls, cadence_s, max_gap_s))
        record(governance.provider_terms(self._now_ms()))
        self._dataset = record(governance.dataset_registration(self._cohort.training)).id
        self._guardrails = record(governance.guardrail_set_registration(self.screening.policies)).id
        tested, validated_by = self._test(self.screening.model, never)
        record(
            governance.first_deployment(
                model=tested.registration.id,
                validated_by=validated_by.id,
                approver=self._tag("medical-director"),
                now_ms=self._now_ms(),
            )
        )

    def screen(self, case: Case) -> Screened:
        """Decide about one person, record it, and let the clinician look."""
        decision = self.screening.decide(case.referral)
        subject = subject_of(case.participant)
        signed = self._recording.record(
            evidence.inference(decision, model_id=self.tested[-1].registration.id, config_id=self._guardrails),
            commit=decision.content(),
            subject=subject,
            time=decision.started_ms,
            end=decision.started_ms + math.ceil(decision.latency_ms),
            data_class=DATA_CLASSES,
        )
        started = time.perf_counter_ns()
        reviewed = review(decision)
        seconds = (time.perf_counter_ns() - started) / _NS_PER_S
        self._recording.record(
            evidence.oversight(reviewed, reviewer=self._tag("clinician-1"), seconds=seconds),
            commit={
                "before": decision.label.value,
                "after": reviewed.label.value,
                "seen": decision.content()["output"],
            },
            decision=signed.decision,
            subject=subject,
            links=[{"rel": "reviews", "id": signed.id}],
        )
        self._recording.record(evidence.ai_notice(self._now_ms()), decision=signed.decision, subject=subject)
        screened = Screened(case, decision, reviewed, signed)
        self.screened.append(screened)
        return screened

    def report_results(self, screened: Sequence[Screened]) -> int:
        """Record the blood tests that the clinician ordered; return how many."""
        ordered = [one for one in screened if one.review.label is Label.OFFER_TEST]
        for one in ordered:
            self._recording.record(
                evidence.laboratory_outcome(self._now_ms()),
                decision=one.signed.decision,
                subject=one.subject,
                commit={"outcome": {"hba1c_percent": one.case.participant.hba1c_percent}},
                links=[{"rel": "inference", "id": one.signed.id}],
            )
        return len(ordered)

    def watch(self, screened: Sequence[Screened]) -> tuple[FeatureDrift, ...]:
        """Compare those who arrived with the training data, feature by feature; the farthest first."""
        seen = [one.decision.features for one in screened if one.decision.features is not None]
        drifts = measure_drift(self._cohort.training, seen)
        since_ms = screened[0].decision.started_ms
        window = Period(from_=since_ms, to=self._now_ms())
        for drift in drifts:
            action = "retrain" if drift.breached else None
            self._recording.record(governance.drift_monitoring(drift, window=window, action=action))
        if drifts[0].breached:
            self._report_incident(since_ms, len(screened), ["clinicians-told", "retraining-begun"], "open")
        return drifts

    def retrain(self, never: Sequence[Participant]) -> Tested:
        """Fit a new model to the first people and to those whose blood test came back; test it and put it in place."""
        learned = [one.case.participant for one in self.screened if one.review.label is Label.OFFER_TEST]
        fitted = fit_model(
            [*self._cohort.training, *learned], version=RETRAINED_VERSION, sensitivity=RETRAINED_SENSITIVITY
        )
        previous = self.tested[-1].registration.id
        tested, validated_by = self._test(decode_model(fitted.encode()), never)
        self._recording.record(
            governance.retrained_deployment(
                model=tested.registration.id,
                previous=previous,
                validated_by=validated_by.id,
                approver=self._tag("medical-director"),
                now_ms=self._now_ms(),
            )
        )
        self.screening = replace(self.screening, model=tested.model)
        self._report_incident(
            self.screened[0].decision.started_ms, len(self.screened), ["retrained-model-deployed"], "closed"
        )
        return tested

    def reconcile(self, referrals: int) -> None:
        """Hold the practice's own count of referrals against the decisions that were recorded."""
        recorded, since_ms = len(self.screened), self.screened[0].decision.started_ms
        body = governance.worklist_reconciliation(referrals, recorded, since_ms=since_ms, until_ms=self._now_ms())
        self._recording.record(body)

    def _test(self, model: RiskModel, people: Sequence[Participant]) -> tuple[Tested, SignedRecord]:
        """Register a model and record its tests; return what came of them, and the record of the validation."""
        registration = self._recording.record(governance.model_registration(model, self._dataset))
        held_out, comparison = evaluate(model, people), compare_groups(model, people)
        validated_by = self._recording.record(
            governance.validation(held_out, model=registration.id, dataset=self._dataset)
        )
        self._recording.record(governance.bias_evaluation(comparison, model=registration.id, dataset=self._dataset))
        if comparison.verdict != "pass":
            self._recording.record(governance.conditional_acceptance(model.version, self._now_ms()))
        tested = Tested(model, registration, held_out, comparison)
        self.tested.append(tested)
        return tested, validated_by

    def _report_incident(self, since_ms: int, decisions: int, actions: Sequence[str], state: str) -> None:
        now = self._now_ms()
        body = governance.drift_incident(
            aware_ms=now, since_ms=since_ms, decisions=decisions, actions=actions, state=state
        )
        self._recording.record(body)

    def _tag(self, person: str) -> bytes:
        """Return the keyed tag of a person on the vendor's side (HMAC-SHA-256, 32 bytes)."""
        return hmac.digest(self._tag_key, person.encode(), hashlib.sha256)
