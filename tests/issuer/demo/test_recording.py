import itertools

import pytest

from glasslog.commitments import verify_disclosure
from glasslog.errors import MalformedError
from glasslog.keys import SigningKey
from glasslog_issuer.demo.recording import STREAM_ID, SYSTEM, record, register
from glasslog_issuer.demo.referrals import arriving_cases
from glasslog_issuer.demo.screening import Decision
from glasslog_issuer.record import Issuer, SignedRecord
from glasslog_issuer.stream import Stream
from tests.issuer.demo.clinic import CLOCK, clinic

KEY = SigningKey(bytes(32))


def _issuer() -> Issuer:
    return Issuer(
        "https://issuer.example", KEY, system=SYSTEM, env="test", stream=Stream(STREAM_ID), now_ms=CLOCK.now_ms
    )


def _decisions(count: int) -> list[Decision]:
    return [clinic().screening.decide(case.referral) for case in arriving_cases(clinic().cohort.held_out, count)]


def _recorded(count: int) -> list[tuple[Decision, SignedRecord]]:
    issuer, decisions = _issuer(), _decisions(count)
    return list(zip(decisions, record(issuer, decisions, register(issuer, clinic().screening)), strict=True))


def test_registrations_come_first_and_every_inference_refers_to_them() -> None:
    issuer = _issuer()
    registrations = register(issuer, clinic().screening)
    records = [registrations.model, registrations.guardrails, *record(issuer, _decisions(20), registrations)]
    assert [signed.record.type for signed in records[:2]] == ["model-registration", "config-registration"]
    assert {signed.record.body["model"] for signed in records[2:]} == {registrations.model.id}
    assert {signed.record.body["config"] for signed in records[2:]} == {registrations.guardrails.id}
    assert [signed.record.stream.seq for signed in records] == list(range(22))
    for before, after in itertools.pairwise(records):
        assert after.record.stream.prev == before.statement.leaf_hash


def test_every_record_is_signed_and_about_a_decision_of_its_own() -> None:
    records = [signed for _, signed in _recorded(20)]
    for signed in records:
        signed.statement.verify(KEY.public_key)
    assert len({signed.decision for signed in records}) == len(records)


def test_all_content_is_committed_to_and_can_be_opened() -> None:
    issuer = _issuer()
    decisions = _decisions(40)
    for decision, signed in zip(
        decisions, record(issuer, decisions, register(issuer, clinic().screening)), strict=True
    ):
        opened = {disclosure.name: disclosure.value for disclosure in signed.disclosures}
        assert opened.keys() == signed.record.commitments.keys() == decision.content().keys()
        assert opened["input"]["note"] == decision.referral.note
        for disclosure in signed.disclosures:
            verify_disclosure(disclosure, signed.record.commitments)


def test_no_entry_holds_content() -> None:
    issuer = _issuer()
    decisions = _decisions(40)
    for decision, signed in zip(
        decisions, record(issuer, decisions, register(issuer, clinic().screening)), strict=True
    ):
        assert decision.referral.note.encode() not in signed.statement.entry
        assert b"weight_kg" not in signed.statement.entry.replace(b":weight_kg", b"")  # findings may name a category


def test_nothing_takes_a_place_when_one_record_cannot_be_made() -> None:
    issuer = _issuer()
    registrations = register(issuer, clinic().screening)
    good, bad = _decisions(2)
    object.__setattr__(bad, "reason_codes", ("no such word!",))
    with pytest.raises(MalformedError, match="reason_codes"):
        record(issuer, [good, bad], registrations)
    assert issuer.stream.next_seq == 2
