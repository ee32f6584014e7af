"""A spool belongs to one process, and what is damaged in its folder is found out."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from glasslog_issuer import RawBody
from glasslog_issuer.errors import SpoolClosedError, SpoolDamagedError, SpoolError, SpoolInUseError
from glasslog_issuer.spool import Spool
from tests.issuer.recorder.spools import MODEL_FIELDS, SIGNER, add, check_chain, open_spool, segments, unsent
from tests.verifier.evidence import ISSUER

# ------------------------------------------------------------------------------------------------------------ ownership


def test_one_process_at_a_time_has_a_spool(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    with pytest.raises(SpoolInUseError, match="another process has open"):
        open_spool(tmp_path)
    spool.close()
    spool.close()
    open_spool(tmp_path).close()


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    spool.close()
    with pytest.raises(SpoolClosedError, match="was closed"):
        add(spool)
    with pytest.raises(SpoolClosedError):
        spool.read_unsent(1)


def test_what_was_signed_is_kept_by_closing(tmp_path: Path) -> None:
    spool = open_spool(tmp_path)
    _, batch = spool.add(lambda place: SIGNER.sign_at(place, RawBody("model-registration", MODEL_FIELDS)))
    spool.close()
    spool.commit(batch)
    with open_spool(tmp_path) as again:
        assert again.unsent_records == 1


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_the_child_of_a_fork_is_refused_and_the_lock_ends_with_the_parent(
    tmp_path: Path, pipe: tuple[int, int]
) -> None:
    spool = open_spool(tmp_path)
    add(spool)
    child = os.fork()
    if child == 0:
        try:
            add(spool)
        except SpoolClosedError as error:
            os.write(pipe[1], str(error).encode())
        finally:
            spool.close()
            os.kill(os.getpid(), signal.SIGSTOP)  # live on with whatever was inherited
            os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    assert b"before a fork" in os.read(pipe[0], 1_000)
    add(spool)
    spool.close()
    open_spool(tmp_path).close()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_folder_that_is_no_spool_is_not_made_one_by_looking(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="expected the folder of a spool"):
        Spool.open(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    with pytest.raises(SpoolError, match="got a folder without one"):
        Spool.open(tmp_path)


def test_a_spool_knows_whose_it_is(tmp_path: Path) -> None:
    open_spool(tmp_path).close()
    with pytest.raises(SpoolError, match=rf"got that of {ISSUER}, decisions"):
        open_spool(tmp_path, issuer="https://other.example")
    with pytest.raises(SpoolError, match="got that of"):
        open_spool(tmp_path, stream="other")
    with Spool.open(tmp_path) as spool:
        assert (spool.issuer, spool.state.place.id) == (ISSUER, "decisions")


def test_a_stream_without_a_name_gets_one_that_no_other_has(tmp_path: Path) -> None:
    with open_spool(tmp_path / "1", stream=None) as one, open_spool(tmp_path / "2", stream=None) as other:
        assert one.state.place.id != other.state.place.id


# --------------------------------------------------------------------------------------------------------------- damage


@pytest.fixture
def spooled(tmp_path: Path) -> Path:
    with open_spool(tmp_path) as spool:
        for _ in range(13):
            add(spool)
        spool.done_with(spool.read_unsent(1))
    return tmp_path


def test_a_segment_that_is_missing_is_not_gone_over(spooled: Path) -> None:
    segments(spooled)[1].unlink()
    with pytest.raises(SpoolDamagedError, match="expected records up to"):
        open_spool(spooled)


def test_a_spool_whose_last_segment_is_missing_is_seen_to_be_an_old_copy_when_more_was_sent(spooled: Path) -> None:
    with open_spool(spooled) as spool:
        spool.done_with(spool.read_unsent(3))
    for path in segments(spooled)[1:]:
        path.unlink()
    (spooled / "sent").write_text("13\n")
    with pytest.raises(SpoolDamagedError, match="is this an old copy"):
        open_spool(spooled)


def test_a_spool_without_segments_is_not_begun_again(spooled: Path) -> None:
    for path in segments(spooled):
        path.unlink()
    with pytest.raises(SpoolDamagedError, match="from which records were sent"):
        open_spool(spooled)


@pytest.mark.parametrize("place", [0, 1, -1], ids=["first", "second", "last"])
def test_a_flipped_byte_in_the_middle_is_damage(spooled: Path, place: int) -> None:
    path = segments(spooled)[place]
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if place != -1 else 40] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(SpoolDamagedError):
        open_spool(spooled)


def test_a_torn_end_is_put_aside_and_its_number_is_used_again(spooled: Path) -> None:
    path = segments(spooled)[-1]
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    with open_spool(spooled) as spool:
        assert spool.state.place.seq == 12
        assert add(spool).record.stream.seq == 12
        check_chain(unsent(spool), first_seq=1)
    [torn] = spooled.glob("*.torn")
    assert data[:-5].endswith(torn.read_bytes())


def test_a_segment_under_another_name_is_damage(spooled: Path) -> None:
    last = segments(spooled)[-1]
    last.rename(last.with_name(f"{99:020d}.segment"))
    with pytest.raises(SpoolDamagedError, match="expected a segment from number 99"):
        open_spool(spooled)


def test_damage_that_is_met_while_sending_is_told(spooled: Path) -> None:
    with open_spool(spooled) as spool:
        path = segments(spooled)[1]
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(SpoolDamagedError, match="which is on disk, got something else"):
            spool.read_unsent(100)
