import itertools
from collections import Counter
from functools import cache

from glasslog.commitments import verify_disclosure
from glasslog.keys import SigningKey
from glasslog_issuer.demo.arrivals import arrivals
from glasslog_issuer.demo.production import ENVIRONMENT, RETRAINED_VERSION, STREAM_ID, SYSTEM, Production
from glasslog_issuer.demo.referrals import arriving_cases
from glasslog_issuer.record import Issuer, SignedRecord
from glasslog_issuer.recording import DirectRecording
from glasslog_issuer.stream import Stream
from tests.issuer.demo.clinic import CLOCK, clinic

KEY = SigningKey(bytes(32))


@cache
def produced() -> tuple[Production, list[SignedRecord]]:
    """Run a whole production of 100 arrivals, once for all tests."""
    records: list[SignedRecord] = []
    issuer = Issuer(
        "https://issuer.example", KEY, system=SYSTEM, env=ENVIRONMENT, stream=Stream(STREAM_ID), now_ms=CLOCK.now_ms
    )
    recording = DirectRecording(issuer, lambda signed, _: records.append(signed))
    production = Production(recording, clinic().screening, clinic().cohort, tag_key=bytes(32), now_ms=CLOCK.now_ms)
    people = arrivals(clinic().cohort.held_out, 100)
    cases = iter(list(arriving_cases(people.all, 100)))
    production.register(people.never, cadence_s=60, max_gap_s=120)
    usual = [production.screen(next(cases)) for _ in people.usual]
    production.report_results(usual)
    production.watch(usual)
    shifted = [production.screen(next(cases)) for _ in people.shifted]
    production.watch(shifted)
    production.retrain(people.never)
    for case in cases:
        production.screen(case)
    return production, records


def of_type(record_type: str) -> list[SignedRecord]:
    return [signed for signed in produced()[1] if signed.record.type == record_type]


def test_what_the_system_is_comes_before_what_it_does() -> None:
    types = [signed.record.type for signed in produced()[1]]
    first = types.index("inference")
    assert {
        "system-registration",
        "subprocessor-change",
        "dataset-registration",
        "config-registration",
        "model-registration",
        "evaluation",
        "deployment",
    } <= set(types[:first])


def test_records_stand_in_one_stream_without_gaps() -> None:
    _, records = produced()
    assert [signed.record.stream.seq for signed in records] == list(range(len(records)))
    for before, after in itertools.pairwise(records):
        assert after.record.stream.prev == before.statement.leaf_hash


def test_every_decision_has_its_review_and_its_notice() -> None:
    by_decision = Counter((signed.decision, signed.record.type) for signed in produced()[1])
    for inference in of_type("inference"):
        assert by_decision[inference.decision, "oversight"] == 1
        assert by_decision[inference.decision, "notice"] == 1
    for review in of_type("oversight"):
        [link] = review.record.fields["links"]
        assert link["rel"] == "reviews"


def test_the_model_that_decides_is_the_one_that_was_deployed_last() -> None:
    current = None
    for signed in produced()[1]:
        if signed.record.type == "deployment":
            current = signed.record.body["model"]
        if signed.record.type == "inference":
            assert signed.record.body["model"] == current
    first, second = of_type("model-registration")
    assert (first.record.body["version"], second.record.body["version"]) == ("1.0.0", RETRAINED_VERSION)


def test_a_deployment_cites_a_validation_of_its_model_that_passed_by_somebody_independent() -> None:
    evaluations = {signed.id: signed.record.body for signed in of_type("evaluation")}
    for deployment in of_type("deployment"):
        cited = evaluations[deployment.record.body["validation"]]
        assert (cited["kind"], cited["verdict"], cited["evaluator"]["independent"]) == ("validation", "pass", True)
        assert cited["model"] == deployment.record.body["model"]


def test_groups_are_compared_by_a_real_library_and_what_it_finds_is_recorded_as_it_is() -> None:
    comparisons = [signed.record.body for signed in of_type("evaluation") if signed.record.body["kind"] == "bias"]
    assert [body["tool"]["name"] for body in comparisons] == ["fairlearn", "fairlearn"]
    for body in comparisons:
        apart = [found for found in body["disparities"] if found.get("difference", 0) > found["threshold"]]
        assert (body["verdict"] == "fail") == bool(apart)
        assert {metric["group"]["attribute"] for metric in body["metrics"]} == {"sex", "race"}


def test_drift_is_found_where_other_people_arrive_and_opens_an_incident() -> None:
    ages = [signed.record.body for signed in of_type("monitoring") if signed.record.body["feature"] == "age_years"]
    assert [body["breached"] for body in ages] == [False, True]
    incidents = [signed.record.body["state"] for signed in of_type("incident")]
    assert incidents == ["open", "closed"]


def test_blood_tests_come_back_for_those_to_whom_one_was_offered() -> None:
    production, _ = produced()
    offered = [one for one in production.screened[:50] if one.review.label.value == "offer-hba1c-test"]
    assert len(of_type("outcome")) == len(offered) > 0


def test_all_content_is_committed_to_and_can_be_opened() -> None:
    for signed in produced()[1]:
        opened = {disclosure.name for disclosure in signed.disclosures}
        assert opened == signed.record.commitments.keys()
        for disclosure in signed.disclosures:
            verify_disclosure(disclosure, signed.record.commitments)


def test_no_entry_holds_content() -> None:
    production, records = produced()
    notes = {one.case.referral.note.encode() for one in production.screened}
    for signed in records:
        assert not any(note in signed.statement.entry for note in notes)
        assert b"respondent" not in signed.statement.entry
        assert b"hba1c_percent" not in signed.statement.entry
