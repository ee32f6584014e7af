"""Many statements at once, against a log that answers rightly, wrongly, late, or not at all."""

from typing import Any

import cbor2
import pytest

from glasslog.errors import MismatchError, SignatureError, UnknownKeyError
from glasslog_issuer import Registered, Rejected, client
from glasslog_issuer.errors import BrokenAnswerError, RefusedError, UnavailableError
from tests.issuer.faulty_log import CBOR, COSE, FaultyLog, Got, Reply, Script, batch, honest, problem, unavailable
from tests.issuer.scripts import STATEMENT, STATEMENTS, Connect, answer_with, refuse, spoil
from tests.verifier.evidence import STRANGER_KEY, Ledger


def test_many_statements_are_submitted_at_once_and_answered_in_order(connect: Connect) -> None:
    with FaultyLog() as log:
        log.register(STATEMENTS[3])
        outcomes = list(connect(log).submit_many(STATEMENTS))
        [got] = log.got
    assert got.path == "/entries?receipts=1"
    assert got.headers["content-type"] == "application/cbor-seq"
    assert got.body == b"".join(statement.entry for statement in STATEMENTS)
    assert [outcome.statement for outcome in outcomes] == STATEMENTS
    assert [(o.index, o.verified, o.duplicate) for o in outcomes if isinstance(o, Registered)] == [
        (6, True, False),
        (7, True, False),
        (8, True, False),
        (5, True, True),
        (9, True, False),
    ]


def test_no_statements_are_no_request(connect: Connect) -> None:
    with FaultyLog() as log:
        assert list(connect(log).submit_many([])) == []
        assert log.got == []


def test_batches_are_bounded_by_count_and_by_bytes(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(STATEMENT.entry)
    for entries_max, bytes_max, expected in (
        (2, 10**6, [2, 2, 1]),
        (10, 3 * size + size // 2, [3, 2]),
        (10, 1, [1] * 5),
    ):
        monkeypatch.setattr(client, "BATCH_ENTRIES_MAX", entries_max)
        monkeypatch.setattr(client, "BATCH_BYTES_MAX", bytes_max)
        with FaultyLog() as log:
            outcomes = list(connect(log).submit_many(iter(STATEMENTS)))
            assert [round(len(got.body) / size) for got in log.got] == expected
        assert [outcome.statement for outcome in outcomes] == STATEMENTS


def test_outcomes_come_batch_by_batch(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BATCH_ENTRIES_MAX", 2)
    with FaultyLog() as log:
        outcomes = connect(log).submit_many(STATEMENTS)
        next(outcomes)
        assert len(log.got) == 1


def test_a_batch_that_is_too_large_for_the_log_is_halved(connect: Connect) -> None:
    def refuse_more_than_two(log: FaultyLog, got: Got) -> Reply:
        log.script.append(refuse_more_than_two)
        too_large = len(got.body) > 2.5 * len(STATEMENT.entry)
        return problem(413, "Content Too Large") if too_large else honest(log, got)

    with FaultyLog(refuse_more_than_two) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
    assert [outcome.statement for outcome in outcomes] == STATEMENTS
    assert all(isinstance(outcome, Registered) for outcome in outcomes)


def test_one_statement_that_is_too_large_is_refused(connect: Connect) -> None:
    with FaultyLog(problem(413, "Content Too Large")) as log, pytest.raises(RefusedError, match=r"^Content Too Large"):
        list(connect(log).submit_many([STATEMENT]))


def test_a_busy_log_gets_the_whole_batch_again(connect: Connect) -> None:
    with FaultyLog(unavailable("1"), Reply(reset=True), Reply(200, CBOR, b"\xa2", length=100)) as log:
        assert len(list(connect(log).submit_many(STATEMENTS))) == 5
        assert len({got.body for got in log.got}) == 1


def test_a_batch_that_cannot_be_submitted_leaves_the_outcomes_of_those_before(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BATCH_ENTRIES_MAX", 2)
    with FaultyLog(honest, *[unavailable()] * 4) as log:
        iterator = connect(log).submit_many(STATEMENTS)
        assert [next(iterator).statement, next(iterator).statement] == STATEMENTS[:2]
        with pytest.raises(UnavailableError):
            next(iterator)


def test_one_refused_statement_does_not_touch_the_others(connect: Connect) -> None:
    with FaultyLog(refuse(2, "Rejected")) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
    refused = outcomes.pop(2)
    assert isinstance(refused, Rejected)
    assert isinstance(refused.error, RefusedError)
    assert (refused.error.title, refused.error.reason) == ("Rejected", "unknown_key")
    assert refused.statement == STATEMENTS[2]
    assert all(isinstance(outcome, Registered) for outcome in outcomes)


@pytest.mark.parametrize("title", ["Too Many Requests", "Service Unavailable", "Store Unavailable", "Internal Error"])
def test_statements_that_the_log_wants_later_are_sent_again_alone(
    connect: Connect, slept: list[float], title: str
) -> None:
    with FaultyLog(refuse(1, title)) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
        assert [got.body for got in log.got][1:] == [STATEMENTS[1].entry]
    assert [outcome.statement for outcome in outcomes] == STATEMENTS
    assert all(isinstance(outcome, Registered) for outcome in outcomes)
    assert slept == [0.5]


def test_patience_with_single_statements_ends_only_where_nothing_moves(connect: Connect, slept: list[float]) -> None:
    """A quota lets some through at each attempt: that is progress, however many attempts it takes."""

    def all_but_the_first(log: FaultyLog, got: Got) -> Reply:
        later = {-1: "Too Many Requests"}
        return batch(log, got, lambda place, item: {"problem": later} if place else item)

    with FaultyLog(*[all_but_the_first] * 5) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
    assert all(isinstance(outcome, Registered) for outcome in outcomes)
    assert slept == [0.5] * 4
    slept.clear()
    with FaultyLog(*[refuse(0, "Too Many Requests")] * 10) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
    assert isinstance(outcomes[0], Rejected)
    assert isinstance(outcomes[0].error, UnavailableError)
    assert slept == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    "changes,error",
    [
        ({"index": None}, BrokenAnswerError),
        ({"index": "5"}, BrokenAnswerError),
        ({"index": True}, BrokenAnswerError),
        ({"index": -1}, BrokenAnswerError),
        ({"index": 2**63}, BrokenAnswerError),
        ({"receipt": None}, BrokenAnswerError),
        ({"receipt": b"\x00"}, BrokenAnswerError),
        ({"problem": {}}, BrokenAnswerError),
        ({"problem": "no"}, BrokenAnswerError),
        ({"entry_id": None}, MismatchError),
        ({"entry_id": bytes(32)}, MismatchError),
        ({"index": 6}, MismatchError),
        ({"index": 10}, MismatchError),
        ({"index": 10**6}, MismatchError),
    ],
    ids=str,
)
def test_an_outcome_that_is_wrong_is_told_of_its_statement_alone(
    connect: Connect, changes: dict[str, Any], error: type[Exception]
) -> None:
    with FaultyLog(spoil(0, **changes)) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
    [first, *others] = outcomes
    assert isinstance(first, Rejected)
    assert type(first.error) is error
    assert all(isinstance(outcome, Registered) for outcome in others)


@pytest.mark.parametrize("item", [None, [], 5, "outcome"], ids=repr)
def test_an_outcome_that_is_none_is_told_of_its_statement_alone(connect: Connect, item: object) -> None:
    def spoiled(log: FaultyLog, got: Got) -> Reply:
        answer = cbor2.loads(honest(log, got).body)
        answer["outcomes"][0] = item
        return Reply(200, CBOR, cbor2.dumps(answer))

    with FaultyLog(spoiled) as log:
        first, *others = connect(log).submit_many(STATEMENTS)
    assert isinstance(first, Rejected)
    assert isinstance(first.error, BrokenAnswerError)
    assert all(isinstance(outcome, Registered) for outcome in others)


def test_receipts_that_are_exchanged_are_found_out(connect: Connect) -> None:
    def exchange(log: FaultyLog, got: Got) -> Reply:
        answer = cbor2.loads(honest(log, got).body)
        first, second, *_ = answer["outcomes"]
        first["receipt"], second["receipt"] = second["receipt"], first["receipt"]
        first["index"], second["index"] = second["index"], first["index"]
        return Reply(200, CBOR, cbor2.dumps(answer))

    with FaultyLog(exchange) as log:
        outcomes = list(connect(log).submit_many(STATEMENTS))
    assert [isinstance(outcome, Registered) for outcome in outcomes] == [False, False, True, True, True]
    assert {type(o.error) for o in outcomes if isinstance(o, Rejected)} == {SignatureError}


@pytest.mark.parametrize(
    "answer,error",
    [
        (Reply(200, CBOR, b""), BrokenAnswerError),
        (Reply(200, CBOR, cbor2.dumps([])), BrokenAnswerError),
        (Reply(200, CBOR, cbor2.dumps({})), BrokenAnswerError),
        (Reply(200, COSE, cbor2.dumps({})), BrokenAnswerError),
        (Reply(200, CBOR, bytes(10**6)), BrokenAnswerError),
        (Reply(201, CBOR, b""), BrokenAnswerError),
        (answer_with(outcomes=None), BrokenAnswerError),
        (answer_with(outcomes=[]), BrokenAnswerError),
        (answer_with(outcomes=[None] * 6), BrokenAnswerError),
        (answer_with(checkpoint=None), BrokenAnswerError),
        (answer_with(checkpoint=b"no note"), BrokenAnswerError),
        (answer_with(checkpoint=Ledger(log_key=STRANGER_KEY).checkpoint()), UnknownKeyError),
        (Reply(404, "text/html", b"<h1>Not here</h1>"), RefusedError),
    ],
)
def test_a_batch_without_an_answer_is_told_as_a_whole(connect: Connect, answer: Script, error: type[Exception]) -> None:
    with FaultyLog(answer) as log, pytest.raises(error):
        list(connect(log).submit_many(STATEMENTS))


def test_without_a_key_of_the_log_a_batch_is_read_but_not_verified(connect: Connect) -> None:
    with FaultyLog() as log:
        outcomes = list(connect(log, log_keys=[]).submit_many(STATEMENTS))
    assert [o.verified for o in outcomes if isinstance(o, Registered)] == [False] * 5
