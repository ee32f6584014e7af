import socket
from collections.abc import Callable

import pytest
from urllib3.util import retry

from glasslog.errors import UncheckableError
from glasslog.merkle import Hash
from glasslog.sources import fetching
from glasslog.sources.http import BUNDLE, ENTRY_FORMS, HttpLog, Patience
from tests.verifier.evidence import SUBJECT, small_log
from tests.verifier.log_server import MEDIA_TYPES, Answer, LogServer, honest, json_answer

LEDGER = small_log()
ENTRY_ID = LEDGER.entries[4].leaf_hash
QUICK = Patience(connect_s=10, read_s=10, answer_s=30, tries=3, backoff_s=0)
BUNDLE_TYPE = MEDIA_TYPES["bundle"]


def fetch(answer: Callable[[str], Answer], patience: Patience = QUICK) -> tuple[bytes, LogServer]:
    with LogServer(answer).running() as server:
        log = HttpLog(server.url, patience=patience)
        try:
            return log.entry(ENTRY_ID), server
        finally:
            log.close()


def refusal(answer: Callable[[str], Answer], patience: Patience = QUICK) -> str:
    with pytest.raises(UncheckableError) as caught:
        fetch(answer, patience)
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(ENTRY_FORMS))
def test_an_entry_comes_in_every_form(name: str) -> None:
    with LogServer(honest(LEDGER)).running() as server:
        log = HttpLog(server.url + "/")
        assert log.entry(ENTRY_ID, ENTRY_FORMS[name])
        log.close()
    [asked] = server.asked
    assert asked.path == f"/entries/{ENTRY_ID.hex()}?format={name}"
    assert asked.headers["Accept"].startswith(MEDIA_TYPES[name])
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["User-Agent"].startswith("glasslog/")
    assert "Authorization" not in asked.headers


def test_a_token_goes_along() -> None:
    with LogServer(honest(LEDGER)).running() as server:
        log = HttpLog(server.url, token="secret")
        log.entry(ENTRY_ID)
        log.close()
    assert server.asked[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    "url", ["", "log.example", "ftp://log.example", "https://", "https://x?y", "https://x/#y", "file:///"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UncheckableError, match="the log's URL"):
        HttpLog(url)


def test_a_token_is_not_sent_in_clear() -> None:
    with pytest.raises(UncheckableError, match="https"):
        HttpLog("http://log.example", token="secret")
    HttpLog("https://log.example", token="secret").close()


def test_the_entries_of_a_decision_are_listed() -> None:
    with LogServer(honest(LEDGER)).running() as server:
        log = HttpLog(server.url)
        assert log.decision(SUBJECT) == tuple(statement.leaf_hash for statement in LEDGER.entries[2:])
        assert log.decision("urn:none") == ()
        log.close()
    assert server.asked[0].path == "/decisions/urn%3Auuid%3A7f1f1c5e-6a3b-4c0e-9d53-0d9a3f0a7c11?limit=1000"


def test_pages_are_followed_to_their_end() -> None:
    pages = {"": (b"\x01", 5), "&from=5": (b"\x02", 9), "&from=9": (b"\x03", None)}

    def answer(path: str) -> Answer:
        first, following = pages[path.removeprefix("/decisions/urn%3Ax?limit=1000")]
        return json_answer({"entries": [{"entry_id": (first * 32).hex()}], "next": following})

    with LogServer(answer).running() as server:
        log = HttpLog(server.url)
        assert log.decision("urn:x") == tuple(Hash(bytes((number,)) * 32) for number in (1, 2, 3))
        log.close()


def test_pages_without_an_end_are_given_up() -> None:
    with LogServer(lambda _: json_answer({"entries": [], "next": 1})).running() as server:
        log = HttpLog(server.url)
        with pytest.raises(UncheckableError, match="pages"):
            log.decision("urn:x")
        log.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"entries": {}}',
        b'{"entries": ["x"]}',
        b'{"entries": [{}]}',
        b'{"entries": [{"entry_id": 5}]}',
        b'{"entries": [{"entry_id": "00"}]}',
        b'{"entries": [{"entry_id": "' + b"0" * 63 + b'G"}]}',
        b'{"entries": [], "next": "5"}',
        b'{"entries": [], "next": true}',
    ],
    ids=lambda body: body[:40].decode(),
)
def test_other_lists_are_refused(body: bytes) -> None:
    with LogServer(lambda _: Answer(body=body)).running() as server:
        log = HttpLog(server.url)
        with pytest.raises(UncheckableError, match="expected"):
            log.decision("urn:x")
        log.close()


@pytest.mark.parametrize(
    "status, words",
    [
        (204, "not sequenced"),
        (401, "token"),
        (403, "token"),
        (404, "does not know"),
        (406, "form"),
        (500, "status 500"),
    ],
)
def test_what_a_status_means_is_said(status: int, words: str) -> None:
    assert words in refusal(lambda _: Answer(status))


def test_the_detail_of_a_problem_is_told() -> None:
    document = b'{"title": "Not Found", "detail": "no such entry"}'
    assert "no such entry" in refusal(lambda _: Answer(404, document, "application/problem+json"))
    assert "Not Found" in refusal(lambda _: Answer(404, b'{"title": "Not Found"}', "application/problem+json"))
    assert refusal(lambda _: Answer(404, b"[]", "application/problem+json")).endswith("(status 404)")
    assert refusal(lambda _: Answer(404, b"<html>", "text/html")).endswith("(status 404)")
    assert "JSON" in refusal(lambda _: Answer(404, b"{", "application/problem+json"))


def test_another_media_type_is_refused() -> None:
    assert BUNDLE_TYPE in refusal(lambda _: Answer(body=b"<html>", media_type="text/html"))
    assert fetch(lambda _: Answer(body=b"x", media_type=f"{BUNDLE_TYPE.upper()}; v=1"))[0] == b"x"


def test_a_content_encoding_is_refused() -> None:
    answer = Answer(body=b"x", media_type=BUNDLE_TYPE, headers={"Content-Encoding": "gzip"})
    assert "content encoding" in refusal(lambda _: answer)


def test_too_large_an_answer_is_cut_off() -> None:
    body = bytes(BUNDLE.bytes_max + 1)
    assert "at most" in refusal(lambda _: Answer(body=body, media_type=BUNDLE_TYPE), Patience())


def test_a_redirect_within_the_place_is_followed() -> None:
    def answer(path: str) -> Answer:
        if path == "/elsewhere":
            return Answer(body=b"found", media_type=BUNDLE_TYPE)
        return Answer(302, headers={"Location": "/elsewhere"})

    body, server = fetch(answer)
    assert body == b"found"
    assert [asked.path for asked in server.asked][1:] == ["/elsewhere"]


@pytest.mark.parametrize("location", ["https://evil.example/", "//evil.example/x", "http://127.0.0.1:1/", "ftp://x/"])
def test_a_redirect_to_another_place_is_refused(location: str) -> None:
    assert "another place" in refusal(lambda _: Answer(302, headers={"Location": location}))


def test_redirects_come_to_an_end() -> None:
    assert "redirects" in refusal(lambda path: Answer(302, headers={"Location": path + "x"}))
    assert "redirects" in refusal(lambda _: Answer(307))


def test_a_server_that_is_busy_is_asked_again() -> None:
    answers = [Answer(503, headers={"Retry-After": "0"}), Answer(429), Answer(body=b"x", media_type=BUNDLE_TYPE)]
    body, server = fetch(lambda _: answers.pop(0))
    assert (body, len(server.asked)) == (b"x", 3)


@pytest.mark.parametrize("asked, kept", [(7, 7), (86_400, 30)], ids=["seconds", "a day"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_is_left_alone_for_as_long_as_it_asks_within_bounds(
    monkeypatch: pytest.MonkeyPatch, status: int, asked: int, kept: int
) -> None:
    clock = Clock()
    monkeypatch.setattr(fetching, "time", clock)
    monkeypatch.setattr(retry, "time", clock)
    busy = Answer(status, headers={"Retry-After": str(asked)})
    answers = [busy, busy, Answer(body=b"x", media_type=BUNDLE_TYPE)]
    body, _ = fetch(lambda _: answers.pop(0))
    assert body == b"x"
    assert clock.slept == pytest.approx(2 * kept)


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.slept = 0.0

    def monotonic(self) -> float:
        return self.slept

    def time(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


def test_a_server_that_stays_busy_is_given_up() -> None:
    tries: list[str] = []

    def answer(path: str) -> Answer:
        tries.append(path)
        return Answer(503)

    assert "503" in refusal(answer)
    assert len(tries) == QUICK.tries


def test_a_broken_connection_is_tried_again() -> None:
    answers = [
        Answer(raw=b""),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Type: " + BUNDLE_TYPE.encode() + b"\r\nContent-Length: 9\r\n\r\nhalf"),
        Answer(body=b"whole", media_type=BUNDLE_TYPE),
    ]
    body, server = fetch(lambda _: answers.pop(0))
    assert (body, len(server.asked)) == (b"whole", 3)


def test_an_answer_that_is_no_http_is_given_up() -> None:
    assert "cannot get an answer" in refusal(lambda _: Answer(raw=b"garbage\r\n\r\n"))


def test_a_server_that_is_not_there_is_given_up() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        log = HttpLog(f"http://127.0.0.1:{taken.getsockname()[1]}", patience=QUICK)
        with pytest.raises(UncheckableError, match="cannot get an answer"):
            log.entry(ENTRY_ID)
        log.close()


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        patience = Patience(connect_s=5, read_s=0.05, answer_s=1, tries=2, backoff_s=0)
        log = HttpLog(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=patience)
        with pytest.raises(UncheckableError, match="cannot get an answer"):
            log.entry(ENTRY_ID)
        log.close()


def test_an_answer_that_trickles_is_cut_off() -> None:
    """The time for a whole answer is over at once here: the first bytes that come are too late."""
    patience = Patience(connect_s=5, read_s=5, answer_s=0, tries=1, backoff_s=0)
    assert "too slowly" in refusal(lambda _: Answer(body=b"x" * 10, media_type=BUNDLE_TYPE), patience)
