"""`GET /heads`: when the log signed which tree."""

import pytest

from glasslog.authority import operator_issuer
from glasslog.heads import decode_heads
from tests.server.http.running_log import RunningLog
from tests.server.http.statements import ORIGIN

IMMUTABLE = "public, max-age=31536000, immutable"


async def test_every_signed_head_is_told_and_verifies(log: RunningLog) -> None:
    for size in (4, 10, 300):
        await log.grow_to(size)
    answer = await log.get("/heads")
    assert answer.media_type == "application/cbor-seq"
    heads = decode_heads(answer.body)
    assert [head.size for head in heads] == [1, 2, 3, 4, 10, 300]
    assert heads[-1].root == log.log.head.root
    times = [head.verify(operator_issuer(ORIGIN), [log.vkey.public_key]) for head in heads]
    assert times == sorted(times)
    assert times[-1] == log.log.head.time


async def test_a_head_is_the_signature_of_the_receipts_at_its_size(log: RunningLog) -> None:
    answer = await log.get("/proofs/inclusion/0/3", Accept="application/cose")
    receipt = answer.receipt()
    [head] = decode_heads((await log.get("/heads?start=3&limit=1")).body)
    assert (head.protected, head.signature) == (receipt.protected, receipt.signature)


async def test_pages_join_and_full_ones_are_cached_for_ever(log: RunningLog) -> None:
    for size in (4, 5, 6):
        await log.grow_to(size)
    sizes, start = [], 0
    while True:
        answer = await log.get(f"/heads?start={start}&limit=4")
        page = decode_heads(answer.body)
        assert answer.headers["Cache-Control"] == (IMMUTABLE if len(page) == 4 else "no-cache")
        sizes += [head.size for head in page]
        if len(page) < 4:
            break
        start = page[-1].size + 1
    assert sizes == [1, 2, 3, 4, 5, 6]


async def test_beyond_the_published_head_there_is_nothing(log: RunningLog) -> None:
    answer = await log.get(f"/heads?start={log.size + 1}")
    assert (answer.status, answer.body) == (200, b"")
    assert (await log.get(f"/heads?start={2**63 - 1}")).body == b""


@pytest.mark.parametrize(
    "query", ["start=-1", "start=x", "limit=0", "limit=1001", "start=1&start=2", "from=1", "start=01", f"start={2**63}"]
)
async def test_other_queries_are_refused(log: RunningLog, query: str) -> None:
    assert (await log.get(f"/heads?{query}")).problem() == (400, "Malformed request", "bad_parameter")
