"""GET /decisions and /streams: entries by what they are about."""

from urllib.parse import quote

import pytest

from tests.server.http.running_log import RunningLog
from tests.server.http.statements import BANK, CLINIC, subject_of


async def test_a_decision_is_found_with_all_its_entries_in_order(log: RunningLog) -> None:
    subject = subject_of(10**6)
    first = [CLINIC.statement(subject=subject), BANK.statement(subject=subject)]
    await log.submit_all([*CLINIC.statements(3), *first])
    last = CLINIC.statement(subject=subject)
    await log.submit_all([CLINIC.statement(), last])
    answer = await log.get(f"/decisions/{subject}")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.json() == {
        "subject": subject,
        "entries": [
            {"entry_id": statement.leaf_hash.hex(), "index": index}
            for statement, index in zip([*first, last], [6, 7, 9], strict=True)
        ],
    }


async def test_pages_lead_from_one_to_the_next(log: RunningLog) -> None:
    subject = subject_of(10**6)
    statements = [CLINIC.statement(subject=subject) for _ in range(7)]
    await log.submit_all(statements)
    found: list[str] = []
    start: int | None = 0
    for _ in range(3):
        page = (await log.get(f"/decisions/{subject}?limit=3&from={start}")).json()
        found += [entry["entry_id"] for entry in page["entries"]]
        start = page.get("next")
    assert (found, start) == ([statement.leaf_hash.hex() for statement in statements], None)


@pytest.mark.parametrize("subject", ["urn:example:a/b", "https://x.example/?q=1#f", "urn:x:100%25", "urn:x:%E2%82%AC"])
async def test_a_subject_may_hold_whatever_a_uri_may(log: RunningLog, subject: str) -> None:
    statement = CLINIC.statement(subject=subject)
    await log.submit(statement)
    answer = await log.get("/decisions/" + quote(subject, safe=""))
    assert [entry["entry_id"] for entry in answer.json()["entries"]] == [statement.leaf_hash.hex()]
    assert answer.json()["subject"] == subject


async def test_nothing_is_known_of_an_unknown_decision(log: RunningLog) -> None:
    answer = await log.get(f"/decisions/{subject_of(5)}")
    assert (answer.status, answer.json()["entries"]) == (200, [])


async def test_the_operators_statements_are_about_the_log(log: RunningLog) -> None:
    answer = await log.get("/decisions/" + quote(log.log.authority.operator_issuer, safe=""))
    assert [entry["index"] for entry in answer.json()["entries"]] == [0, 1, 2]


async def test_a_stream_is_read_by_sequence_number(log: RunningLog) -> None:
    statements = [CLINIC.statement(stream="ward/7", seq=seq) for seq in (2, 0, 1)]
    others = [CLINIC.statement(stream="ward/8", seq=0), BANK.statement(stream="ward/7", seq=0)]
    await log.submit_all([*statements, *others])
    document = (await log.get(f"/streams?issuer={quote(CLINIC.uri)}&stream=ward/7")).json()
    assert (document["issuer"], document["stream"]) == (CLINIC.uri, "ward/7")
    expected = [(seq, statements[place].leaf_hash.hex(), 3 + place) for seq, place in ((0, 1), (1, 2), (2, 0))]
    assert [(entry["seq"], entry["entry_id"], entry["index"]) for entry in document["entries"]] == expected
    tail = (await log.get(f"/streams?issuer={quote(CLINIC.uri)}&stream=ward/7&from=2")).json()
    assert [entry["seq"] for entry in tail["entries"]] == [2]


async def test_a_number_that_was_used_twice_is_on_one_page(log: RunningLog) -> None:
    await log.submit_all([CLINIC.statement(stream="s", seq=seq) for seq in (0, 1, 1, 1, 2, 3)])
    path = f"/streams?issuer={quote(CLINIC.uri)}&stream=s&limit=2"
    pages = []
    start: int | None = 0
    while start is not None:
        page = (await log.get(f"{path}&from={start}")).json()
        pages.append([entry["seq"] for entry in page["entries"]])
        start = page.get("next")
    assert pages == [[0], [1, 1, 1], [2, 3]]


@pytest.mark.parametrize(
    "path",
    [
        "/decisions/urn:x?from=-1",
        "/decisions/urn:x?from=01",
        f"/decisions/urn:x?from={2**63}",
        "/decisions/urn:x?limit=0",
        "/decisions/urn:x?limit=1001",
        "/decisions/urn:x?limit=1&limit=2",
        "/decisions/urn:x?page=1",
        "/decisions/%FF",
        "/decisions/%zz",
        "/decisions/" + "x" * 513,
        "/streams",
        "/streams?issuer=https://x.example",
        "/streams?stream=s",
        "/streams?issuer=&stream=s",
        "/streams?issuer=x&stream=%00",
        f"/streams?issuer=x&stream=s&from={2**64}",
        "/streams?issuer=x&stream=" + "s" * 300,
    ],
)
async def test_a_question_that_is_not_of_its_form_is_refused(log: RunningLog, path: str) -> None:
    assert (await log.get(path)).problem() == (400, "Malformed request", "bad_parameter")
