import subprocess
import sys
import threading
from pathlib import Path

import pytest

from glasslog.cose import split_sequence
from glasslog.errors import MalformedError
from glasslog.records import Stream as Place
from glasslog_issuer import Body, Issuer, RawBody, SignedRecord, Stream, StreamFile, stream
from glasslog_issuer.errors import StreamError
from tests.issuer.parties import MODEL, inference, make_issuer
from tests.verifier.evidence import ISSUER, STRANGER_KEY, SYSTEM


def sign_in_one_turn(issuer: Issuer, *bodies: Body) -> list[SignedRecord]:
    signed = []
    with issuer.stream.turn() as turn:
        for body in bodies:
            signed.append(issuer.sign_at(turn.place, body))
            turn.take(signed[-1].statement, signed[-1].record)
    return signed


def test_statements_are_numbered_from_zero_and_each_names_the_one_before() -> None:
    issuer = make_issuer()
    signed = [issuer.sign(inference()) for _ in range(3)]
    assert signed[0].record.stream == Place("decisions", 0)
    assert signed[1].record.stream == Place("decisions", 1, signed[0].statement.leaf_hash)
    assert signed[2].record.stream == Place("decisions", 2, signed[1].statement.leaf_hash)
    assert issuer.stream.next_seq == 3


def test_a_record_that_is_refused_uses_up_no_number() -> None:
    issuer = make_issuer()
    first = issuer.sign(inference())
    with pytest.raises(MalformedError):
        issuer.sign(RawBody("inference", {}))
    assert issuer.sign(inference()).record.stream == Place("decisions", 1, first.statement.leaf_hash)


def test_a_turn_that_fails_gives_all_its_numbers_back() -> None:
    issuer = make_issuer()
    with pytest.raises(MalformedError):
        sign_in_one_turn(issuer, inference(), inference(), RawBody("inference", {}))
    assert issuer.stream.next_seq == 0
    assert issuer.sign(inference()).record.stream.seq == 0


def test_a_turn_without_statements_changes_nothing() -> None:
    decisions = Stream("decisions")
    with decisions.turn():
        pass
    assert decisions.next_seq == 0


def test_a_turn_takes_only_the_record_of_its_place() -> None:
    issuer = make_issuer()
    signed = issuer.sign_at(Place("decisions", 5), inference())
    with (
        pytest.raises(StreamError, match="expected a record with number 0 of decisions, got 5"),
        issuer.stream.turn() as turn,
    ):
        turn.take(signed.statement, signed.record)


def test_a_turn_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "TURN_STATEMENTS_MAX", 2)
    issuer = make_issuer()
    with pytest.raises(StreamError, match="at most 2 statements"):
        sign_in_one_turn(issuer, inference(), inference(), inference())
    assert issuer.stream.next_seq == 0


def test_a_stream_goes_on_after_its_last_statement() -> None:
    last = make_issuer().sign(inference()).statement
    assert make_issuer(Stream("decisions", after=last)).sign(inference()).record.stream.prev == last.leaf_hash
    with pytest.raises(StreamError, match="expected a statement of the stream others, got one of decisions"):
        Stream("others", after=last)


def test_threads_get_different_numbers_and_the_chain_holds() -> None:
    issuer = make_issuer()
    signed: list[tuple[int, bytes | None, bytes]] = []

    def work() -> None:
        for _ in range(20):
            result = issuer.sign(MODEL)
            signed.append((result.record.stream.seq, result.record.stream.prev, result.statement.leaf_hash))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signed.sort(key=lambda item: item[0])
    assert [seq for seq, _, _ in signed] == list(range(80))
    assert [prev for _, prev, _ in signed] == [None, *(leaf for _, _, leaf in signed[:-1])]


# ---------------------------------------------------------------------------------------------------------- on disk


def open_issuer(path: Path, stream_id: str | None = "decisions") -> Issuer:
    return make_issuer(StreamFile(path, ISSUER, stream_id))


def close(issuer: Issuer) -> None:
    assert isinstance(issuer.stream, StreamFile)
    issuer.stream.close()


def test_a_stream_on_disk_goes_on_where_it_was(tmp_path: Path) -> None:
    first = open_issuer(tmp_path / "stream")
    last = [first.sign(inference()) for _ in range(3)][-1]
    close(first)
    second = open_issuer(tmp_path / "stream", stream_id=None)
    assert second.sign(inference()).record.stream == Place("decisions", 3, last.statement.leaf_hash)
    close(second)


def test_the_file_holds_the_last_turn_and_can_be_submitted_as_it_is(tmp_path: Path) -> None:
    issuer = open_issuer(tmp_path / "stream")
    issuer.sign(inference())
    signed = sign_in_one_turn(issuer, inference(), MODEL, inference())
    close(issuer)
    kept = split_sequence((tmp_path / "stream").read_bytes(), 10)
    assert kept == [record.statement.entry for record in signed]


def test_nothing_is_written_before_the_first_statement(tmp_path: Path) -> None:
    close(open_issuer(tmp_path / "stream"))
    assert not (tmp_path / "stream").exists()


def test_a_statement_is_on_disk_before_anybody_sees_it(tmp_path: Path) -> None:
    issuer = open_issuer(tmp_path / "stream")
    kept = issuer.sign(inference()).statement.entry
    (tmp_path / "stream").unlink()
    (tmp_path / "stream").mkdir()  # so that it cannot be replaced by a file
    with pytest.raises(StreamError, match="cannot keep the stream"):
        issuer.sign(inference())
    assert issuer.stream.next_seq == 1
    (tmp_path / "stream").rmdir()
    (tmp_path / "stream").write_bytes(kept)
    assert issuer.sign(inference()).record.stream.seq == 1
    close(issuer)


def test_a_stream_that_is_in_use_is_refused(tmp_path: Path) -> None:
    with StreamFile(tmp_path / "stream", ISSUER, "decisions") as decisions:
        assert decisions.id == "decisions"
        with pytest.raises(StreamError, match="another process has open"):  # or this one
            StreamFile(tmp_path / "stream", ISSUER, "decisions")
        program = (
            "import sys; from pathlib import Path\n"
            "from glasslog_issuer import StreamFile\n"
            "StreamFile(Path(sys.argv[1]), sys.argv[2], 'decisions')"
        )
        command = [sys.executable, "-c", program, str(tmp_path / "stream"), ISSUER]
        result = subprocess.run(command, check=False, capture_output=True, text=True)
        assert "StreamError" in result.stderr
        assert "another process has open" in result.stderr
    with StreamFile(tmp_path / "stream", ISSUER, "decisions"):
        pass


def test_a_stream_of_another_name_or_issuer_is_refused_and_not_locked_for_ever(tmp_path: Path) -> None:
    issuer = open_issuer(tmp_path / "stream")
    issuer.sign(inference())
    close(issuer)
    for other_issuer, other_id in ((ISSUER, "others"), ("https://other.example", "decisions")):
        with pytest.raises(StreamError, match="expected a st"):
            StreamFile(tmp_path / "stream", other_issuer, other_id)
    with StreamFile(tmp_path / "stream", ISSUER):
        pass


def test_a_stream_file_takes_statements_of_its_issuer_only(tmp_path: Path) -> None:
    with StreamFile(tmp_path / "stream", ISSUER, "decisions") as decisions:
        stranger = Issuer("https://other.example", STRANGER_KEY, system=SYSTEM, env="test", stream=decisions)
        with pytest.raises(
            StreamError, match=r"expected statements of https://clinic\.example, got https://other\.example"
        ):
            stranger.sign(inference())
        assert not (tmp_path / "stream").exists()


def test_a_missing_stream_is_begun_only_under_a_name(tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="name the stream that it shall begin"):
        StreamFile(tmp_path / "stream", ISSUER)


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xd2\x84", b"no stream at all"])
def test_a_file_that_is_no_stream_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stream").write_bytes(content)
    with pytest.raises(StreamError, match="expected the last statements of a stream"):
        StreamFile(tmp_path / "stream", ISSUER, "decisions")


def test_a_stream_that_cannot_be_read_or_locked_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StreamError, match="cannot read the stream"):
        StreamFile(tmp_path / "folder", ISSUER, "decisions")
    with pytest.raises(StreamError, match="cannot lock the stream"):
        StreamFile(tmp_path / "nowhere" / "stream", ISSUER, "decisions")
