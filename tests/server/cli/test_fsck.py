"""Every kind of damage is found, is told as what it is, and does not hide or imitate another."""

import asyncio
import dataclasses
from collections.abc import Callable

import pytest

from glasslog.checkpoint import Checkpoint, sign_checkpoint
from glasslog.keys import PublicKey, SigningKey
from glasslog.merkle import Hash, LeafIndex, TreeSize, hash_leaf
from glasslog.statement import decode_statement
from glasslog.tiles import TileId, decode_bundle, encode_bundle
from glasslog_server.config import Config
from glasslog_server.core.tree import Tree
from glasslog_server.fsck import Kind, Progress, check_log
from glasslog_server.fsck.findings import FINDINGS_KEPT_MAX, Findings
from glasslog_server.genesis import sign_policy_record
from glasslog_server.log import Log, LogSettings
from glasslog_server.metrics import Metrics
from glasslog_server.policy_log import register
from glasslog_server.policy_statements import new_record_id, policy_entries_of
from glasslog_server.signers import log_settings, open_head_signer, open_operator
from glasslog_server.storage import keys
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore
from glasslog_server.storage.rocks_engine import RocksEngine
from glasslog_server.storage.store import RoundWrite, TreeHead
from glasslog_server.tree_heads import HeadSigner
from tests.server.cli.small_log import ORIGIN, ROUNDS, SIZE, candidate_of, edit, fsck, now_ms
from tests.simulation.parties import Issuer

Damage = Callable[[RocksEngine], None]


def flip(data: bytes | None, place: int) -> bytes:
    assert data is not None
    place %= len(data)
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def flip_row(key: bytes, place: int) -> Damage:
    return lambda engine: engine.write([(key, flip(engine.get(key), place))])


def remove_row(key: bytes) -> Damage:
    return lambda engine: engine.write([], [key])


def change_head(size: int, **changes: object) -> Damage:
    def damage(engine: RocksEngine) -> None:
        row = engine.get(keys.head_key(TreeSize(size)))
        assert row is not None
        head = dataclasses.replace(keys.decode_head(row), **changes)  # type: ignore[arg-type]
        engine.write([(keys.head_key(TreeSize(size)), keys.encode_head(head))])

    return damage


def entry_at(engine: RocksEngine, index: int) -> bytes:
    bundle, offset = divmod(index, 256)
    data, fragment = b"", 0
    while fragment <= offset:
        added = engine.get(keys.fragment_key(bundle, fragment))
        assert added is not None
        data += added
        fragment += keys.measure_fragment(added, 256)[0]
    return decode_bundle(data, fragment)[offset]


def remove_leaf_row(index: int) -> Damage:
    return lambda engine: engine.write([], keys.leaf_keys([hash_leaf(entry_at(engine, index))]))


def remove_subject_row(index: int) -> Damage:
    def damage(engine: RocksEngine) -> None:
        subject = decode_statement(entry_at(engine, index)).subject
        engine.write([], [keys.subject_prefix(subject) + keys.encode_number(index)])

    return damage


def stream_key(seq: int) -> bytes:
    """Return the key of the stream row whose first place has this number: entries have their number's index plus 2."""
    prefix = keys.stream_prefix(Issuer().name, "clinic/main")
    return prefix + keys.encode_number(seq) + keys.encode_number(seq + 2)


HEAD_SIZES = [1, 2, *(2 + sum(ROUNDS[: count + 1]) for count in range(len(ROUNDS)))]


def test_a_sound_log_has_no_findings(log_config: Config) -> None:
    report = fsck(log_config)
    assert (report.findings.kept, report.is_sound) == ([], True)
    assert (report.size, report.heads) == (SIZE, len(HEAD_SIZES))
    assert report.tiles == 4  # two full ones and an open one of level 0, and an open one of level 1


def test_progress_reaches_the_size_of_the_log(log_config: Config) -> None:
    seen: list[Progress] = []

    async def run() -> None:
        store = RocksStore.open(log_config.storage.store)
        guard = log_config.storage.guard
        await check_log(store, lambda: FileGuard.open(guard, store.meta.store_id), seen.append)
        await store.close()

    asyncio.run(run())
    assert [progress.entries for progress in seen] == [256, 512, SIZE]
    assert {progress.size for progress in seen} == {SIZE}
    assert seen[-1].entry_bytes > SIZE * 100


@pytest.mark.parametrize(
    "damage,expected",
    [
        pytest.param(flip_row(keys.fragment_key(0, 0), -10), {Kind.ENTRY_DAMAGED: 1}, id="one bit of an entry"),
        pytest.param(remove_row(keys.fragment_key(1, 0)), {Kind.ENTRY_MISSING: 256}, id="a bundle"),
        pytest.param(flip_row(keys.tile_key(TileId(0, 1)), 40), {Kind.TILE: 1}, id="one bit of a full tile"),
        pytest.param(flip_row(keys.tile_key(TileId(0, 1)), -1), {Kind.TILE: 1}, id="one bit of an inner node"),
        pytest.param(flip_row(keys.tile_key(TileId(0, 2)), 40), {Kind.TILE: 1}, id="one bit of an open tile"),
        pytest.param(flip_row(keys.tile_key(TileId(1, 0)), 40), {Kind.TILE: 1}, id="one bit of a tile of level 1"),
        pytest.param(remove_row(keys.tile_key(TileId(1, 0))), {Kind.TILE: 1}, id="a tile of level 1"),
        pytest.param(remove_row(keys.tile_key(TileId(0, 0))), {Kind.TILE: 1}, id="a tile of level 0"),
        pytest.param(remove_leaf_row(300), {Kind.LEAF_ROW: 1}, id="a leaf row"),
        pytest.param(remove_subject_row(300), {Kind.SUBJECT_ROW: 1}, id="a subject row"),
        pytest.param(remove_row(stream_key(255)), {Kind.STREAM_ROW: 1}, id="a stream row of one entry"),
        pytest.param(remove_row(stream_key(512)), {Kind.STREAM_ROW: 43}, id="a stream row of many entries"),
        pytest.param(flip_row(stream_key(512), 4), {Kind.STREAM_ROW: 1}, id="one bit of a stream row"),
        pytest.param(
            change_head(HEAD_SIZES[3], root=Hash(bytes(32))), {Kind.HEAD_ROOT: 1}, id="the root in a head's row"
        ),
        pytest.param(change_head(HEAD_SIZES[3], note=b"no note"), {Kind.HEAD_NOTE: 1}, id="the note of a kept head"),
        pytest.param(
            change_head(HEAD_SIZES[3], receipt_signature=bytes(64)), {Kind.HEAD_RECEIPT: 1}, id="a receipt signature"
        ),
        pytest.param(
            change_head(HEAD_SIZES[3], receipt_protected=b"\xa0"), {Kind.HEAD_RECEIPT: 1}, id="a receipt header"
        ),
        pytest.param(
            change_head(HEAD_SIZES[3], time=1), {Kind.HEAD_ORDER: 1, Kind.HEAD_RECEIPT: 1}, id="the time of a head"
        ),
        pytest.param(
            flip_row(keys.head_key(TreeSize(HEAD_SIZES[3])), -70),
            {Kind.HEAD_RECEIPT: 1},
            id="one bit of a head's row",
        ),
    ],
)
def test_damage_is_found_and_named(log_config: Config, damage: Damage, expected: dict[Kind, int]) -> None:
    edit(log_config, damage)
    findings = fsck(log_config).findings
    assert dict(findings.counts) == expected, findings.kept


def test_a_head_that_cannot_be_decoded_does_not_end_the_check(log_config: Config) -> None:
    edit(log_config, lambda engine: engine.write([(keys.head_key(TreeSize(HEAD_SIZES[3])), b"nonsense")]))
    report = fsck(log_config)
    assert dict(report.findings.counts) == {Kind.HEAD_ORDER: 1}
    assert report.size == SIZE


def test_an_entry_that_is_gone_with_its_leaf_hash_ends_the_check_there(log_config: Config) -> None:
    def damage(engine: RocksEngine) -> None:
        engine.write([], [keys.fragment_key(1, 0), keys.tile_key(TileId(0, 1))])

    edit(log_config, damage)
    report = fsck(log_config)
    assert report.findings.counts[Kind.ENTRY_MISSING] == 257  # each of the bundle, and that the walk stopped
    assert report.size == 256


def test_the_same_entries_in_another_order_are_another_tree(log_config: Config) -> None:
    def swap(engine: RocksEngine) -> None:
        entries = [entry_at(engine, index) for index in range(256)]
        entries[10], entries[11] = entries[11], entries[10]
        engine.write([(keys.fragment_key(0, 0), encode_bundle(entries))])

    edit(log_config, swap)
    assert dict(fsck(log_config).findings.counts) == {Kind.ENTRY_DAMAGED: 2}


def test_an_entry_by_nobody_the_log_knows_is_found_even_when_every_hash_agrees(log_config: Config) -> None:
    """The operator of a log could rewrite it whole; what the policy did not admit still shows."""

    async def append_unauthorised() -> None:
        store = RocksStore.open(log_config.storage.store)
        head = await store.latest_head()
        assert head is not None
        edge = Tree.right_edge(head.size)
        values = dict(zip(edge, await store.read_tiles(edge), strict=True))
        tree = Tree.from_tiles(head.size, {tile: value for tile, value in values.items() if value is not None})
        statement = Issuer(name="https://stranger.example", key_name="stranger").statement()
        tiles = tree.append([statement.leaf_hash])
        new_head = await open_head_signer(log_config).sign(tree.size, tree.root(), head.time)
        await store.append(RoundWrite(LeafIndex(head.size), [candidate_of(statement)], tiles, {}, new_head))
        await store.close()

    asyncio.run(append_unauthorised())
    assert dict(fsck(log_config).findings.counts) == {Kind.ENTRY_UNAUTHORISED: 1}  # and the guard is one round behind


def test_a_guard_that_is_gone_is_a_finding(log_config: Config) -> None:
    log_config.storage.guard.unlink()
    assert dict(fsck(log_config).findings.counts) == {Kind.GUARD: 1}


def test_a_guard_two_rounds_behind_is_a_finding(log_config: Config) -> None:
    async def set_back() -> None:
        store = RocksStore.open(log_config.storage.store)
        heads: list[TreeHead] = await store.heads(TreeSize(0), 100)
        guard = FileGuard.open(log_config.storage.guard, store.meta.store_id)
        await guard.swap(heads[-1].note, heads[-3].note)
        await guard.close()
        await store.close()

    asyncio.run(set_back())
    assert dict(fsck(log_config).findings.counts) == {Kind.GUARD: 1}


def test_only_the_first_findings_of_a_kind_are_kept() -> None:
    findings = Findings()
    for place in range(FINDINGS_KEPT_MAX + 5):
        findings.add(Kind.TILE, place, "wrong")
    findings.add(Kind.GUARD, 0, "gone")
    assert findings.counts == {Kind.TILE: FINDINGS_KEPT_MAX + 5, Kind.GUARD: 1}
    assert len(findings.kept) == FINDINGS_KEPT_MAX + 1


def test_the_log_key_of_another_log_signs_nothing_here(log_config: Config) -> None:
    stranger = SigningKey(bytes(32))
    row_key = keys.head_key(TreeSize(HEAD_SIZES[4]))

    def forge(engine: RocksEngine) -> None:
        row = engine.get(row_key)
        assert row is not None
        head = keys.decode_head(row)
        note = sign_checkpoint(Checkpoint("log.example/tools", head.size, head.root), [stranger])
        engine.write([(row_key, keys.encode_head(dataclasses.replace(head, note=note)))])

    edit(log_config, forge)
    assert dict(fsck(log_config).findings.counts) == {Kind.HEAD_NOTE: 1}


def test_heads_are_held_against_the_keys_of_their_own_time(log_config: Config) -> None:
    """The log's key is replaced: both are announced by an entry, the new one takes over, the old one is dropped."""
    new_key = SigningKey(bytes(32))
    old_settings = log_settings(log_config)
    new_settings = dataclasses.replace(old_settings, signer=HeadSigner(ORIGIN, [new_key]))

    async def announce(settings: LogSettings, *log_keys: PublicKey) -> None:
        log = await Log.open(settings, Metrics())
        policy = dataclasses.replace(log.authority.policy, log_keys=log_keys)
        place = policy_entries_of(log.authority).next_place
        statement = sign_policy_record(
            open_operator(log_config),
            log.origin,
            place,
            "log-policy",
            policy.body(),
            record_id=new_record_id(now_ms()),
            time_ms=now_ms(),
        )
        await register(log, statement)
        await log.close()

    [old] = old_settings.signer.public_keys
    asyncio.run(announce(old_settings, old, new_key.public_key))
    asyncio.run(announce(new_settings, new_key.public_key))
    report = fsck(log_config)
    assert (report.findings.kept, report.size) == ([], SIZE + 2)
