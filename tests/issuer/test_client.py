"""The client against a log that answers rightly, wrongly, late, or not at all."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import cbor2
import pytest
import urllib3

from glasslog.errors import GlasslogError, MismatchError, ProofError, SignatureError, UnknownKeyError
from glasslog.limits import RECEIPT_BYTES_MAX
from glasslog.receipt import InclusionProof, decode_receipt
from glasslog.statement import decode_transparent_statement
from glasslog_issuer import Client, Registered, Rejected, RetryPolicy, Timeouts, client
from glasslog_issuer.errors import BrokenAnswerError, RefusedError, SubmissionError, UnavailableError
from tests.issuer.faulty_log import (
    CBOR,
    COSE,
    PROBLEM,
    FaultyLog,
    Got,
    Reply,
    Script,
    batch,
    honest,
    problem,
    unavailable,
)
from tests.issuer.parties import statements
from tests.verifier.evidence import STRANGER_KEY, Ledger, Witness

STATEMENTS = statements(5)
STATEMENT = STATEMENTS[0]


@pytest.fixture
def slept() -> list[float]:
    """Return how long the client would have slept, one number a wait."""
    return []


@pytest.fixture
def connect(slept: list[float]) -> Iterator[Callable[..., Client]]:
    """Return what makes clients that lose no time."""
    clients: list[Client] = []

    def make(log: FaultyLog, **changes: Any) -> Client:  # noqa: ANN401  whatever a Client takes
        retry = RetryPolicy(attempts_max=4, delay_s_first=1, sleep=slept.append, chance=lambda: 0.0)
        settings: dict[str, Any] = {"log_keys": [log.vkey], "retry": retry, **changes}
        clients.append(Client(settings.pop("url", log.url), **settings))
        return clients[-1]

    yield make
    for made in clients:
        made.close()


Connect = Callable[..., Client]


# ------------------------------------------------------------------------------------------------------- one statement


def test_a_statement_is_submitted_and_its_receipt_verified(connect: Connect) -> None:
    with FaultyLog() as log:
        registered = connect(log).submit(STATEMENT)
        [got] = log.got
    assert (got.method, got.path, got.body) == ("POST", "/entries", STATEMENT.entry)
    assert got.headers["content-type"] == COSE
    assert COSE in got.headers["accept"]
    assert got.headers["user-agent"].startswith("glasslog-issuer/")
    assert (registered.index, registered.verified, registered.duplicate) == (5, True, False)
    assert registered.entry_id == STATEMENT.leaf_hash.hex()
    transparent = decode_transparent_statement(registered.transparent_statement())
    assert transparent.statement.entry == STATEMENT.entry
    decode_receipt(transparent.receipts[0]).verify_inclusion(STATEMENT.leaf_hash, log.ledger.vkey.public_key)


def test_a_statement_that_was_there_before_is_known_by_the_status(connect: Connect) -> None:
    with FaultyLog(lambda log, got: dataclasses.replace(honest(log, got), status=200)) as log:
        assert connect(log).submit(STATEMENT).duplicate


def test_without_a_key_of_the_log_a_receipt_is_not_said_to_be_verified(connect: Connect) -> None:
    with FaultyLog() as log:
        registered = connect(log, log_keys=[]).submit(STATEMENT)
    assert not registered.verified
    assert registered.index == 5


def test_a_log_below_a_path_is_reached(connect: Connect) -> None:
    with FaultyLog() as log:
        connect(log, url=f"{log.url}/logs/2025/").submit(STATEMENT)
        assert log.got[0].path == "/logs/2025/entries"


@pytest.mark.parametrize("times", [1, 3])
def test_a_log_that_is_busy_is_asked_again_with_the_same_bytes(
    connect: Connect, slept: list[float], times: int
) -> None:
    with FaultyLog(*[unavailable()] * times) as log:
        assert connect(log).submit(STATEMENT).verified
        assert [got.body for got in log.got] == [STATEMENT.entry] * (times + 1)
    assert slept == [0.5, 1.0, 2.0][:times]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_troubles_that_may_pass_are_waited_out(connect: Connect, status: int) -> None:
    with FaultyLog(Reply(status, "text/html", b"<h1>trouble</h1>")) as log:
        assert connect(log).submit(STATEMENT).verified


def test_the_wait_that_a_log_asks_for_is_kept(connect: Connect, slept: list[float]) -> None:
    with FaultyLog(unavailable("7"), problem(429, "Too Many Requests", Retry_After="11")) as log:
        connect(log).submit(STATEMENT)
    assert slept == [7.5, 12.0]


def test_a_client_gives_up_after_its_attempts_and_says_that_it_may_be_tried_again(
    connect: Connect, slept: list[float]
) -> None:
    with FaultyLog(*[unavailable("2")] * 4) as log:
        with pytest.raises(UnavailableError, match=r"got HTTP status 503, which asks to come back in 2 s") as gave_up:
            connect(log).submit(STATEMENT)
        assert len(log.got) == 4
    assert (gave_up.value.attempts, gave_up.value.retry_after_s) == (4, 2.0)
    assert len(slept) == 3


def test_a_log_that_asks_for_too_much_patience_is_given_up_at_once(connect: Connect, slept: list[float]) -> None:
    with FaultyLog(unavailable("86400")) as log, pytest.raises(UnavailableError) as gave_up:
        connect(log).submit(STATEMENT)
    assert (gave_up.value.attempts, gave_up.value.retry_after_s) == (1, 86_400.0)
    assert slept == []


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(reset=True),
        Reply(201, COSE, b"half of it", length=1_000),
        Reply(201, COSE, b"", length=1_000),
    ],
    ids=["reset", "cut off", "cut off at once"],
)
def test_a_connection_that_breaks_is_made_again(connect: Connect, trouble: Script) -> None:
    with FaultyLog(trouble, trouble) as log:
        assert connect(log).submit(STATEMENT).verified
        assert len(log.got) == 3


def test_a_log_that_is_not_there_is_unavailable(connect: Connect) -> None:
    with FaultyLog() as log:
        url, vkey = log.url, log.vkey
    with pytest.raises(UnavailableError, match=r"Connection refused \(4 attempts\)"):
        connect(log, url=url, log_keys=[vkey]).submit(STATEMENT)


def test_a_log_that_says_nothing_is_unavailable(connect: Connect) -> None:
    silent = Timeouts(read_s=0.05)
    with FaultyLog(*[Reply(201, COSE, b"", length=1)] * 4) as log:
        log.keep_open = True
        with pytest.raises(UnavailableError, match="timed out"):
            connect(log, timeouts=silent).submit(STATEMENT)


def test_an_answer_that_trickles_in_for_too_long_is_given_up(connect: Connect) -> None:
    with FaultyLog() as log, pytest.raises(UnavailableError, match="no whole answer within 0 s"):
        connect(log, timeouts=Timeouts(answer_s=0.0)).submit(STATEMENT)


def test_a_log_whose_certificate_is_not_trusted_is_not_asked_again(connect: Connect, slept: list[float]) -> None:
    with FaultyLog() as log, pytest.raises(UnavailableError, match="cannot make a secure connection"):
        connect(log, url=log.url.replace("http:", "https:")).submit(STATEMENT)
    assert slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 422])
def test_a_refusal_is_final_and_says_why(connect: Connect, slept: list[float], status: int) -> None:
    refusal = problem(status, "Rejected", "expected a key registered for it", Glasslog_Problem="unknown_key")
    with FaultyLog(refusal) as log, pytest.raises(RefusedError, match="^Rejected: expected a key") as refused:
        connect(log).submit(STATEMENT)
    assert (refused.value.title, refused.value.detail) == ("Rejected", "expected a key registered for it")
    assert refused.value.reason == "unknown_key"
    assert slept == []


@pytest.mark.parametrize(
    "answer,complaint",
    [
        (Reply(201, "text/html", b"<h1>Welcome</h1>"), "expected an answer of application/cose, got 'text/html'"),
        (Reply(201, "", b""), "expected an answer of application/cose, got ''"),
        (Reply(201, COSE, b""), "expected a receipt: "),
        (Reply(201, COSE, STATEMENT.entry), "expected a receipt: .*detached payload"),
        (Reply(201, COSE, bytes(RECEIPT_BYTES_MAX + 1)), "expected an answer of at most 16384 bytes, got more"),
        (Reply(204, ""), "expected HTTP status 201 or 200, got HTTP status 204"),
        (
            Reply(301, "", headers={"Location": "http://elsewhere.example/entries"}),
            "got HTTP status 301 Moved Permanently",
        ),
        (Reply(501, ""), "got HTTP status 501"),
        (lambda log, _: Reply(201, COSE, log.ledger.consistency_receipt(2, 5)), "expected a receipt of inclusion"),
    ],
)
def test_an_answer_that_is_none_is_told_apart_from_a_refusal(connect: Connect, answer: Script, complaint: str) -> None:
    with FaultyLog(answer) as log:
        with pytest.raises(BrokenAnswerError, match=complaint):
            connect(log).submit(STATEMENT)
        assert len(log.got) == 1


def receipt_of_another_entry(log: FaultyLog, _: Got) -> Reply:
    log.register(STATEMENT)
    return Reply(201, COSE, log.ledger.receipt(1))


def receipt_by_another_log(_: FaultyLog, got: Got) -> Reply:
    with_other_key = FaultyLog.__new__(FaultyLog)
    with_other_key.ledger = Ledger(log_key=STRANGER_KEY)
    with_other_key.ledger.state_policy()
    return honest(with_other_key, got)


def receipt_in_another_name(log: FaultyLog, _: Got) -> Reply:
    index = log.register(STATEMENT)
    return Reply(201, COSE, log.ledger.receipt(index, issuer="https://other.example"))


def receipt_with_another_path(log: FaultyLog, _: Got) -> Reply:
    receipt = decode_receipt(log.ledger.receipt(log.register(STATEMENT)))
    assert isinstance(receipt.proof, InclusionProof)
    shorter = dataclasses.replace(receipt.proof, path=receipt.proof.path[:-1])
    return Reply(201, COSE, dataclasses.replace(receipt, proof=shorter).encode())


LIES: list[tuple[Script, type[GlasslogError]]] = [
    (receipt_of_another_entry, SignatureError),
    (receipt_by_another_log, UnknownKeyError),
    (receipt_in_another_name, MismatchError),
    (receipt_with_another_path, ProofError),
]


@pytest.mark.parametrize("lie,error", LIES)
def test_a_receipt_that_does_not_hold_is_found_out(connect: Connect, lie: Script, error: type[GlasslogError]) -> None:
    with FaultyLog(lie) as log, pytest.raises(error):
        connect(log).submit(STATEMENT)


def test_any_key_of_the_log_will_do(connect: Connect) -> None:
    with FaultyLog() as log:
        other = str(Ledger(log_key=STRANGER_KEY).vkey)
        assert connect(log, log_keys=[other, log.vkey + "\n"]).submit(STATEMENT).verified


# --------------------------------------------------------------------------------------------- taken, but not sequenced


def pending(status: int) -> Script:
    def reply(log: FaultyLog, _: Got) -> Reply:
        log.register(STATEMENT)
        return Reply(status, "", headers={"Retry-After": "3", "Location": "http://elsewhere.example/entries/1"})

    return reply


def test_a_receipt_that_is_not_there_yet_is_asked_for(connect: Connect, slept: list[float]) -> None:
    with FaultyLog(pending(202), pending(204)) as log:
        assert connect(log).submit(STATEMENT).verified
        requests = [(got.method, got.path) for got in log.got]
    assert requests == [("POST", "/entries"), *[("GET", f"/entries/{STATEMENT.leaf_hash.hex()}")] * 2]
    assert slept == [3.5, 4.0]


def test_a_receipt_that_does_not_come_is_given_up(connect: Connect) -> None:
    with FaultyLog(pending(202), *[pending(204)] * 3) as log:
        with pytest.raises(UnavailableError, match="the log has the statement, ask again later"):
            connect(log).submit(STATEMENT)
        assert len(log.got) == 4


def test_the_receipt_of_an_earlier_statement_can_be_had_again(connect: Connect) -> None:
    with FaultyLog() as log:
        first = connect(log).submit(STATEMENT)
        assert connect(log).receipt(STATEMENT).receipt == first.receipt


def test_the_receipt_of_a_statement_in_its_round_is_waited_for(connect: Connect) -> None:
    with FaultyLog(pending(204)) as log:
        assert connect(log).receipt(STATEMENT).verified


def test_a_statement_that_the_log_does_not_know_has_no_receipt(connect: Connect) -> None:
    with FaultyLog(problem(404, "Not Found", "no such entry")) as log, pytest.raises(RefusedError, match="^Not Found"):
        connect(log).receipt(STATEMENT)


# ----------------------------------------------------------------------------------------------------- many statements


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
    for entries_max, bytes_max, expected in ((2, 10**6, [2, 2, 1]), (10, 3 * size + 50, [3, 2]), (10, 1, [1] * 5)):
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
    with FaultyLog(problem(413, "Content Too Large")) as log, pytest.raises(RefusedError, match="^Content Too Large"):
        list(connect(log).submit_many([STATEMENT]))


def test_a_busy_log_gets_the_whole_batch_again(connect: Connect) -> None:
    with FaultyLog(unavailable("1"), Reply(reset=True), Reply(200, CBOR, b"\xa2", length=100)) as log:
        assert len(list(connect(log).submit_many(STATEMENTS))) == 5
        assert len({got.body for got in log.got}) == 1


def test_a_batch_that_cannot_be_submitted_leaves_the_outcomes_of_those_before(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "BATCH_ENTRIES_MAX", 2)
    outcomes = []
    with FaultyLog(honest, *[unavailable()] * 4) as log, pytest.raises(UnavailableError):
        outcomes.extend(connect(log).submit_many(STATEMENTS))
    assert outcomes == []
    with FaultyLog(honest, *[unavailable()] * 4) as log:
        iterator = connect(log).submit_many(STATEMENTS)
        assert [next(iterator).statement, next(iterator).statement] == STATEMENTS[:2]
        with pytest.raises(UnavailableError):
            next(iterator)


def spoil(place: int, **changes: Any) -> Script:  # noqa: ANN401  whatever CBOR can hold
    """Return a reply that changes the outcome at a place; None takes a field away."""

    def change(number: int, item: dict[str, Any]) -> dict[str, Any]:
        merged = {**item, **changes} if number == place else item
        return {name: value for name, value in merged.items() if value is not None}

    return lambda log, got: batch(log, got, change)


def refuse(place: int, title: str) -> Script:
    unknown = {-1: title, -2: "expected a key registered for it"}
    changes = {"index": None, "entry_id": None, "receipt": None, "problem": unknown, "code": "unknown_key"}
    return spoil(place, **changes)


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


def answer_with(**changes: Any) -> Script:  # noqa: ANN401  whatever CBOR can hold
    def reply(log: FaultyLog, got: Got) -> Reply:
        answer = {**cbor2.loads(honest(log, got).body), **changes}
        return Reply(200, CBOR, cbor2.dumps({name: value for name, value in answer.items() if value is not None}))

    return reply


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


# -------------------------------------------------------------------------------------------------------- the client


@pytest.mark.parametrize(
    "url",
    [
        "",
        "log.example",
        "ftp://log.example",
        "https://",
        "https://user@log.example",
        "https://log.example/?q",
        "http://[::1",
    ],
)
def test_what_is_no_url_of_a_log_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Client(url)


@pytest.mark.parametrize(
    "key", ["", "log.example", "log.example+00000000+AAAA", str(Witness("w").vkey), Witness("w").vkey], ids=repr
)
def test_what_is_no_key_of_a_log_is_refused(key: Any) -> None:  # noqa: ANN401  a text or a key
    with pytest.raises(ValueError, match="expected"):
        Client("https://log.example", log_keys=[key])


def test_a_client_closes_its_connections(recwarn: pytest.WarningsRecorder) -> None:
    pool = urllib3.PoolManager()
    with FaultyLog() as log, Client(log.url, log_keys=[log.vkey], pool=pool) as made:
        made.submit(STATEMENT)
        assert len(pool.pools) == 1
    assert len(pool.pools) == 0
    assert not recwarn.list


def test_errors_of_submission_tell_what_they_ask_of_the_caller() -> None:
    assert {error.code for error in SubmissionError.__subclasses__()} == {"refused", "unavailable", "broken_answer"}
    assert PROBLEM == "application/concise-problem-details+cbor"
