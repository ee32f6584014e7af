import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.errors import MalformedError
from glasslog_issuer.exchange import Answer
from glasslog_issuer.problem import (
    MEDIA_TYPE,
    MEDIA_TYPE_JSON,
    TEXT_CHARACTERS_MAX,
    Problem,
    problem_of,
    problem_of_outcome,
)


def answer(document: object, status: int = 400, code: str = "") -> Answer:
    return Answer(status, MEDIA_TYPE, cbor2.dumps(document), problem_code=code)


def test_a_concise_problem_document_is_read() -> None:
    found = problem_of(answer({-1: "Rejected", -2: "no such key"}, code="unknown_key"))
    assert found == Problem("Rejected", "no such key", "unknown_key")
    assert str(found) == "Rejected: no such key"


def test_members_of_other_specifications_are_ignored() -> None:
    assert problem_of(answer({-1: "Rejected", -3: "tag:x", 1: {2: 3}})) == Problem("Rejected", "")


def test_a_problem_in_json_is_read() -> None:
    body = json.dumps({"title": "Rejected", "detail": "no such key", "status": 400}).encode()
    assert problem_of(Answer(400, MEDIA_TYPE_JSON, body)) == Problem("Rejected", "no such key")


@pytest.mark.parametrize(
    "broken",
    [
        answer([]),
        answer({}),
        answer({-1: 5, -2: 5}),
        Answer(400, MEDIA_TYPE, b""),
        Answer(400, MEDIA_TYPE, b"\xff"),
        Answer(400, MEDIA_TYPE, cbor2.dumps({-1: cbor2.CBORTag(38, ["en", "Rejected"])})),
        Answer(400, MEDIA_TYPE_JSON, b"{"),
        Answer(400, MEDIA_TYPE_JSON, b"[]"),
        Answer(400, MEDIA_TYPE_JSON, b"[" * 100_000),
        Answer(400, "text/html", b"<h1>Go away</h1>"),
    ],
    ids=repr,
)
def test_without_a_document_that_can_be_read_the_status_says_what_is_wrong(broken: Answer) -> None:
    assert problem_of(broken) == Problem("HTTP status 400 Bad Request", "")


def test_a_status_that_nobody_knows_is_told_too() -> None:
    assert problem_of(Answer(499, "", b"")) == Problem("HTTP status 499", "")


@given(st.text(), st.text())
def test_what_is_told_can_be_printed_whatever_the_log_sends(title: str, detail: str) -> None:
    found = problem_of(
        answer({-1: title.encode("utf-8", "replace").decode(), -2: detail.encode("utf-8", "replace").decode()})
    )
    assert str(found).isprintable()
    assert len(found.title) <= TEXT_CHARACTERS_MAX
    assert len(found.detail) <= TEXT_CHARACTERS_MAX


def test_terminal_commands_in_a_title_do_not_reach_the_terminal() -> None:
    assert problem_of(answer({-1: "\x1b[2JGone\nforever\u202e"})).title == "[2JGone forever"


def test_the_problem_of_one_statement_in_a_batch_is_read() -> None:
    outcome = {"problem": {-1: "Rejected", -2: "why"}, "code": "unknown_key"}
    assert problem_of_outcome(outcome) == Problem("Rejected", "why", "unknown_key")


@pytest.mark.parametrize("document", [None, {}, {-2: "why"}, "Rejected"], ids=repr)
def test_an_outcome_without_a_title_is_refused(document: object) -> None:
    with pytest.raises(MalformedError, match="with a title"):
        problem_of_outcome({"problem": document})
