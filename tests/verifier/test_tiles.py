import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glasslog.errors import MalformedError
from glasslog.limits import ENTRY_BYTES_MAX, TILE_WIDTH, TREE_SIZE_MAX
from glasslog.merkle import Hash
from glasslog.tiles import (
    TILE_LEVEL_MAX,
    BundleId,
    TileId,
    bundle_path,
    bundle_width,
    decode_bundle,
    decode_tile,
    encode_bundle,
    encode_tile,
    parse_tile_path,
    tile_path,
    tile_width,
)
from tests.verifier.fuzzing import accepted
from tests.verifier.trees import NaiveTree, size

INDEX_MAX = TREE_SIZE_MAX // TILE_WIDTH
INDEXES = st.one_of(st.integers(0, 2_000), st.integers(0, INDEX_MAX))
WIDTHS = st.integers(1, TILE_WIDTH)
HASHES = st.lists(st.binary(min_size=32, max_size=32).map(Hash), min_size=1, max_size=TILE_WIDTH)


@pytest.mark.parametrize(
    "path, tile, width",
    [  # the first four are examples of C2SP tlog-tiles
        ("tile/0/x001/x234/067", TileId(0, 1_234_067), 256),
        ("tile/0/000", TileId(0, 0), 256),
        ("tile/1/000.p/1", TileId(1, 0), 1),
        ("tile/entries/x001/x234/067.p/8", BundleId(1_234_067), 8),
        ("tile/0/005", TileId(0, 5), 256),
        ("tile/63/999.p/255", TileId(63, 999), 255),
        ("tile/2/x001/000", TileId(2, 1_000), 256),
        ("tile/entries/x036/x028/x797/x018/x963/967", BundleId(36_028_797_018_963_967), 256),
    ],
)
def test_paths_are_those_of_the_specification(path: str, tile: TileId | BundleId, width: int) -> None:
    assert parse_tile_path(path) == (tile, width)
    assert (tile_path(tile, width) if isinstance(tile, TileId) else bundle_path(tile, width)) == path


@given(st.builds(TileId, level=st.integers(0, TILE_LEVEL_MAX), index=INDEXES), WIDTHS)
def test_tile_paths_come_back(tile: TileId, width: int) -> None:
    assert parse_tile_path(tile_path(tile, width)) == (tile, width)


@given(st.builds(BundleId, index=INDEXES), WIDTHS)
def test_bundle_paths_come_back(bundle: BundleId, width: int) -> None:
    assert parse_tile_path(bundle_path(bundle, width)) == (bundle, width)


REFUSED_PATHS = [
    "",
    "tile",
    "tile/0",
    "tile/0/",
    "/tile/0/000",
    "tile/0/000/",
    "tile//000",
    "tiles/0/000",
    "tile/00/000",
    "tile/01/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/x/000",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/000",
    "tile/0/001/002",
    "tile/0/x001",
    "tile/0/x001/x002",
    "tile/0/X001/002",
    "tile/0/x001/02",
    "tile/0/\u0660\u0660\u0660",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/00",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/999",
    "tile/0/000.p/1000",
    "tile/0/000.p/-1",
    "tile/0/000.p/1/1",
    "tile/0/000.P/1",
    "tile/0/.p/1",
    "tile/0/x001.p/002",
    "tile/0/../000",
    "tile/0/x036/x028/x797/x018/x963/968",
    "tile/0/x001/x000/x000/x000/x000/x000/000",
    "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
    "tile/entries",
    "tile/data/000",
    "tile/0/000\n",
    "tile/0/ 00",
]


@pytest.mark.parametrize("path", REFUSED_PATHS)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(MalformedError):
        parse_tile_path(path)


@given(st.one_of(st.text(max_size=40), st.text("tile/0123x.p\n", max_size=30).map(lambda rest: "tile/" + rest)))
@example("tile/0/.p/1")
def test_any_text_is_a_canonical_path_or_malformed(path: str) -> None:
    try:
        named, width = parse_tile_path(path)
    except MalformedError:
        return
    assert (tile_path(named, width) if isinstance(named, TileId) else bundle_path(named, width)) == path


@pytest.mark.parametrize("width", [-1, 0, 257])
def test_no_path_is_made_for_a_width_that_is_none(width: int) -> None:
    with pytest.raises(ValueError, match="width"):
        tile_path(TileId(0, 0), width)
    with pytest.raises(ValueError, match="width"):
        bundle_path(BundleId(0), width)


@pytest.mark.parametrize(
    "count", [0, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_536 * 256, TREE_SIZE_MAX]
)
def test_widths_add_up_to_the_tree(count: int) -> None:
    for level in range(4):
        hashes = count >> (8 * level)
        last = hashes // 256
        assert tile_width(TileId(level, last), size(count)) == hashes % 256
        assert tile_width(TileId(level, last + 1), size(count)) == 0
        if last:
            assert tile_width(TileId(level, last - 1), size(count)) == 256
    assert bundle_width(BundleId(count // 256), size(count)) == count % 256


@given(HASHES)
def test_tiles_come_back(hashes: list[Hash]) -> None:
    data = encode_tile(hashes)
    assert decode_tile(data, len(hashes)) == hashes
    for width in {len(hashes) - 1, len(hashes) + 1}:
        with pytest.raises(MalformedError):
            decode_tile(data, width)


def test_a_narrower_tile_is_a_prefix_of_a_wider_one() -> None:
    leaves = NaiveTree.numbered(256).leaves
    assert encode_tile(leaves).startswith(encode_tile(leaves[:100]))


@pytest.mark.parametrize("count", [0, 257])
def test_no_tile_is_made_of_no_or_too_many_hashes(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 256"):
        encode_tile([Hash(bytes(32))] * count)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entry_bundles_come_back(entries: list[bytes]) -> None:
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries
    with pytest.raises(MalformedError):
        decode_bundle(data, len(entries) + 1)
    with pytest.raises(MalformedError):
        decode_bundle(data + b"\0", len(entries))
    if entries:
        with pytest.raises(MalformedError):
            decode_bundle(data[:-1], len(entries))


@given(st.binary(max_size=200), st.integers(0, 256))
def test_any_bytes_are_an_entry_bundle_or_malformed(data: bytes, width: int) -> None:
    if accepted(lambda octets: decode_bundle(octets, width), data):
        assert encode_bundle(decode_bundle(data, width)) == data


def test_the_largest_entry_fits_and_no_larger_one() -> None:
    assert decode_bundle(encode_bundle([bytes(ENTRY_BYTES_MAX)]), 1) == [bytes(ENTRY_BYTES_MAX)]
    with pytest.raises(ValueError, match="at most"):
        encode_bundle([bytes(ENTRY_BYTES_MAX + 1)])
