"""GET /proofs: between any two published sizes."""

import base64

import pytest

from glasslog.merkle import Hash, verify_consistency, verify_inclusion
from glasslog.receipt import decode_receipt
from glasslog.tiles import decode_tile
from tests.server.http.running_log import Answer, RunningLog
from tests.server.http.statements import LOG_KEY
from tests.simulation.oracle import naive_root

IMMUTABLE = "public, max-age=31536000, immutable"
SIZE = 30


def path_of(answer: Answer) -> list[Hash]:
    assert (answer.status, answer.headers["Cache-Control"], answer.headers["Vary"]) == (200, IMMUTABLE, "Accept")
    return [Hash(base64.b64decode(element, validate=True)) for element in answer.json()["path"]]


async def test_every_entry_is_proven_in_every_tree(log: RunningLog) -> None:
    await log.grow_to(SIZE)
    leaves = decode_tile((await log.get(f"/tile/0/000.p/{SIZE}")).body, SIZE)
    for size in range(1, SIZE + 1):
        root = naive_root(leaves[:size])
        for index in range(size):
            answer = await log.get(f"/proofs/inclusion/{index}/{size}")
            assert (answer.json()["index"], answer.json()["size"]) == (index, size)
            verify_inclusion(leaves[index], index, size, path_of(answer), root)  # type: ignore[arg-type]


async def test_every_tree_is_proven_to_grow_into_every_later_one(log: RunningLog) -> None:
    await log.grow_to(SIZE)
    leaves = decode_tile((await log.get(f"/tile/0/000.p/{SIZE}")).body, SIZE)
    roots = [naive_root(leaves[:size]) for size in range(SIZE + 1)]
    for size2 in range(1, SIZE + 1):
        assert path_of(await log.get(f"/proofs/consistency/0/{size2}")) == []
        for size1 in range(1, size2 + 1):
            path = path_of(await log.get(f"/proofs/consistency/{size1}/{size2}"))
            verify_consistency(size1, size2, roots[size1], roots[size2], path)  # type: ignore[arg-type]


async def test_receipts_are_made_at_sizes_that_have_a_head(log: RunningLog) -> None:
    await log.grow_to(SIZE)
    old_root = (await log.log.reader.head_of_size(3)).root  # type: ignore[arg-type, union-attr]
    answer = await log.get(f"/proofs/consistency/3/{SIZE}", Accept="application/cose")
    assert answer.headers["Content-Type"] == "application/cose"
    decode_receipt(answer.body).verify_consistency(old_root, log.log.head.root, LOG_KEY.public_key)
    [leaf] = decode_tile((await log.get("/tile/0/000.p/1")).body, 1)
    answer = await log.get(f"/proofs/inclusion/0/{SIZE}", Accept="application/cose")
    assert decode_receipt(answer.body).verify_inclusion(leaf, LOG_KEY.public_key) == log.log.head.root


@pytest.mark.parametrize(
    "path", ["inclusion/0/20", "inclusion/0/1", "consistency/3/20", "consistency/0/30", "inclusion/0/31"]
)
async def test_there_is_no_receipt_where_the_log_has_signed_none(log: RunningLog, path: str) -> None:
    await log.grow_to(SIZE)
    answer = await log.get(f"/proofs/{path}", Accept="application/cose")
    assert answer.problem() == (404, "Not Found", "not_found")


@pytest.mark.parametrize(
    "path, expected",
    [
        ("inclusion/0/31", (404, "Not Found", "not_found")),
        ("consistency/1/31", (404, "Not Found", "not_found")),
        (f"inclusion/0/{2**63 - 1}", (404, "Not Found", "not_found")),
        ("inclusion/30/30", (400, "Out of Range", "out_of_range")),
        ("inclusion/0/0", (400, "Out of Range", "out_of_range")),
        ("consistency/20/10", (400, "Out of Range", "out_of_range")),
        (f"inclusion/0/{2**63}", (400, "Malformed request", "bad_parameter")),
        (f"inclusion/{2**63}/30", (400, "Malformed request", "bad_parameter")),
        (f"consistency/{2**64}/{2**64}", (400, "Malformed request", "bad_parameter")),
        ("inclusion/-1/30", (400, "Malformed request", "bad_parameter")),
        ("inclusion/01/30", (400, "Malformed request", "bad_parameter")),
        ("inclusion/1.0/30", (400, "Malformed request", "bad_parameter")),
        ("inclusion/1%20/30", (400, "Malformed request", "bad_parameter")),
        ("inclusion/%D9%A1/30", (400, "Malformed request", "bad_parameter")),
        ("inclusion/0/30?x=1", (400, "Malformed request", "bad_parameter")),
        ("inclusion/0", (404, "Not Found", "not_found")),
    ],
)
async def test_what_cannot_be_proven_is_refused(log: RunningLog, path: str, expected: tuple[int, str, str]) -> None:
    await log.grow_to(SIZE)
    assert (await log.get(f"/proofs/{path}")).problem() == expected


async def test_a_client_must_take_json_or_cose(log: RunningLog) -> None:
    assert (await log.get("/proofs/inclusion/0/3", Accept="text/html")).json()["code"] == "not_acceptable"
