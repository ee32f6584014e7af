"""Admission: bytes in, a candidate or a typed refusal out."""

import asyncio

import pytest

from glasslog.authority import Authority
from glasslog.errors import AuthorityError, GlasslogError, SignatureError, UnknownKeyError
from glasslog.limits import STATEMENT_BYTES_MAX
from glasslog.merkle import LeafIndex
from glasslog.records import LogPolicy, Stream, decode_record
from glasslog.statement import CONTENT_TYPE_RECORD
from glasslog_server.admission import SLICE_STATEMENTS, Admission
from glasslog_server.core.round import Candidate
from glasslog_server.errors import TooLargeError
from glasslog_server.genesis import sign_policy, sign_policy_record
from tests.server.http.statements import (
    BANK,
    CLINIC,
    LOG_KEY,
    OPERATOR_KEY,
    ORIGIN,
    RECORD_TYPES,
    STRANGER,
    TIME_MS,
    bad_statements,
    uuid7,
)

UNTIL_MS = 2_000_000
REFUSED = {name: (data, code) for name, data, code in bad_statements()}


def authority_with_clinic() -> Authority:
    policy = LogPolicy(
        origin=ORIGIN,
        operator_key=OPERATOR_KEY.public_key,
        log_keys=(LOG_KEY.public_key,),
        content_types=frozenset({CONTENT_TYPE_RECORD}),
        record_types=RECORD_TYPES,
        entry_bytes_max=65_535,
        entries_access="public",
    )
    first = sign_policy(OPERATOR_KEY, policy, record_id=uuid7(0), time_ms=TIME_MS)
    authority = Authority.establish(first)
    bodies = [(CLINIC, {"valid_until": UNTIL_MS}), (BANK, {})]
    for number, (issuer, more) in enumerate(bodies, start=1):
        body = {"action": "register", "issuer": issuer.uri, "key": issuer.key.public_key.raw, "valid_from": 1_000}
        place = Stream("log-policy", authority.next_seq, authority.last_leaf)
        statement = sign_policy_record(
            OPERATOR_KEY,
            ORIGIN,
            place,
            "issuer-registration",
            {**body, **more},
            record_id=uuid7(number),
            time_ms=TIME_MS,
        )
        authority = authority.apply(statement, decode_record(statement.payload), LeafIndex(number))
    return authority


AUTHORITY = authority_with_clinic()


def admission_at(seconds: float) -> Admission:
    return Admission(lambda: AUTHORITY, lambda: seconds)


def test_a_right_statement_is_a_candidate_with_its_record() -> None:
    statement = CLINIC.statement()
    candidate = admission_at(100).admit(statement.entry)
    assert candidate == Candidate.of_statement(statement, decode_record(statement.payload))


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_statement_is_refused_with_its_code(name: str) -> None:
    data, code = REFUSED[name]
    with pytest.raises(GlasslogError) as refused:
        admission_at(100).admit(data)
    assert refused.value.code == code


def test_the_length_is_looked_at_first() -> None:
    with pytest.raises(TooLargeError, match=str(STATEMENT_BYTES_MAX)):
        admission_at(100).admit(bytes(STATEMENT_BYTES_MAX + 1))


@pytest.mark.parametrize("seconds, valid", [(0.999, False), (1.0, True), (1_999.999, True), (2_000.0, False)])
def test_a_key_is_valid_from_its_first_second_up_to_its_last(seconds: float, valid: bool) -> None:  # noqa: FBT001
    data = CLINIC.statement().entry
    if valid:
        admission_at(seconds).admit(data)
    else:
        with pytest.raises(AuthorityError, match="valid at"):
            admission_at(seconds).admit(data)


def test_a_payload_is_not_looked_at_before_its_signature_is_verified() -> None:
    good = CLINIC.statement().entry
    at = good.index(b"model-registration")
    with pytest.raises(SignatureError):
        admission_at(100).admit(good[:at] + b"\xff" * 18 + good[at + 18 :])


async def test_many_are_judged_like_each_of_them_and_in_order() -> None:
    data = [bad for bad, _ in REFUSED.values()]
    data = [part for bad in data for part in (bad, CLINIC.statement().entry)]
    outcomes = await admission_at(100).admit_all(data)
    codes = [None if isinstance(outcome, Candidate) else outcome.code for outcome in outcomes]
    assert codes == [code for _, expected in REFUSED.values() for code in (expected, None)]
    entries = [outcome.entry for outcome in outcomes if isinstance(outcome, Candidate)]
    assert entries == data[1::2]


async def test_nothing_is_judged_to_nothing() -> None:
    assert await admission_at(100).admit_all([]) == []


async def test_others_get_a_turn_between_the_slices_of_a_batch() -> None:
    turns = 0
    done = False

    async def count_turns() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await admission_at(100).admit_all([STRANGER.statement().entry] * (SLICE_STATEMENTS * 5))
    done = True
    await counting
    assert turns >= 5


async def test_batches_take_turns_as_wholes() -> None:
    admission = admission_at(100)
    order: list[str] = []

    async def judge(name: str, number: int) -> None:
        await admission.admit_all([STRANGER.statement().entry] * number)
        order.append(name)

    await asyncio.gather(judge("long", SLICE_STATEMENTS * 4), judge("short", 1))
    assert order == ["long", "short"]


async def test_who_may_sign_is_asked_anew_for_every_slice() -> None:
    asked = 0

    def authority() -> Authority:
        nonlocal asked
        asked += 1
        return AUTHORITY

    outcomes = await Admission(authority, lambda: 100.0).admit_all(
        [STRANGER.statement().entry] * (SLICE_STATEMENTS + 1)
    )
    assert asked == 2
    assert all(isinstance(outcome, UnknownKeyError) for outcome in outcomes)
