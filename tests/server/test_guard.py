import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glasslog.limits import NOTE_BYTES_MAX
from glasslog_server.core.limits import GUARD_SLOT_BYTES
from glasslog_server.errors import (
    GuardConflictError,
    GuardCopiedError,
    GuardCorruptError,
    GuardError,
    GuardExistsError,
    GuardForeignError,
    GuardLockedError,
    GuardMissingError,
)
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.guard_record import (
    FileIdentity,
    GuardRecord,
    decode_slot,
    encode_slot,
    identify,
    newest_record,
)

STORE_ID = bytes(range(16))
FIRST = b"log.example\n0\n\n"
IDENTITY = FileIdentity(1, 2)

NOTES = st.binary(max_size=300)
RECORDS = st.builds(
    GuardRecord,
    st.integers(0, 2**64 - 1),
    st.binary(min_size=16, max_size=16),
    st.builds(FileIdentity, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
    NOTES,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "guard"


@pytest.fixture
async def guard(path: Path) -> AsyncIterator[FileGuard]:
    guard = FileGuard.create(path, STORE_ID, FIRST)
    yield guard
    await guard.close()


async def note_of(guard: FileGuard) -> bytes:
    return (await guard.read()).note


# ------------------------------------------------------------------------------------------------------------- swapping


async def test_a_new_guard_holds_the_first_note(guard: FileGuard, path: Path) -> None:
    record = await guard.read()
    assert (record.store_id, record.note) == (STORE_ID, FIRST)
    assert path.stat().st_size == 2 * GUARD_SLOT_BYTES
    assert path.stat().st_mode & 0o777 == 0o600


async def test_swaps_follow_one_another_and_survive_reopening(guard: FileGuard, path: Path) -> None:
    note = FIRST
    for number in range(7):
        following = b"note %d" % number
        await guard.swap(note, following)
        note = following
        assert await note_of(guard) == note
    await guard.close()
    reopened = FileGuard.open(path, STORE_ID)
    assert await note_of(reopened) == note
    await reopened.swap(note, b"after")
    assert await note_of(reopened) == b"after"
    await reopened.close()


@pytest.mark.parametrize("expected", [b"", FIRST + b"x", FIRST[:-1], b"another"])
async def test_a_swap_from_another_note_is_refused_and_changes_nothing(guard: FileGuard, expected: bytes) -> None:
    before = await guard.read()
    with pytest.raises(GuardConflictError, match="got another one"):
        await guard.swap(expected, b"new")
    assert await guard.read() == before
    await guard.swap(FIRST, b"new")


async def test_of_two_swaps_at_once_one_is_refused(guard: FileGuard) -> None:
    outcomes = await asyncio.gather(guard.swap(FIRST, b"a"), guard.swap(FIRST, b"b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(GuardConflictError) == 1
    assert await note_of(guard) in {b"a", b"b"}


async def test_the_current_note_is_read_from_the_file_and_not_remembered(guard: FileGuard, path: Path) -> None:
    record = await guard.read()
    with path.open("r+b") as file:
        file.seek(GUARD_SLOT_BYTES)
        file.write(encode_slot(replace(record, sequence=record.sequence + 1, note=b"by another hand")))
    with pytest.raises(GuardConflictError):
        await guard.swap(FIRST, b"new")
    assert await note_of(guard) == b"by another hand"


async def test_the_longest_note_is_held_and_a_longer_one_refused(guard: FileGuard, path: Path) -> None:
    longest = bytes(NOTE_BYTES_MAX)
    await guard.swap(FIRST, longest)
    await guard.swap(longest, longest)
    assert await note_of(guard) == longest
    with pytest.raises(GuardError, match=f"expected a note of at most {NOTE_BYTES_MAX} bytes"):
        await guard.swap(longest, bytes(NOTE_BYTES_MAX + 1))
    await guard.swap(longest, longest)
    await guard.close()
    reopened = FileGuard.open(path, STORE_ID)
    assert await note_of(reopened) == longest
    await reopened.close()


# ------------------------------------------------------------------------------------------------- creating and opening


async def test_a_guard_is_never_created_over_another(guard: FileGuard, path: Path) -> None:
    await guard.swap(FIRST, b"second")
    with pytest.raises(GuardExistsError, match="never overwritten"):
        FileGuard.create(path, STORE_ID, FIRST)
    assert await note_of(guard) == b"second"


def test_a_guard_that_cannot_be_created_leaves_no_file(path: Path) -> None:
    with pytest.raises(GuardError, match="expected a note of at most"):
        FileGuard.create(path, STORE_ID, bytes(NOTE_BYTES_MAX + 1))
    with pytest.raises(GuardError, match="store id of 16"):
        FileGuard.create(path, b"short", FIRST)
    assert not path.exists()
    with pytest.raises(GuardMissingError):
        FileGuard.create(path / "no" / "folder", STORE_ID, FIRST)


def test_a_missing_guard_is_not_made_by_opening_it(path: Path) -> None:
    for act in (FileGuard.open, FileGuard.adopt):
        with pytest.raises(GuardMissingError, match="never replace it by a copy"):
            act(path, STORE_ID)
    assert not path.exists()


async def test_a_deleted_guard_is_refused_while_the_log_runs_and_after(guard: FileGuard, path: Path) -> None:
    path.unlink()
    with pytest.raises(GuardMissingError, match="got another file or none there"):
        await guard.swap(FIRST, b"new")
    await guard.close()
    with pytest.raises(GuardMissingError):
        FileGuard.open(path, STORE_ID)


async def test_a_guard_replaced_while_the_log_runs_is_refused(guard: FileGuard, path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    copy.rename(path)
    with pytest.raises(GuardMissingError, match="got another file or none there"):
        await guard.swap(FIRST, b"new")


async def test_the_guard_of_another_store_is_refused(guard: FileGuard, path: Path) -> None:
    await guard.close()
    for act in (FileGuard.open, FileGuard.adopt):
        with pytest.raises(GuardForeignError, match="of the same log"):
            act(path, bytes(16))
    await FileGuard.open(path, STORE_ID).close()


async def test_a_closed_guard_refuses_every_call(guard: FileGuard) -> None:
    await guard.close()
    await guard.close()
    with pytest.raises(GuardError, match="that was closed"):
        await guard.read()
    with pytest.raises(GuardError, match="that was closed"):
        await guard.swap(FIRST, b"new")


async def test_a_guard_that_cannot_be_read_is_refused(path: Path) -> None:
    path.mkdir()
    with pytest.raises(GuardError, match="could not open the guard"):
        FileGuard.open(path, STORE_ID)


# --------------------------------------------------------------------------------------------------------------- copies


async def test_a_copied_guard_is_refused_until_it_is_adopted(guard: FileGuard, path: Path) -> None:
    await guard.swap(FIRST, b"second")
    await guard.close()
    folder = path.parent
    copy = folder.with_name("copied folder")
    shutil.copytree(folder, copy)
    for _ in range(2):
        with pytest.raises(GuardCopiedError, match="glasslog-server guard adopt"):
            FileGuard.open(copy / "guard", STORE_ID)
    adopted = FileGuard.adopt(copy / "guard", STORE_ID)
    assert await note_of(adopted) == b"second"
    await adopted.swap(b"second", b"third")
    await adopted.close()
    reopened = FileGuard.open(copy / "guard", STORE_ID)
    assert await note_of(reopened) == b"third"
    await reopened.close()


async def test_a_guard_brought_back_from_a_backup_is_refused_also_where_it_gets_its_old_inode(
    guard: FileGuard, path: Path
) -> None:
    """A file system gives the inode number of a deleted file to the next one: the time of birth tells them apart."""
    backup = path.with_name("backup")
    with path.open() as file:
        if not identify(file.fileno()).birth_ns:
            pytest.skip("this file system keeps no time of birth")
    shutil.copy2(path, backup)
    await guard.swap(FIRST, b"second")
    await guard.close()
    path.unlink()
    shutil.copy2(backup, path)
    with pytest.raises(GuardCopiedError):
        FileGuard.open(path, STORE_ID)


async def test_a_guard_that_was_moved_or_renamed_is_still_itself(guard: FileGuard, path: Path) -> None:
    await guard.close()
    moved = path.with_name("moved")
    path.rename(moved)
    reopened = FileGuard.open(moved, STORE_ID)
    assert await note_of(reopened) == FIRST
    await reopened.close()


@pytest.mark.parametrize(
    "other, same",
    [
        (FileIdentity(1, 2), True),
        (FileIdentity(1, 0), True),
        (FileIdentity(1, 3), False),
        (FileIdentity(2, 2), False),
        (FileIdentity(2, 0), False),
    ],
)
def test_a_file_is_known_by_its_inode_and_where_known_its_birth(other: FileIdentity, *, same: bool) -> None:
    assert IDENTITY.is_same_file(other) is same
    assert other.is_same_file(IDENTITY) is same


# -------------------------------------------------------------------------------------------------------------- locking


async def test_a_second_server_in_this_process_is_refused(guard: FileGuard, path: Path) -> None:
    for act in (FileGuard.open, FileGuard.adopt):
        with pytest.raises(GuardLockedError, match="another server runs this log"):
            act(path, STORE_ID)
    await guard.swap(FIRST, b"undisturbed")


HOLD = """
import sys
from pathlib import Path
from glasslog_server.errors import GuardLockedError
from glasslog_server.storage.guard import FileGuard
try:
    guard = FileGuard.open(Path(sys.argv[1]), bytes(range(16)))
except GuardLockedError as error:
    print(error.code, flush=True)
else:
    print("open", flush=True)
    sys.stdin.read()
"""


async def test_of_two_processes_one_is_refused_until_the_other_is_killed(guard: FileGuard, path: Path) -> None:
    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(path)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    with start() as second:
        assert answer(second) == "guard_locked\n"
    await guard.close()
    with start() as holder:
        assert answer(holder) == "open\n"
        with pytest.raises(GuardLockedError):
            FileGuard.open(path, STORE_ID)
        holder.kill()
    reopened = FileGuard.open(path, STORE_ID)
    assert await note_of(reopened) == FIRST
    await reopened.close()


# ---------------------------------------------------------------------------------------------------------- torn writes


@given(RECORDS)
def test_a_slot_holds_its_record_whatever_follows_it(record: GuardRecord) -> None:
    assert decode_slot(encode_slot(record)) == record
    assert decode_slot(encode_slot(record) + b"what was here before") == record


@given(st.binary(max_size=600) | st.binary(max_size=600).map(lambda data: b"glguard\x01" + data))
def test_any_bytes_are_a_record_or_none(data: bytes) -> None:
    record = decode_slot(data)
    assert record is None or encode_slot(record) == data[: len(encode_slot(record))]


@given(RECORDS, NOTES, st.data())
def test_whatever_of_a_write_reaches_the_disk_a_whole_record_is_read(
    old: GuardRecord, note: bytes, data: st.DataObject
) -> None:
    """Let any number of bytes of a write arrive, then flip any bit of them: the new record is read, or the old one."""
    old = replace(old, sequence=old.sequence // 2)
    new = replace(old, sequence=old.sequence + 1, note=note)
    slots = [bytearray(GUARD_SLOT_BYTES), bytearray(GUARD_SLOT_BYTES)]
    older, newer = slots[old.sequence % 2], slots[new.sequence % 2]
    older[: len(encode_slot(old))] = encode_slot(old)
    before = replace(old, sequence=max(0, old.sequence - 1), note=b"long before" * 9)
    if old.sequence:
        newer[: len(encode_slot(before))] = encode_slot(before)
    arriving = encode_slot(new)
    arrived = data.draw(st.integers(0, len(arriving)))
    newer[:arrived] = arriving[:arrived]
    read = newest_record(map(bytes, slots))
    whole = bytes(newer[: len(arriving)]) == arriving
    assert read == (new if whole else old)
    if arrived:
        bit = data.draw(st.integers(0, 8 * arrived - 1))
        newer[bit // 8] ^= 1 << bit % 8
        assert newest_record(map(bytes, slots)) == old


@pytest.mark.parametrize("swaps", [1, 2])
async def test_a_torn_swap_leaves_the_note_before_it_and_the_guard_goes_on(
    guard: FileGuard, path: Path, swaps: int
) -> None:
    """Cut the newest write short, in either slot, and go on from what is left as the next start does."""
    note = FIRST
    for number in range(swaps):
        await guard.swap(note, note := b"note %d" % number)
    image = path.read_bytes()
    await guard.swap(note, b"new")
    await guard.close()
    after = path.read_bytes()
    changed = [place for place, pair in enumerate(zip(image, after, strict=True)) if pair[0] != pair[1]]
    for cut in [*range(changed[0], changed[-1] + 1, 7), changed[-1]]:
        write_in_place(path, after[:cut] + image[cut:])
        reopened = FileGuard.open(path, STORE_ID)
        assert await note_of(reopened) == note
        await reopened.swap(note, b"on we go")
        assert await note_of(reopened) == b"on we go"
        await reopened.close()
    write_in_place(path, after)
    reopened = FileGuard.open(path, STORE_ID)
    assert await note_of(reopened) == b"new"
    await reopened.close()


def write_in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


@pytest.mark.parametrize("content", [b"", b"glguard\x01", bytes(2 * GUARD_SLOT_BYTES)])
async def test_a_guard_without_a_valid_record_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for act in (FileGuard.open, FileGuard.adopt):
        with pytest.raises(GuardCorruptError, match="got none in either slot"):
            act(path, STORE_ID)


async def test_a_guard_damaged_while_the_log_runs_is_refused(guard: FileGuard, path: Path) -> None:
    path.write_bytes(bytes(2 * GUARD_SLOT_BYTES))
    with pytest.raises(GuardCorruptError):
        await guard.swap(FIRST, b"new")
    with pytest.raises(GuardCorruptError):
        await guard.read()


async def test_after_a_swap_that_failed_on_the_disk_the_guard_must_be_opened_anew(
    guard: FileGuard, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:  # a disk that fails to sync cannot be had
        patched.setattr("glasslog_server.storage.guard.sync_data", fail)
        with pytest.raises(GuardError, match="Input/output error"):
            await guard.swap(FIRST, b"new")
    for _ in range(2):
        with pytest.raises(GuardError, match="whose last swap failed: open it anew"):
            await guard.swap(FIRST, b"new")
    await guard.close()
    reopened = FileGuard.open(path, STORE_ID)
    assert await note_of(reopened) in {FIRST, b"new"}
    await reopened.close()


async def test_opening_writes_the_record_once_more(guard: FileGuard, path: Path) -> None:
    """What was read may never have reached the disk: after opening, it has."""
    await guard.swap(FIRST, b"second")
    sequence = (await guard.read()).sequence
    await guard.close()
    reopened = FileGuard.open(path, STORE_ID)
    record = await reopened.read()
    assert (record.sequence, record.note) == (sequence + 1, b"second")
    await reopened.close()
