"""Entries like others before them are judged as in the ordinary way, whatever is done to them."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glasslog.audit.extract import EXTRACTING
from glasslog.cose import EMPTY_MAP, Sign1
from glasslog.keys import PublicKey
from glasslog.mirror import judgement
from glasslog.mirror.judgement import Judge, Judged
from glasslog.records import mould
from glasslog.records.mould import Moulds
from glasslog.statement import decode_statement
from glasslog.statement_frame import DECISION_FRAME
from tests.verifier.evidence import TIME_S
from tests.verifier.fuzzing import bit_flips, damaged, insertions, truncations
from tests.verifier.mirror.written_log import ISSUERS, key_of, new_log

LOG = new_log().grow(12, every=12)
ENTRY = LOG.entries[-1].entry
INDEX = len(LOG.entries) - 1


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Have judged a log, so that the next entry of each issuer is like others before it."""
    monkeypatch.setattr(mould, "LEARNING_INTERVAL", 1)
    monkeypatch.setattr(judgement, "_moulds_of", lru_cache(lambda _: Moulds(EXTRACTING, DECISION_FRAME)))
    made = Judge(None)
    judged = made.judge_all([statement.entry for statement in LOG.entries[:-1]], 0, TIME_S)
    assert not any(error for *_, error in judged)
    return made


def quickly(judge: Judge, entry: bytes, index: int = INDEX, time_s: int = TIME_S) -> Judged:
    [judged] = judge.judge_all([entry], index, time_s)
    return judged


def plain(judged: Judged) -> tuple[object, ...]:
    *rest, error = judged
    return (*rest, type(error), str(error))


def same(judge: Judge, entry: bytes, time_s: int = TIME_S) -> None:
    """Hold both answers against each other; the quick one comes first: the ordinary way learns of what it is asked."""
    quick = plain(quickly(judge, entry, time_s=time_s))
    assert quick == plain(judge.judge(entry, INDEX, time_s))


def any_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublicKey, "verify_signed", lambda *_: None)


def test_what_is_right_and_like_others_is_not_decoded(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = judge.judge(ENTRY, INDEX, TIME_S)
    monkeypatch.setattr(Judge, "judge", lambda *_: pytest.fail("it was like others"))
    judged = quickly(judge, ENTRY)
    assert judged == expected
    assert judged[2] is not None


@pytest.mark.parametrize("spoil", [bit_flips, truncations, insertions])
def test_every_bit_is_signed(judge: Judge, spoil: Callable[[bytes], Iterator[bytes]]) -> None:
    for entry in spoil(ENTRY):
        assert quickly(judge, entry)[-1] is not None


@pytest.mark.parametrize("spoil", [bit_flips, truncations, insertions])
def test_without_signatures_every_bit_has_the_answer_of_the_ordinary_way(
    judge: Judge, spoil: Callable[[bytes], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    any_signature(monkeypatch)
    for entry in spoil(ENTRY):
        same(judge, entry)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entry=damaged(ENTRY) | st.binary(max_size=300))
def test_any_bytes_have_the_answer_of_the_ordinary_way(judge: Judge, entry: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        any_signature(patch)
        same(judge, entry)
    same(judge, entry)


def test_another_time_and_another_payload_have_the_answer_of_the_ordinary_way(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    any_signature(monkeypatch)
    statement = decode_statement(ENTRY)
    for payload in (b"", statement.payload[:-1], statement.payload + b"\0", bytes(300)):
        same(judge, Sign1(statement.protected, EMPTY_MAP, payload, bytes(64)).encode())
    same(judge, ENTRY, TIME_S + 1)
    same(judge, ENTRY)


def test_a_key_that_was_revoked_is_not_permitted_any_more(judge: Judge) -> None:
    """Also where the revocation and what comes after it are judged together."""
    log = new_log().grow(12, every=12)
    issuer = LOG.entries[-1].issuer
    assert issuer in ISSUERS
    log.revoke(key_of(issuer).public_key, issuer)
    entries = [ENTRY, log.entries[-1].entry, ENTRY]
    checks = [check for *_, check, _ in judge.judge_all(entries, INDEX, TIME_S)]
    assert checks == [None, None, judgement.AUTHORITY]


def test_what_is_wrong_among_others_is_said_of_it_alone(judge: Judge) -> None:
    spoiled = ENTRY[:-1] + bytes([ENTRY[-1] ^ 1])
    judged = judge.judge_all([ENTRY, spoiled, None, b"no statement", ENTRY], INDEX, TIME_S)
    assert [check for *_, check, _ in judged] == [None, judgement.SIGNATURE, None, judgement.SCHEMA, None]
    assert [extract is None for _, _, extract, _, _ in judged] == [False, True, True, True, False]
    assert plain(judged[1]) == plain(judge.judge(spoiled, INDEX, TIME_S))
