"""Problem documents: one table, told in two formats, written down in docs/http.md."""

import inspect
import re
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from glasslog import errors as format_errors
from glasslog_server import errors as server_errors
from glasslog_server.http.problems import (
    PROBLEMS,
    UNEXPECTED_CODE,
    code_of,
    detail_of,
    encode_concise,
    problem_of,
    respond,
)
from tests.server.http.running_log import RunningLog

DOCUMENT = (Path(__file__).parents[3] / "docs" / "http.md").read_text()


def error_classes() -> list[type[Exception]]:
    modules = (format_errors, server_errors)
    classes = [value for module in modules for _, value in inspect.getmembers(module, inspect.isclass)]
    return [value for value in classes if issubclass(value, Exception) and value.__module__.startswith("glasslog")]


def test_every_error_class_has_its_place_in_the_table() -> None:
    assert set(error_classes()) == set(PROBLEMS)


def test_every_code_names_one_class() -> None:
    codes = [code_of(error("")) for error in PROBLEMS]
    assert sorted(set(codes)) == sorted(codes)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("error", list(PROBLEMS))
def test_whose_fault_it_is_decides_the_status(error: type[Exception]) -> None:
    problem = PROBLEMS[error]
    if issubclass(error, server_errors.FaultError | format_errors.UncheckableError):
        assert problem.status in {500, 503}
    elif issubclass(error, server_errors.UnavailableError):
        assert problem.status in {429, 503}
        assert problem.retry_after_s
    elif error is not server_errors.ServerError:
        assert 400 <= problem.status < 500
        assert problem.retry_after_s is None


def test_an_unknown_class_is_told_as_the_nearest_one_above_it() -> None:
    class OwnError(format_errors.SignatureError):
        pass

    assert problem_of(OwnError("")) == PROBLEMS[format_errors.SignatureError]


def test_what_goes_wrong_inside_is_not_told() -> None:
    for error in (ValueError("secret"), server_errors.StoreCorruptError("/var/secret"), KeyError("secret")):
        assert "secret" not in detail_of(error)
        assert "secret" not in str(encode_concise(error))
    assert code_of(ValueError("secret")) == UNEXPECTED_CODE
    assert problem_of(ValueError("secret")).status == 500


def test_an_unexpected_error_is_logged_by_its_place_alone() -> None:
    with pytest.raises(ValueError, match="secret") as caught:
        raise ValueError("secret")
    with capture_logs() as events:
        assert respond(caught.value, "").status == 500
    [event] = events
    assert (event["event"], event["code"], event["kind"]) == ("request_failed", UNEXPECTED_CODE, "ValueError")
    assert "test_problems.py" in event["where"][-1]
    assert "secret" not in str(event)


def test_a_fault_of_our_own_is_logged_in_its_own_words() -> None:
    with capture_logs() as events:
        assert respond(server_errors.StoreCorruptError("expected a tile, got none"), "").status == 500
    assert [(event["code"], event["error"]) for event in events] == [("store_corrupt", "expected a tile, got none")]


async def test_a_client_that_asks_for_json_gets_rfc_9457(log: RunningLog) -> None:
    for accept in (
        "application/json",
        "application/problem+json",
        "text/html",
        "application/cbor;q=0.5, application/json",
    ):
        answer = await log.get("/entries/0", Accept=accept)
        assert (answer.status, answer.media_type) == (404, "application/problem+json")
        document = answer.json()
        assert (document["title"], document["status"], document["code"]) == ("Not Found", 404, "not_found")
        assert document["detail"]
        assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("no-store", "Accept")


async def test_everybody_else_gets_rfc_9290(log: RunningLog) -> None:
    for accept in ("", "*/*", "application/cose", "application/json;q=0.5, application/cbor", "image/png"):
        assert (await log.get("/entries/0", Accept=accept)).problem() == (404, "Not Found", "not_found")


def test_the_page_lists_every_problem_that_a_request_can_meet() -> None:
    rows = re.findall(r"(?m)^\| `([a-z_]+)` \| ([0-9]{3}) \| ([^|]+) \|", DOCUMENT)
    told = {code: (int(status), title.strip()) for code, status, title in rows}
    faults = {code_of(error("")) for error, problem in PROBLEMS.items() if problem.status == 500}
    expected = {
        code_of(error("")): (problem.status, problem.title)
        for error, problem in PROBLEMS.items()
        if code_of(error("")) not in faults
    }
    assert {code: told.get(code) for code in expected} == expected
    assert set(told) - set(expected) == {"fault", UNEXPECTED_CODE}
