"""Archives: what `export` writes is read again, by other tools too, and no hostile ZIP gets further than an error."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glasslog.checkpoint import open_checkpoint
from glasslog.errors import AbsentError, GlasslogError, MalformedError, UncheckableError
from glasslog.heads import decode_heads
from glasslog.merkle import TreeSize
from glasslog.mirror.export import write_archive
from glasslog.mirror.progress import Silence
from glasslog.sources import archive as archives
from glasslog.sources.archive import ArchiveSource
from glasslog.sources.directory import DirectorySource
from glasslog.tiles import BundleId, TileId
from tests.verifier.mirror.written_log import WrittenLog, new_log

LOG = new_log().grow(300)
NOTE = LOG.note()


def exported(log: WrittenLog, folder: Path, path: Path) -> Path:
    head = open_checkpoint(log.note(), [log.vkey]).checkpoint
    write_archive(path, DirectorySource(log.write(folder)), (log.note(), head), [log.note(54)], Silence())
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    return exported(LOG, folder / "log", folder / "log.zip")


def test_what_was_written_is_read(archive: Path) -> None:
    source = ArchiveSource(archive)
    files = dict(LOG.files())
    assert source.checkpoint() == NOTE
    assert source.tile(TileId(0, 0), 256) == files["tile/0/000"]
    assert source.bundle(BundleId(1), 48) == files["tile/entries/001.p/48"]
    assert list(source.heads(TreeSize(0))) == decode_heads(files["heads"])
    assert next(head.size for head in source.heads(TreeSize(100))) == 104
    assert list(source.seen()) == [LOG.note(54)]
    with pytest.raises(AbsentError):
        source.tile(TileId(0, 2), 256)
    source.close()


def test_other_tools_read_it_and_it_says_what_it_is(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        assert {member.compress_type for member in opened.infolist()} == {zipfile.ZIP_STORED}
        names = set(opened.namelist())
        assert names == {name for name, _ in LOG.files()} | {"README.txt", "checkpoints/000000000"}
        text = opened.read("README.txt").decode()
    assert LOG.origin in text
    assert "glasslog audit --archive" in text
    assert LOG.naive().root().hex() in text


def test_one_log_is_one_archive_byte_for_byte(archive: Path, tmp_path: Path) -> None:
    again = exported(LOG, tmp_path / "log", tmp_path / "again.zip")
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize("name", ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"])
def test_nothing_wrong_is_exported(tmp_path: Path, name: str) -> None:
    folder = LOG.write(tmp_path / "log")
    data = bytearray((folder / name).read_bytes())
    data[10] ^= 1
    (folder / name).write_bytes(data)
    head = open_checkpoint(NOTE, [LOG.vkey]).checkpoint
    with pytest.raises(GlasslogError):
        write_archive(tmp_path / "log.zip", DirectorySource(folder), (NOTE, head), [], Silence())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_a_file_that_is_not_there_could_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UncheckableError):
        ArchiveSource(tmp_path / "none.zip")
    with pytest.raises(UncheckableError):
        ArchiveSource(tmp_path)


# -------------------------------------------------------------------------------------------------------------- hostile


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as opened:
        for name, data in members.items():
            opened.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


def read_all(path: Path) -> None:
    """Use an archive as an audit does; only errors of ours come out."""
    source = ArchiveSource(path)
    try:
        for read in (
            source.checkpoint,
            lambda: source.tile(TileId(0, 0), 256),
            lambda: source.bundle(BundleId(0), 256),
            lambda: list(source.heads(TreeSize(0))),
            lambda: list(source.seen()),
        ):
            try:
                read()
            except (MalformedError, UncheckableError):
                continue
    finally:
        source.close()


def refused(tmp_path: Path, data: bytes) -> str:
    path = tmp_path / "hostile.zip"
    path.write_bytes(data)
    with pytest.raises(MalformedError) as caught:
        ArchiveSource(path)
    return str(caught.value)


def test_compressed_members_are_refused(tmp_path: Path) -> None:
    assert "stored as they are" in refused(tmp_path, zipped({"checkpoint": bytes(10**6)}, zipfile.ZIP_DEFLATED))


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr("checkpoint", b"one")
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("checkpoint", b"two")
    assert "twice" in refused(tmp_path, file.getvalue())


def test_what_is_no_zip_or_has_something_behind_it_is_refused(tmp_path: Path) -> None:
    good = zipped({"checkpoint": b"x"})
    for data in (b"", b"PK", good[:-1], good + b"x", good[:-22], b"PK\x05\x06" + bytes(17)):
        refused(tmp_path, data)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "tile/0/../../x", "C:\\x"])
def test_names_outside_the_layout_are_never_looked_at(tmp_path: Path, name: str) -> None:
    path = tmp_path / "odd.zip"
    path.write_bytes(zipped({name: b"x", "checkpoint": NOTE}))
    source = ArchiveSource(path)
    assert source.checkpoint() == NOTE
    source.close()


def patched(data: bytes, member: str, offset: int, form: str, value: int) -> bytes:
    """Change a field of a member's entry in the directory."""
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(member.encode()))
    return data[: entry + offset] + struct.pack(form, value) + data[entry + offset + struct.calcsize(form) :]


@pytest.mark.parametrize(
    "offset, form, value",
    [
        (8, "<H", 1),  # encrypted
        (8, "<H", 8),  # sizes behind the data
        (20, "<L", 5),  # another size than that which is stored
        (24, "<L", 2**31),  # larger than the file
        (42, "<L", 2**31),  # behind the file
        (24, "<L", 0xFFFF_FFFF),  # a Zip64 field that is not there
        (28, "<H", 5_000),  # a name that goes on behind the directory
    ],
)
def test_directories_that_lie_are_refused(tmp_path: Path, offset: int, form: str, value: int) -> None:
    refused(tmp_path, patched(zipped({"checkpoint": NOTE}), "checkpoint", offset, form, value))


def test_a_member_that_the_directory_calls_otherwise_is_refused(tmp_path: Path) -> None:
    data = zipped({"checkpoint": NOTE, "heads": b"x"})
    path = tmp_path / "two.zip"
    path.write_bytes(data.replace(b"checkpoint", b"checkpoin_", 1))
    source = ArchiveSource(path)
    with pytest.raises(MalformedError, match="two stories"):
        source.checkpoint()
    source.close()


def test_members_above_their_limit_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    path.write_bytes(zipped({"checkpoint": bytes(70_000), "tile/0/000": bytes(8_193)}))
    source = ArchiveSource(path)
    with pytest.raises(MalformedError, match="at most"):
        source.checkpoint()
    with pytest.raises(MalformedError, match="at most"):
        source.tile(TileId(0, 0), 256)
    source.close()


def test_a_directory_above_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS_MAX", 2)
    assert "at most 2 members" in refused(tmp_path, zipped({str(number): b"" for number in range(3)}))


def test_sizes_and_offsets_of_64_bits_are_read(tmp_path: Path) -> None:
    """Python writes a Zip64 directory when there are more than 65,535 members."""
    path = tmp_path / "many.zip"
    members = {f"x{number}": b"" for number in range(65_600)}
    path.write_bytes(zipped({**members, "checkpoint": NOTE}))
    source = ArchiveSource(path)
    assert source.checkpoint() == NOTE
    source.close()


GOOD = zipped({"checkpoint": NOTE, "heads": b"", "tile/0/000": bytes(8_192), "checkpoints/0": NOTE})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_an_error_of_ours(tmp_path: Path, data: st.DataObject) -> None:
    directory = GOOD.rindex(b"PK\x05\x06") - 300
    spoiled = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(directory, len(GOOD) - 1) | st.integers(0, len(GOOD) - 1))
        spoiled[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    path = tmp_path / "spoiled.zip"
    path.write_bytes(spoiled[: data.draw(st.just(len(spoiled)) | st.integers(0, len(spoiled)))])
    try:
        read_all(path)
    except MalformedError:
        return
