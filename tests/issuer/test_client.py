"""The client against a log that answers rightly, wrongly, late, or not at all."""

import dataclasses
from typing import Any

import pytest
import urllib3

from glasslog.errors import GlasslogError
from glasslog.limits import RECEIPT_BYTES_MAX
from glasslog.receipt import decode_receipt
from glasslog.statement import decode_transparent_statement
from glasslog_issuer import Client, Timeouts
from glasslog_issuer.errors import BrokenAnswerError, RefusedError, SubmissionError, UnavailableError
from tests.issuer.faulty_log import COSE, FaultyLog, Got, Reply, Script, honest, problem, unavailable
from tests.issuer.scripts import LIES, STATEMENT, Connect
from tests.verifier.evidence import STRANGER_KEY, Ledger, Witness

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
    with FaultyLog(*[Reply(silent=True)] * 4) as log:
        with pytest.raises(UnavailableError, match="Read timed out"):
            connect(log, timeouts=Timeouts(read_s=0.05)).submit(STATEMENT)
        assert len(log.got) == 4


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
    with FaultyLog(refusal) as log, pytest.raises(RefusedError, match=r"^Rejected: expected a key") as refused:
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
    with FaultyLog(problem(404, "Not Found", "no such entry")) as log, pytest.raises(RefusedError, match=r"^Not Found"):
        connect(log).receipt(STATEMENT)


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
        "https://log.example:0",
        "https://log.example:99999",
        "https://log.example:http",
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
