import hashlib
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from glasslog_issuer.demo.cohort import MEASUREMENT_NAMES
from glasslog_issuer.demo.document import encode_document
from glasslog_issuer.demo.guardrails.abstention import Abstention
from glasslog_issuer.demo.guardrails.distribution import position_of
from glasslog_issuer.demo.guardrails.execution import Clock, Guardrail, Policy, Ruling, execute, skip, stops
from glasslog_issuer.demo.guardrails.identifiers import NOTE_CHARACTERS_MAX, IdentifierScan
from glasslog_issuer.demo.guardrails.ranges import Limits
from glasslog_issuer.demo.model import Judgement
from glasslog_issuer.demo.referrals import Defect, Referral, spoil
from tests.issuer.demo.clinic import CLOCK, clinic

RANGES_DIGEST = "ea2572058a0a71b3ceea2c673ed9669c3a451ac01eba17e0cef0ab9b839a8943"
DISTRIBUTION_DIGEST = "fe8aa3ed8f686caa5a491491d7faddcd7cd0d9954abda34015281072a549a6ea"


def _with(referral: Referral, **measurements: float | None) -> Referral:
    return replace(referral, measurements=replace(referral.measurements, **measurements))


def _judged(margin: float, standard_error: float) -> Judgement:
    return Judgement(0.5, margin, standard_error, {})


# ------------------------------------------------------------------------------------------------------------ execution


class _Broken(IdentifierScan):
    def rule(self, subject: Referral) -> Ruling[Referral]:
        raise ZeroDivisionError(subject.note)


def test_a_guardrail_that_breaks_stops_its_subject_and_says_so() -> None:
    referral = clinic().usual_referral()
    execution, accepted = execute(_Broken(), referral, CLOCK)
    assert (execution.decision, execution.reason_code) == ("error-fail-closed", "ZeroDivisionError")
    assert stops(execution)
    assert accepted is referral


def test_an_execution_says_when_it_started_and_how_long_it_took() -> None:
    ticks = iter([1_000, 3_501_000])
    clock = Clock(now_ms=lambda: 1_700_000_000_123, ticks_ns=lambda: next(ticks))
    execution, _ = execute(IdentifierScan(), clinic().usual_referral(), clock)
    assert (execution.started, execution.latency_ms) == (1_700_000_000_123, 3.5)


def test_what_is_skipped_leaves_evidence_too() -> None:
    execution = skip(Abstention(), "stopped_before_model", CLOCK)
    assert (execution.decision, execution.reason_code) == ("skipped", "stopped_before_model")
    assert not stops(execution)
    assert (execution.guardian.id, execution.position) == ("abstention", "post")


def test_a_policy_is_named_by_the_digest_of_what_is_enforced() -> None:
    scan = IdentifierScan()
    document = scan.policy.document
    assert scan.policy.digest == hashlib.sha256(encode_document(document)).digest()
    assert {name: pattern["expression"] for name, pattern in document["patterns"].items()} == {
        pattern.category: pattern.expression for pattern in scan.patterns
    }


def test_the_data_give_these_policies_and_no_others() -> None:
    digests = [clinic().ranges.policy.digest.hex(), clinic().distribution.policy.digest.hex()]
    assert digests == [RANGES_DIGEST, DISTRIBUTION_DIGEST]


def _policies() -> dict[str, tuple[Policy, Policy]]:
    """Return each guardrail's policy beside the one after the smallest change of what it enforces."""
    ranges, distribution, scan = clinic().ranges, clinic().distribution, IdentifierScan()
    pulse = ranges.limits["pulse_bpm"]
    wider = {**ranges.limits, "pulse_bpm": replace(pulse, highest=pulse.highest + 1)}
    changed: dict[str, tuple[Guardrail[Referral] | Abstention, Guardrail[Referral] | Abstention]] = {
        "ranges": (ranges, replace(ranges, limits=wider)),
        "distribution": (distribution, replace(distribution, deny_above=distribution.deny_above + 1)),
        "abstention": (Abstention(), Abstention(standard_errors_min=999)),
        "identifiers": (scan, replace(scan, patterns=scan.patterns[1:])),
    }
    return {name: (before.policy, after.policy) for name, (before, after) in changed.items()}


@pytest.mark.parametrize("name", ["ranges", "distribution", "abstention", "identifiers"])
def test_the_smallest_change_of_a_policy_shows(name: str) -> None:
    before, after = _policies()[name]
    assert before.digest != after.digest


# --------------------------------------------------------------------------------------------------------------- ranges


def test_the_training_data_lie_within_their_own_ranges() -> None:
    for person in clinic().cohort.training:
        if person.measurements.complete:
            ruling = clinic().ranges.rule(Referral(1, person.measurements, ""))
            assert ruling.decision in {"allow", "warn"}


@pytest.mark.parametrize("name", MEASUREMENT_NAMES)
def test_every_measurement_must_be_there(name: str) -> None:
    ruling = clinic().ranges.rule(_with(clinic().usual_referral(), **{name: None}))
    assert (ruling.decision, ruling.reason_code) == ("deny", "measurement_missing")
    assert [finding.category for finding in ruling.findings] == [f"missing:{name}"]
    assert ruling.coverage is not None
    assert (ruling.coverage.seen, ruling.coverage.total) == (len(MEASUREMENT_NAMES) - 1, len(MEASUREMENT_NAMES))


@pytest.mark.parametrize("name", MEASUREMENT_NAMES)
def test_a_value_that_nobody_had_is_stopped_and_the_last_that_somebody_had_is_not(name: str) -> None:
    limits: Limits = clinic().ranges.limits[name]
    for bound, step in ((limits.lowest, -1), (limits.highest, 1)):
        inside = clinic().ranges.rule(_with(clinic().usual_referral(), **{name: bound / 1_000}))
        outside = clinic().ranges.rule(_with(clinic().usual_referral(), **{name: (bound + step) / 1_000}))
        assert f"outside:{name}" not in {finding.category for finding in inside.findings}
        assert f"outside:{name}" in {finding.category for finding in outside.findings}
        assert outside.decision == "deny"


def test_blood_pressures_that_were_swapped_are_stopped_even_when_each_is_possible() -> None:
    referral = _with(clinic().usual_referral(), systolic_mmhg=95.0, diastolic_mmhg=112.0)
    assert [finding.category for finding in clinic().ranges.rule(referral).findings] == ["outside:pulse_pressure_mmhg"]


def test_an_unusual_value_passes_with_a_warning() -> None:
    unusual = (clinic().ranges.limits["weight_kg"].usual_high + 1) / 1_000
    ruling = clinic().ranges.rule(_with(clinic().usual_referral(), weight_kg=unusual))
    assert (ruling.decision, ruling.reason_code) == ("warn", "value_unusual")


# --------------------------------------------------------------------------------------------------------- distribution


def test_the_distance_is_that_of_mahalanobis() -> None:
    positions = np.array([p for person in clinic().cohort.training if (p := position_of(person.measurements))])
    offset = positions[:50] - positions.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", offset, np.linalg.inv(np.cov(positions.T)), offset)
    ours = [clinic().distribution.squared_distance(position) for position in positions[:50].tolist()]
    assert ours == pytest.approx(expected.tolist(), rel=1e-4)


def test_the_limits_are_quantiles_of_the_training_data() -> None:
    actions = [
        clinic().distribution.rule(Referral(1, person.measurements, "")).decision for person in clinic().cohort.training
    ]
    judged = [action for action in actions if action != "skipped"]
    assert judged.count("deny") / len(judged) == pytest.approx(0.001, abs=0.0005)
    assert judged.count("warn") / len(judged) == pytest.approx(0.009, abs=0.0005)


def test_pounds_for_kilograms_pass_the_ranges_and_are_far_out() -> None:
    referral = spoil(clinic().usual_referral(), Defect.WEIGHT_IN_POUNDS)
    assert clinic().ranges.rule(referral).decision != "deny"
    ruling = clinic().distribution.rule(referral)
    assert (ruling.decision, ruling.reason_code) == ("deny", "out_of_distribution")
    score = ruling.findings[0].score
    assert score is not None
    assert score > math.sqrt(clinic().distribution.deny_above / 1_000)


@pytest.mark.parametrize("value", [None, 0.0, -1.0])
def test_what_has_no_place_in_the_distribution_is_left_to_the_ranges(value: float | None) -> None:
    referral = _with(clinic().usual_referral(), waist_cm=value)
    assert clinic().distribution.rule(referral).decision == "skipped"
    assert clinic().ranges.rule(referral).decision == "deny"


# ----------------------------------------------------------------------------------------------------------- abstention


@pytest.mark.parametrize(
    "margin, decision",
    [(0.2, "allow"), (-0.2, "allow"), (0.199, "deny"), (-0.199, "deny"), (0.0, "deny")],
)
def test_a_judgement_within_a_standard_error_of_the_cut_off_is_withheld(margin: float, decision: str) -> None:
    assert Abstention().rule(_judged(margin, 0.2)).decision == decision


# ---------------------------------------------------------------------------------------------------------- identifiers

IDENTIFIERS = {
    "social_security_number": "987-65-4320",
    "record_number": "MRN 0041234",
    "birth_date": "born on 3/14/1961",
    "email": "e.whitfield@clinic.example.org",
    "phone": "(212) 555-0142",
    "name": "Mrs. Eleanor Whitfield",
}


@pytest.mark.parametrize("category", IDENTIFIERS)
def test_an_identifier_is_cut_out(category: str) -> None:
    referral = replace(clinic().usual_referral(), note=f"Please note: {IDENTIFIERS[category]}, thanks.")
    ruling = IdentifierScan().rule(referral)
    assert ruling.replacement is not None
    assert ruling.replacement.note == f"Please note: [{category}], thanks."
    assert [(finding.category, finding.count) for finding in ruling.findings] == [(category, 1)]
    assert ruling.decision == ("deny" if category == "social_security_number" else "modify")


def test_all_identifiers_of_a_note_are_cut_out_and_counted() -> None:
    phone = IDENTIFIERS["phone"]
    note = ". ".join([*IDENTIFIERS.values(), phone])
    ruling = IdentifierScan().rule(replace(clinic().usual_referral(), note=note))
    assert {finding.category: finding.count for finding in ruling.findings} == dict.fromkeys(IDENTIFIERS, 1) | {
        "phone": 2
    }
    assert ruling.replacement is not None
    assert not re.search(r"\d", ruling.replacement.note)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "52-year-old female patient, blood pressure 120/80, 2.5 mg once a day.",
        "Seen on 3/14/2017. Weight 120-125 kg. Ward 212, bed 555.",
        "Missed her last visit; the doctor was away.",
    ],
)
def test_clinical_text_stays_as_it_is(note: str) -> None:
    assert IdentifierScan().rule(replace(clinic().usual_referral(), note=note)).decision == "allow"


def test_a_note_too_long_to_scan_is_stopped() -> None:
    scan = IdentifierScan()
    referral = clinic().usual_referral()
    assert scan.rule(replace(referral, note="a" * NOTE_CHARACTERS_MAX)).decision == "allow"
    assert scan.rule(replace(referral, note="a" * (NOTE_CHARACTERS_MAX + 1))).reason_code == "note_too_long"
