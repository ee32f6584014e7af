"""Whatever arrives, the front end answers with what it knows, stores nothing that is not right, and stays up."""

import asyncio

import cbor2
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.server.http.running_log import COSE, SEQUENCE, Answer, RunningLog
from tests.server.http.statements import CLINIC

shared_log = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

GOOD = CLINIC.statement(7).entry
NAMES = "entries tile checkpoint proofs inclusion consistency decisions streams issuers .well-known scitt-keys glasslog"
NUMBERS = "0 1 000 000.p x001 63 9223372036854775808 -1 . .."
SEGMENTS = st.sampled_from(["", *NAMES.split(), *NUMBERS.split()])
CHARACTERS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#?"), max_size=12)
ESCAPES = st.binary(max_size=6).map(lambda data: "".join(f"%{octet:02X}" for octet in data))
PATHS = st.lists(SEGMENTS | CHARACTERS | ESCAPES, max_size=6).map(lambda parts: "/" + "/".join(parts))
QUERIES = st.just("") | st.text(st.sampled_from("abcdefimorst=&0129%+;"), max_size=30).map(lambda text: "?" + text)
ACCEPTS = st.sampled_from(["", "*/*", "application/json", "application/cose", "text/html;q=0.3", "image/png", ";;,"])
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """Draw what a right statement becomes by a cut, a splice, a doubled part or changed bytes."""
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        kind = draw(st.sampled_from(["cut", "splice", "double", "change", "truncate"]))
        if kind == "cut":
            del data[start:end]
        elif kind == "splice":
            data[start:end] = draw(st.binary(max_size=40))
        elif kind == "double":
            data[start:start] = data[start:end]
        elif kind == "change" and start < len(data):
            data[start] ^= draw(st.integers(1, 255))
        else:
            del data[start:]
    return bytes(data)


def check_problem(answer: Answer) -> None:
    assert 400 <= answer.status < 500
    if answer.media_type == "application/problem+json":
        assert {"title", "status", "detail", "code"} == set(answer.json())
    else:
        answer.problem()


@shared_log
@given(METHODS, PATHS, QUERIES, ACCEPTS)
@example("GET", "/tile/entries/000.p/3", "", "")
@example("GET", "/proofs/inclusion/0/3", "", "application/cose")
async def test_any_path_is_answered_with_something_or_a_problem(
    log: RunningLog, method: str, path: str, query: str, accept: str
) -> None:
    size = log.size
    answer = await log.request(method, path + query, headers={"Accept": accept})
    if answer.status >= 300 and method != "HEAD":
        check_problem(answer)
    assert answer.status in {200, 204, 400, 404, 405, 406, 415}
    assert log.size == size


@shared_log
@given(mutations() | st.binary(max_size=300))
async def test_any_body_is_refused_as_a_statement(log: RunningLog, body: bytes) -> None:
    size = log.size
    answer = await log.request("POST", "/entries", data=body, headers=COSE)
    if body == GOOD:
        assert answer.status in {200, 201}
    else:
        check_problem(answer)
        assert log.size == size


@shared_log
@given(st.lists(mutations() | st.binary(max_size=100), max_size=4))
async def test_any_body_is_answered_as_a_sequence(log: RunningLog, parts: list[bytes]) -> None:
    size = log.size
    body = b"".join(parts)
    answer = await log.request("POST", "/entries", data=body, headers=SEQUENCE)
    if answer.status == 200:
        new = [outcome for outcome in answer.cbor()["outcomes"] if "index" in outcome and "duplicate" not in outcome]
        assert log.size == size + len(new)
        assert all("code" in outcome or outcome["entry_id"] for outcome in answer.cbor()["outcomes"])
    else:
        check_problem(answer)
        assert log.size == size


@shared_log
@given(st.binary(max_size=200), st.booleans())
@example(b"\r\n\r\n", True)
@example(b"GET / HTTP/1.1\r\n\r\n", True)
async def test_any_bytes_on_a_connection_leave_the_server_up(log: RunningLog, data: bytes, as_head: bool) -> None:  # noqa: FBT001
    reader, writer = await asyncio.open_connection(log.public.address.host, log.public.address.port)
    writer.write(b"GET /" + data + b"\r\n\r\n" if as_head else data)
    writer.write_eof()
    told = await reader.read()
    writer.close()
    if told:
        head, _, body = told.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.")
        if b"glasslog-problem: bad_http" in head.lower():
            assert set(cbor2.loads(body)) == {-1, -2}
    assert (await log.get("/healthz")).status == 200
