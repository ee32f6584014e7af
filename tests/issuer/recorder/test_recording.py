"""Anything that takes records can be handed around as a Recording; the simplest signs and hands on."""

import pytest

from glasslog_issuer import SignedRecord
from glasslog_issuer.recording import DirectRecording, Recording
from tests.issuer.parties import MODEL, inference, make_issuer


def test_each_record_is_handed_on_with_its_subject_in_the_order_of_the_stream() -> None:
    kept: list[tuple[SignedRecord, str | None]] = []
    recording: Recording = DirectRecording(make_issuer(), lambda signed, subject: kept.append((signed, subject)))
    assert isinstance(recording, Recording)
    signed = [recording.record(MODEL), recording.record(inference(), commit={"input": "x"}, subject="patient 7")]
    assert kept == [(signed[0], None), (signed[1], "patient 7")]
    assert [one.record.stream.seq for one in signed] == [0, 1]
    assert signed[1].record.stream.prev == signed[0].statement.leaf_hash


def test_a_record_that_could_not_be_handed_on_uses_up_no_number() -> None:
    def refuse(signed: SignedRecord, subject: str | None) -> None:
        raise OSError

    issuer = make_issuer()
    with pytest.raises(OSError, match=r"^$"):
        DirectRecording(issuer, refuse).record(MODEL)
    assert issuer.stream.next_seq == 0
