"""Say in the words of evidence records what the screening system is, how it was tested, and what changed about it.

The bodies of records about the system as a whole: registrations, evaluations, deployments, monitoring, and what the
vendor does when something is not as it should be. Every number in them was measured by the modules that are named
`training`, `fairness` and `drift`; every digest is of bytes that exist.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from glasslog_issuer.bodies import ConfigRegistration, ModelRegistration
from glasslog_issuer.bodies.assurance import (
    Assessment,
    Evaluation,
    Evaluator,
    Metric,
    Monitoring,
    Reference,
    Sample,
    Tool,
)
from glasslog_issuer.bodies.assurance import Verdict as EvaluationVerdict
from glasslog_issuer.bodies.changes import Approval, Deployment, SubprocessorChange, SubprocessorTerms
from glasslog_issuer.bodies.completeness import CounterSource, CoverageReconciliation
from glasslog_issuer.bodies.incident import Incident
from glasslog_issuer.bodies.parts import Period
from glasslog_issuer.bodies.registrations import DatasetRegistration, DeclaredControl, SystemRegistration
from glasslog_issuer.demo import training
from glasslog_issuer.demo.cohort import (
    DATASET_DIGEST,
    DATASET_LICENCE,
    DATASET_NAME,
    DATASET_VERSION,
    Participant,
)
from glasslog_issuer.demo.document import document_digest
from glasslog_issuer.demo.drift import DISTANCE_MAX, METRIC, FeatureDrift
from glasslog_issuer.demo.evidence import ASSURANCE
from glasslog_issuer.demo.fairness import GroupComparison, fairness_tool
from glasslog_issuer.demo.guardrails.execution import PROVIDER, Policy
from glasslog_issuer.demo.model import MODEL_NAME, RiskModel
from glasslog_issuer.demo.training import Evaluation as HeldOut

SYSTEM_NAME: Final = "Screening for raised blood sugar"
GUARDRAIL_SET_NAME: Final = "screening-guardrails"
GUARDRAIL_SET_VERSION: Final = "1.0.0"
VENDOR_TEAM: Final = "glasslog-demo modelling team"
REVIEW_BOARD: Final = "review-board.example"
AUC_MIN: Final = 0.7
MAX_LATENESS_S: Final = 60

_COLLECTED: Final = Period(from_=1_483_228_800_000, to=1_577_836_800_000)  # from 2017-01-01 to 2020-01-01
_DAY_MS: Final = 86_400_000
_ASSESSMENT_DAYS: Final = 90
_DIGITS: Final = 4


def system_registration(controls: Sequence[str], cadence_s: int, max_gap_s: int) -> SystemRegistration:
    """Return the body that says what the system is for and what it promises: these controls report without fail."""
    return SystemRegistration(
        name=SYSTEM_NAME,
        purpose="propose a blood test to adults who may have raised blood sugar and do not know it",
        owner=PROVIDER,
        role="provider",
        risk_tier="high",
        regimes=["eu-ai-act:annex-iii", "hipaa"],
        declared_controls=[DeclaredControl(id=name, cadence_s=cadence_s, max_gap_s=max_gap_s) for name in controls],
        max_lateness_s=MAX_LATENESS_S,
    )


def provider_terms(now_ms: int) -> SubprocessorChange:
    """Return the body that puts the one who runs the model into the register of those who see the data."""
    terms = b"The demo runs its model in its own process. Nothing leaves it, nothing is kept, nothing is trained on."
    return SubprocessorChange(
        name=PROVIDER,
        service="inference",
        action="add",
        effective=now_ms,
        regions=["on-premises"],
        terms=SubprocessorTerms(dpa_digest=hashlib.sha256(terms).digest(), retention_days=0, training_use="prohibited"),
        assurance_docs=[],
        gaps=["no outside party has examined the demo"],
    )


def dataset_registration(people: Sequence[Participant]) -> DatasetRegistration:
    """Return the body that names the survey, its licence, and who is in the part that is used."""
    source = files(training.__package__ or "").joinpath("cohort.py").read_bytes()
    return DatasetRegistration(
        name=DATASET_NAME,
        version=DATASET_VERSION,
        digest=DATASET_DIGEST,
        rows=len(people),
        sources=["CDC/NCHS National Health and Nutrition Examination Survey 2017-2018"],
        collection_period=_COLLECTED,
        lawful_basis="public-use-data",
        consent="informed-consent-to-nchs",
        labelling="glycohemoglobin measured by the survey's laboratory",
        preprocessing_digest=hashlib.sha256(source).digest(),
        licence=DATASET_LICENCE,
        demographics={
            "sex": dict(Counter(person.sex for person in people)),
            "race": dict(Counter(person.race for person in people)),
        },
    )


def model_registration(model: RiskModel, dataset: bytes) -> ModelRegistration:
    """Return the body that registers the model by the digest of its weights."""
    return ModelRegistration(
        name=MODEL_NAME,
        version=model.version,
        kind="weights",
        publisher=PROVIDER,
        assurance=ASSURANCE,
        weights_digest=model.digest,
        training_data=[dataset],
    )


def guardrail_set_registration(policies: Mapping[str, Policy]) -> ConfigRegistration:
    """Return the body that registers which guardians must run, by the digest of all their policies."""
    digests = {guardian: policy.digest.hex() for guardian, policy in policies.items()}
    return ConfigRegistration(
        kind="guardrail-set",
        name=GUARDRAIL_SET_NAME,
        version=GUARDRAIL_SET_VERSION,
        digest=document_digest({"policies": digests}),
        guardrails=list(policies),
    )


def validation(held_out: HeldOut, *, model: bytes, dataset: bytes) -> Evaluation:
    """Return the body of the validation on people the model was not fitted to, by somebody independent."""
    verdict: EvaluationVerdict = "pass" if held_out.auc >= AUC_MIN else "fail"
    measured = {"auc": held_out.auc, "sensitivity": held_out.sensitivity, "specificity": held_out.specificity}
    return Evaluation(
        kind="validation",
        model=model,
        dataset=dataset,
        tool=Tool(name="scikit-learn", version=version("scikit-learn")),
        n=held_out.count,
        metrics=[Metric(name=name, value=round(value, _DIGITS)) for name, value in measured.items()],
        verdict=verdict,
        evaluator=Evaluator(who=REVIEW_BOARD, independent=True),
    )


def bias_evaluation(comparison: GroupComparison, *, model: bytes, dataset: bytes) -> Evaluation:
    """Return the body of the comparison of groups, with the verdict that the vendor's own thresholds give."""
    return Evaluation(
        kind="bias",
        model=model,
        dataset=dataset,
        tool=fairness_tool(),
        n=comparison.n,
        metrics=comparison.metrics,
        disparities=comparison.disparities,
        verdict=comparison.verdict,
        evaluator=Evaluator(who=VENDOR_TEAM, independent=False),
    )


def conditional_acceptance(version_: str, now_ms: int) -> Assessment:
    """Return the body that says on which conditions a model is used though groups are not treated alike."""
    return Assessment(
        subject=f"{MODEL_NAME} {version_}: bias evaluation that did not pass",
        disposition="accepted-with-conditions",
        scope="screening of adults in the demo's practice, where a clinician decides every case",
        by=REVIEW_BOARD,
        valid_until=now_ms + _ASSESSMENT_DAYS * _DAY_MS,
        triggers=["the difference in sensitivity grows", "decisions without a clinician", "another model"],
    )


def first_deployment(*, model: bytes, validated_by: bytes, approver: bytes, now_ms: int) -> Deployment:
    """Return the body that puts a first model into service."""
    return Deployment(
        model=model,
        action="deploy",
        substantial=True,
        approvals=[Approval(role="medical-director", who=approver, at=now_ms)],
        effective=now_ms,
        validation=validated_by,
    )


def retrained_deployment(
    *, model: bytes, previous: bytes, validated_by: bytes, approver: bytes, now_ms: int
) -> Deployment:
    """Return the body that replaces a model by a retrained one, which is a substantial change."""
    return Deployment(
        model=model,
        previous=previous,
        action="retrain",
        substantial=True,
        approvals=[Approval(role="medical-director", who=approver, at=now_ms)],
        effective=now_ms,
        validation=validated_by,
        change_ticket="drift-of-arrivals",
    )


def drift_monitoring(drift: FeatureDrift, *, window: Period, action: str | None) -> Monitoring:
    """Return the body that compares one feature of those who arrived with the training data."""
    return Monitoring(
        kind="drift",
        metric=METRIC,
        feature=drift.feature,
        reference=Reference(n=drift.reference_n, digest=DATASET_DIGEST),
        current=Sample(window=window, n=drift.current_n),
        value=drift.distance,
        threshold=DISTANCE_MAX,
        breached=drift.breached,
        procedure="compare after every hundred decisions; retrain when the distance is too wide",
        action=action,
    )


def drift_incident(*, aware_ms: int, since_ms: int, decisions: int, actions: Sequence[str], state: str) -> Incident:
    """Return the body that tells of decisions about people unlike those the model was fitted to."""
    return Incident(
        category="drift",
        severity="moderate",
        serious=False,
        aware_at=aware_ms,
        occurred=since_ms,
        count=decisions,
        state=state,
        actions=actions,
    )


def worklist_reconciliation(referrals: int, recorded: int, *, since_ms: int, until_ms: int) -> CoverageReconciliation:
    """Return the body that holds the practice's worklist against the decisions in the log."""
    return CoverageReconciliation(
        source=CounterSource(name="practice worklist", counter="referrals that arrived"),
        from_=since_ms,
        to=until_ms,
        matched=min(referrals, recorded),
        observed_unrecorded=max(0, referrals - recorded),
        recorded_unobserved=max(0, recorded - referrals),
        excluded=0,
        indeterminate=0,
    )
