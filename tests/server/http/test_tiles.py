"""The static read API, exactly as C2SP tlog-tiles has it."""

import gzip

import pytest

from glasslog.checkpoint import open_checkpoint
from glasslog.merkle import hash_leaf
from glasslog.tiles import decode_bundle, decode_tile
from tests.server.http.running_log import RunningLog
from tests.simulation.oracle import naive_root

IMMUTABLE = "public, max-age=31536000, immutable"


async def test_the_checkpoint_is_a_signed_note_that_is_not_cached(log: RunningLog) -> None:
    answer = await log.get("/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    checkpoint = open_checkpoint(answer.body, [log.vkey]).checkpoint
    assert (checkpoint.size, checkpoint.root) == (log.size, log.log.head.root)


async def test_bundles_and_tiles_lead_to_the_signed_root_at_every_published_size(log: RunningLog) -> None:
    for size in (3, 4, 255, 256, 257, 511, 512, 513):
        await log.grow_to(size) if size > log.size else None
        entries, hashes = [], []
        full, rest = divmod(size, 256)
        for path, width in [(f"{n:03d}", 256) for n in range(full)] + (
            [(f"{full:03d}.p/{rest}", rest)] if rest else []
        ):
            tile, bundle = await log.get(f"/tile/0/{path}"), await log.get(f"/tile/entries/{path}")
            for answer in (tile, bundle):
                assert answer.status == 200
                assert answer.headers["Content-Type"] == "application/octet-stream"
                assert answer.headers["Cache-Control"] == IMMUTABLE
            hashes += decode_tile(tile.body, width)
            entries += decode_bundle(bundle.body, width)
        assert [hash_leaf(entry) for entry in entries] == hashes
        assert naive_root(hashes) == log.log.head.root


async def test_levels_above_hold_the_roots_of_full_tiles(log: RunningLog) -> None:
    await log.grow_to(513)
    leaves = [decode_tile((await log.get(f"/tile/0/{n:03d}")).body, 256) for n in range(2)]
    assert decode_tile((await log.get("/tile/1/000.p/2")).body, 2) == [naive_root(tile) for tile in leaves]
    assert (await log.get("/tile/1/000")).status == 404
    assert (await log.get("/tile/2/000.p/1")).status == 404


async def test_every_partial_tile_of_a_published_size_stays_served_when_it_has_grown(log: RunningLog) -> None:
    seen = {}
    for size in (3, 4, 100, 255):
        await log.grow_to(size) if size > log.size else None
        for kind in ("0", "entries"):
            path = f"/tile/{kind}/000.p/{size}"
            seen[path] = (await log.get(path)).body
    await log.grow_to(300)
    for path, body in seen.items():
        assert (await log.get(path)).body == body


async def test_what_is_not_published_is_not_found(log: RunningLog) -> None:
    await log.grow_to(10)
    for path in ("0/000", "0/000.p/11", "0/001.p/1", "1/000.p/1", "63/000.p/1", "0/x999/999", "entries/000"):
        assert (await log.get(f"/tile/{path}")).problem() == (404, "Not Found", "not_found")


@pytest.mark.parametrize(
    "path",
    [
        "/tile/0/000.p/0",
        "/tile/0/000.p/256",
        "/tile/0/000.p/010",
        "/tile/0/000.p/+1",
        "/tile/0/000.p/1/",
        "/tile/0/000.p",
        "/tile/0/0",
        "/tile/0/0000",
        "/tile/0/x000/000.p/1",
        "/tile/00/000.p/1",
        "/tile/64/000.p/1",
        "/tile/-1/000.p/1",
        "/tile/x/000.p/1",
        "/tile/0/%300%30.p/1",
        "/tile/%30/000.p/1",
        "/tile/0/000%2Ep/1",
        "/tile/0//000.p/1",
        "/tile//0/000.p/1",
        "//tile/0/000.p/1",
        "/tile/0/../0/000.p/1",
        "/tile/Entries/000.p/1",
        "/tile/entries/000.p/1%00",
        "/tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "/tile/",
        "/tile/0",
        "/tile",
    ],
)
async def test_a_tile_has_one_path(log: RunningLog, path: str) -> None:
    assert (await log.get(path)).problem() == (404, "Not Found", "not_found")


async def test_bundles_are_compressed_for_those_alone_who_ask(log: RunningLog) -> None:
    await log.grow_to(20)
    plain = await log.get("/tile/entries/000.p/20", Accept_Encoding="identity")
    assert "Content-Encoding" not in plain.headers
    packed = await log.get("/tile/entries/000.p/20", Accept_Encoding="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    refusing = await log.get("/tile/entries/000.p/20", Accept_Encoding="gzip;q=0")
    assert refusing.body == plain.body
    tile = await log.get("/tile/0/000.p/20", Accept_Encoding="gzip")
    assert "Content-Encoding" not in tile.headers


async def test_head_tells_of_a_tile_without_sending_it(log: RunningLog) -> None:
    whole = await log.get("/tile/0/000.p/3")
    head = await log.request("HEAD", "/tile/0/000.p/3")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(whole.body)))
    assert (await log.request("HEAD", "/tile/0/000")).status == 404
