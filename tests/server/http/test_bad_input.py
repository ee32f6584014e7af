"""What must be refused: each with its own problem, nothing stored, counted by reason."""

from collections.abc import AsyncIterator
from io import BytesIO

import pytest

from glasslog.limits import STATEMENT_BYTES_MAX
from tests.server.http.running_log import COSE, SEQUENCE, RunningLog
from tests.server.http.statements import BANK, CLINIC, LOG_KEY, OPERATOR_KEY, ORIGIN, Issuer, bad_statements

STATEMENTS = {name: (data, code) for name, data, code in bad_statements()}
TITLES = {
    "malformed": "Malformed request",
    "bad_algorithm": "Bad Signature Algorithm",
    "payload_missing": "Payload Missing",
    "unknown_key": "Rejected",
    "bad_signature": "Rejected",
    "no_authority": "Rejected",
}
FAR_FUTURE_MS = 4_102_444_800_000  # 2100


@pytest.mark.parametrize("name", STATEMENTS)
async def test_a_bad_statement_is_refused_for_its_own_reason(log: RunningLog, name: str) -> None:
    data, code = STATEMENTS[name]
    head = log.log.head
    assert (await log.submit(data)).problem() == (400, TITLES[code], code)
    assert log.log.head == head
    assert await log.metric("glasslog_statements_refused_total", code=code) == 1
    assert await log.metric("glasslog_http_problems_total", code=code) == 1


async def test_bad_statements_of_a_sequence_are_refused_one_by_one(log: RunningLog) -> None:
    separable = {
        name: bad for name, bad in STATEMENTS.items() if name.startswith(("a payload", "an unknown", "a flip"))
    }
    body = b"".join(data + CLINIC.statement().entry for data, _ in separable.values())
    size = log.size
    outcomes = (await log.request("POST", "/entries", data=body, headers=SEQUENCE)).cbor()["outcomes"]
    assert [outcome["code"] for outcome in outcomes[::2]] == [code for _, code in separable.values()]
    assert [outcome["index"] for outcome in outcomes[1::2]] == list(range(size, size + len(separable)))


async def test_a_revoked_key_is_refused(log: RunningLog) -> None:
    await log.revoke(CLINIC)
    size = log.size
    assert (await log.submit(CLINIC.statement())).problem() == (400, "Rejected", "no_authority")
    assert (await log.submit(BANK.statement())).status == 201
    assert log.size == size + 1


@pytest.mark.parametrize("validity", [{"valid_from": FAR_FUTURE_MS}, {"valid_until": 1}])
async def test_a_key_is_refused_outside_of_its_time(log: RunningLog, validity: dict[str, int]) -> None:
    lab = Issuer("lab")
    await log.register(lab.uri, lab.key.public_key, **validity)
    size = log.size
    assert (await log.submit(lab.statement())).problem() == (400, "Rejected", "no_authority")
    assert log.size == size


async def test_only_the_operator_speaks_for_the_log(log: RunningLog) -> None:
    size = log.size
    pretender = Issuer("pretender")
    pretender.uri = f"https://{ORIGIN}"
    for key in (pretender.key, LOG_KEY):
        pretender.key = key
        assert (await log.submit(pretender.statement())).problem() == (400, "Rejected", "unknown_key")
    pretender.key = OPERATOR_KEY
    assert (await log.submit(pretender.statement())).problem() == (400, "Rejected", "no_authority")
    assert log.size == size


@pytest.mark.parametrize("data", [b"\x00" * (STATEMENT_BYTES_MAX + 1), b"\xd2\x84" + b"\x00" * 200_000])
async def test_a_body_above_the_limit_is_refused_before_it_is_read(log: RunningLog, data: bytes) -> None:
    size = log.size
    assert (await log.submit(data)).problem() == (413, "Content Too Large", "too_large")
    assert (log.size, await log.metric("glasslog_http_body_bytes_total")) == (size, await _registered_bytes(log))


async def _registered_bytes(log: RunningLog) -> int:
    entries = await log.log.reader.store.read_entries(1, 3)  # type: ignore[arg-type]
    return sum(map(len, entries))


async def test_a_body_of_unknown_length_is_read_up_to_the_limit(log: RunningLog) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"\x00" * 40_000

    answer = await log.request("POST", "/entries", data=endless(), headers=COSE)
    assert answer.problem() == (413, "Content Too Large", "too_large")


async def test_a_statement_above_the_limit_is_refused_within_a_sequence_too(log: RunningLog) -> None:
    large = b"\x5a" + (STATEMENT_BYTES_MAX).to_bytes(4, "big") + bytes(STATEMENT_BYTES_MAX)
    body = large + CLINIC.statement().entry
    outcomes = (await log.request("POST", "/entries", data=body, headers=SEQUENCE)).cbor()["outcomes"]
    assert (outcomes[0]["code"], outcomes[1]["index"]) == ("too_large", 3)


async def test_a_sequence_above_the_limit_is_refused(log: RunningLog) -> None:
    answer = await log.request("POST", "/entries", data=BytesIO(bytes(4 * 1_024 * 1_024 + 1)), headers=SEQUENCE)
    assert answer.problem() == (413, "Content Too Large", "too_large")


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "application/json",
        "application/cbor",
        "text/plain",
        "application/cose-key",
        "multipart/form-data",
        "x",
        "*/*",
    ],
)
async def test_a_body_of_another_media_type_is_refused(log: RunningLog, media_type: str) -> None:
    answer = await log.submit(CLINIC.statement(), **{"Content-Type": media_type})
    assert answer.problem() == (415, "Unsupported Media Type", "bad_media_type")


async def test_a_body_with_a_content_encoding_is_refused(log: RunningLog) -> None:
    for encoding in ("gzip", "deflate", "br", "x"):
        answer = await log.submit(CLINIC.statement(), **{"Content-Encoding": encoding})
        assert answer.problem() == (415, "Unsupported Media Type", "bad_media_type")
    assert (await log.submit(CLINIC.statement(), **{"Content-Encoding": "identity"})).status == 201


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("GET", "/entries", "OPTIONS, POST"),
        ("PUT", "/entries", "OPTIONS, POST"),
        ("DELETE", "/entries/" + "0" * 64, "GET, HEAD, OPTIONS"),
        ("POST", "/checkpoint", "GET, HEAD, OPTIONS"),
        ("PATCH", "/tile/0/000", "GET, HEAD, OPTIONS"),
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/checkpoint", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(log: RunningLog, method: str, path: str, allowed: str) -> None:
    size = log.size
    answer = await log.request(method, path)
    assert answer.problem() == (405, "Method Not Allowed", "bad_method")
    assert (answer.headers["Allow"], log.size) == (allowed, size)


@pytest.mark.parametrize(
    "query", ["?receipts=2", "?receipts=", "?receipts=1&receipts=1", "?recipts=1", "?receipts=true"]
)
async def test_a_sequence_with_a_wrong_query_is_refused_before_it_is_read(log: RunningLog, query: str) -> None:
    size = log.size
    answer = await log.submit_all(CLINIC.statements(1), query)
    assert answer.problem() == (400, "Malformed request", "bad_parameter")
    assert log.size == size


@pytest.mark.parametrize("path", ["/nowhere", "/entries/", "/Entries", "/checkpoint/", "/.well-known/", "/%00", "/*"])
async def test_what_is_nowhere_is_not_found(log: RunningLog, path: str) -> None:
    assert (await log.get(path)).problem() == (404, "Not Found", "not_found")
