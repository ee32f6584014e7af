"""Mirroring from a server: what arrives is verified before it is stored, whatever the server does."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glasslog.errors import UncheckableError
from glasslog.fork import decode_fork
from glasslog.mirror.place import Place
from glasslog.mirror.state import Standing, State
from glasslog.mirror.sync import Trust
from glasslog.policy import decode_policy
from glasslog.verify import Verdict
from tests.verifier.evidence import Witness
from tests.verifier.log_server import Answer
from tests.verifier.mirror.sources import (
    audit_folder,
    audit_http,
    files_of,
    findings,
    outcome,
    rows,
    serve_files,
    stored,
)
from tests.verifier.mirror.written_log import ISSUERS, WrittenLog, new_log

LOG = new_log().grow(900)
FILES = files_of(LOG)
SMALLER = files_of(LOG, 504)
HONEST = serve_files(FILES)
OCTETS = "application/octet-stream"
NAMES = sorted(name for name in FILES if name.startswith("tile/"))


def other_log() -> WrittenLog:
    """Make a log of the same name and keys whose entries are others from number 4 on."""
    log = new_log()
    log.decide(ISSUERS[1])
    return log.grow(1_000)


OTHER = other_log()


def instead(name: str, answer: Answer) -> Callable[[str], Answer]:
    """Answer honestly but for one file."""
    return lambda path: answer if path.partition("?")[0] == f"/{name}" else HONEST(path)


def flipped(data: bytes, position: int = 40) -> bytes:
    return data[:position] + bytes((data[position] ^ 1,)) + data[position + 1 :]


def test_a_mirror_holds_what_the_log_is_made_of(tmp_path: Path) -> None:
    audited = audit_http(LOG, HONEST, tmp_path)
    assert audited.verdict is Verdict.VERIFIED
    assert stored(tmp_path) == set(NAMES)
    assert all((tmp_path / name).read_bytes() == FILES[name] for name in NAMES)
    assert (tmp_path / "heads").read_bytes() == FILES["heads"]
    assert (tmp_path / "checkpoint").read_bytes() == FILES["checkpoint"]


def test_a_mirror_and_a_folder_come_to_the_same(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path / "mirrored")
    audit_folder(LOG, LOG.write(tmp_path / "log"), tmp_path / "read")
    assert rows(tmp_path / "mirrored") == rows(tmp_path / "read")
    again = audit_folder(LOG, tmp_path / "mirrored", tmp_path / "again")
    assert again.verdict is Verdict.VERIFIED


def test_a_mirror_grows_and_drops_what_was_partial(tmp_path: Path) -> None:
    audit_http(LOG, serve_files(SMALLER), tmp_path)
    assert "tile/entries/001.p/248" in stored(tmp_path)
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path)
        return HONEST(path)

    audited = audit_http(LOG, answer, tmp_path)
    assert stored(tmp_path) == set(NAMES)
    assert audited.verdict is Verdict.VERIFIED
    assert "/tile/entries/000" not in asked
    assert audited.replayed is not None
    assert audited.replayed.entries == LOG.size - 504


def test_a_partial_tile_that_is_gone_is_taken_from_the_full_one(tmp_path: Path) -> None:
    """The checkpoint is of the smaller tree; the log keeps the tiles of the larger one alone."""
    kept = {**FILES, "checkpoint": SMALLER["checkpoint"]}
    for name in ("tile/0/001", "tile/entries/001"):
        assert f"{name}.p/248" not in kept
    files = {**kept, "tile/1/000.p/1": SMALLER["tile/1/000.p/1"]}
    audited = audit_http(LOG, serve_files(files), tmp_path)
    assert audited.verdict is Verdict.VERIFIED


# ----------------------------------------------------------------------------------------------------- what servers do


@pytest.mark.parametrize("name", NAMES)
def test_what_was_altered_is_not_stored(tmp_path: Path, name: str) -> None:
    wrong = flipped(FILES[name])
    audited = audit_http(LOG, instead(name, Answer(body=wrong, media_type=OCTETS)), tmp_path)
    assert outcome(audited)["mirror"] == "failed"
    assert audited.verdict is Verdict.FAILED
    assert name not in stored(tmp_path)
    assert all((tmp_path / path).read_bytes() == FILES[path] for path in stored(tmp_path))
    assert wrong in [path.read_bytes() for path in (tmp_path / "evidence").iterdir()]
    assert audit_http(LOG, HONEST, tmp_path).verdict is Verdict.VERIFIED


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*NAMES, "checkpoint"]), st.data())
def test_nothing_wrong_is_ever_stored(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject) -> None:
    """Whatever one file is replaced by, the mirror holds files of the log alone, and the next audit mends it."""
    whole = FILES[name]
    cut = st.integers(0, len(whole) - 1).map(lambda end: whole[:end])
    longer = st.binary(min_size=1, max_size=40).map(lambda more: whole + more)
    changed = st.integers(0, len(whole) - 1).map(lambda place: flipped(whole, place))
    wrong = data.draw(cut | longer | changed | st.binary(max_size=60))
    state = tmp_path_factory.mktemp("state")
    files = {**FILES, name: wrong}
    audited = audit_http(LOG, serve_files(files), state)
    assert audited.verdict is not Verdict.VERIFIED
    assert all((state / path).read_bytes() == FILES[path] for path in stored(state))


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=gzip.compress(FILES["tile/entries/001"]), media_type=OCTETS, headers={"Content-Encoding": "gzip"}),
        Answer(302, headers={"Location": "http://127.0.0.1:1/tile"}),
        Answer(302, headers={"Location": "/tile/entries/001"}),
        Answer(429, headers={"Retry-After": "0"}),
        Answer(503),
        Answer(500),
        Answer(404),
        Answer(401),
        Answer(raw=b""),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nshort"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + bytes(65_536) + b"\r\n"),
    ],
)
def test_a_server_that_does_not_answer_proves_nothing(tmp_path: Path, answer: Answer) -> None:
    audited = audit_http(LOG, instead("tile/entries/001", answer), tmp_path)
    assert outcome(audited)["mirror"] == "could-not-check"
    assert audited.verdict is Verdict.COULD_NOT_CHECK
    assert "tile/entries/001" not in stored(tmp_path)


def test_a_body_without_an_end_is_cut_off(tmp_path: Path) -> None:
    endless = Answer(body=bytes(256 * 32 + 1), media_type=OCTETS)
    audited = audit_http(LOG, instead("tile/0/000", endless), tmp_path)
    assert audited.verdict is Verdict.COULD_NOT_CHECK
    assert "at most" in str(audited.steps[2].reason)


def test_a_server_that_is_busy_now_and_then_is_waited_for(tmp_path: Path) -> None:
    refused: set[str] = set()

    def answer(path: str) -> Answer:
        if path not in refused:
            refused.add(path)
            return Answer(429, headers={"Retry-After": "0"})
        return HONEST(path)

    assert audit_http(LOG, answer, tmp_path).verdict is Verdict.VERIFIED


def test_what_arrives_damaged_once_is_asked_for_again(tmp_path: Path) -> None:
    damaged: set[str] = set()

    def answer(path: str) -> Answer:
        honest = HONEST(path)
        if path.startswith("/tile/entries") and path not in damaged:
            damaged.add(path)
            return replace(honest, body=flipped(honest.body))
        return honest

    assert audit_http(LOG, answer, tmp_path).verdict is Verdict.VERIFIED


def test_a_checkpoint_by_another_key_is_refused_and_not_kept(tmp_path: Path) -> None:
    other = WrittenLog()
    other.log_key = type(LOG.log_key)(bytes(32))
    other.state_policy()
    audited = audit_http(LOG, instead("checkpoint", Answer(body=other.note(), media_type="text/plain")), tmp_path)
    assert outcome(audited)["checkpoint"] == "failed"
    assert set(outcome(audited).values()) == {"failed", "skipped", "not-reached"} - (
        set() if "skipped" in outcome(audited).values() else {"skipped"}
    )
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_an_empty_log_is_nothing_to_audit(tmp_path: Path) -> None:
    empty = Answer(body=LOG.note(0), media_type="text/plain")
    assert audit_http(LOG, instead("checkpoint", empty), tmp_path).verdict is Verdict.COULD_NOT_CHECK


def test_a_log_that_hands_out_no_heads_could_not_be_checked(tmp_path: Path) -> None:
    audited = audit_http(LOG, instead("heads", Answer(404)), tmp_path)
    assert audited.verdict is Verdict.COULD_NOT_CHECK
    assert "GET /heads" in str(audited.steps[2].reason)


def test_too_few_cosignatures_fail_the_quorum_and_nothing_else(tmp_path: Path) -> None:
    witness = Witness("w1")
    policy = decode_policy(f"log {LOG.vkey}\nwitness w1 {witness.vkey}\nquorum w1\n".encode())
    audited = audit_http(LOG, HONEST, tmp_path, trust=Trust((LOG.vkey,), policy))
    assert outcome(audited)["quorum"] == "failed"
    assert outcome(audited)["replay"] == "passed"
    assert audited.verdict is Verdict.FAILED


# -------------------------------------------------------------------------------------------------- forks and rollbacks


def test_another_tree_of_the_same_size_is_a_fork_with_evidence(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path)
    audited = audit_http(LOG, serve_files(files_of(other_of_size(LOG.size))), tmp_path)
    check_fork(audited, tmp_path, LOG.size, LOG.size)


def other_of_size(size: int) -> WrittenLog:
    log = new_log()
    log.decide(ISSUERS[1])
    return log.grow(size - log.size)


def check_fork(audited: object, state: Path, size1: int, size2: int) -> None:
    [path] = (state / "evidence").glob("*.fork")
    fork = decode_fork(path.read_bytes()).verify([LOG.vkey])
    assert (fork.older.size, fork.newer.size) == (size1, size2)
    assert outcome(audited)["consistency"] == "failed"  # type: ignore[arg-type]
    assert outcome(audited)["replay"] == "passed"  # type: ignore[arg-type]
    assert [check for check, _ in findings(audited)] == ["consistency"]  # type: ignore[arg-type]


def test_a_larger_tree_that_does_not_continue_is_a_fork(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path)
    audited = audit_http(LOG, serve_files(files_of(OTHER)), tmp_path)
    check_fork(audited, tmp_path, LOG.size, OTHER.size)
    assert (tmp_path / "checkpoint").read_bytes() == FILES["checkpoint"]
    assert audited.synced is not None
    assert audited.synced.head.root == LOG.naive().root()


def test_a_smaller_tree_that_is_no_beginning_is_a_fork(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path)
    audited = audit_http(LOG, serve_files(files_of(OTHER, OTHER.heads_at[5][0])), tmp_path)
    check_fork(audited, tmp_path, OTHER.heads_at[5][0], LOG.size)


def test_a_smaller_tree_that_is_a_beginning_is_a_rollback(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path)
    audited = audit_http(LOG, serve_files(SMALLER), tmp_path)
    assert outcome(audited)["consistency"] == "failed"
    assert audited.steps[3].error == "rollback"
    assert list((tmp_path / "evidence").iterdir()) == []
    assert "it went back" in str(audited.steps[3].found)


def test_a_fork_stays_found_when_the_log_shows_the_first_tree_again(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path)
    audit_http(LOG, serve_files(files_of(OTHER)), tmp_path)
    audited = audit_http(LOG, HONEST, tmp_path)
    check_fork(audited, tmp_path, LOG.size, OTHER.size)


def test_a_checkpoint_that_others_were_shown_is_compared(tmp_path: Path) -> None:
    """An archive brings the checkpoints along that its maker saw."""
    folder = LOG.write(tmp_path / "log")
    (folder / "checkpoints").mkdir()
    size = OTHER.heads_at[4][0]
    (folder / "checkpoints/seen").write_bytes(OTHER.note(size))
    audited = audit_folder(LOG, folder, tmp_path / "state")
    check_fork(audited, tmp_path / "state", size, LOG.size)


def test_another_log_is_not_audited_in_the_state_of_this_one(tmp_path: Path) -> None:
    audit_http(LOG, HONEST, tmp_path)
    stranger = new_log(origin="log.example/other").grow(10)
    trust = Trust((LOG.vkey, stranger.vkey))
    audited = audit_http(LOG, serve_files(files_of(stranger)), tmp_path, trust=trust)
    assert outcome(audited)["mirror"] == "could-not-check"


# ----------------------------------------------------------------------------------------------------------- the folder


def test_a_state_folder_is_for_one_audit_at_a_time(tmp_path: Path) -> None:
    held = State.open(tmp_path)
    with pytest.raises(UncheckableError, match="in use"):
        State.open(tmp_path)
    held.close()
    State.open(tmp_path).close()


def test_a_standing_comes_back_and_a_damaged_one_is_none(tmp_path: Path) -> None:
    state = State.open(tmp_path)
    standing = Standing(Place("archive", "/x"), 5, ((0, 1), (4, 2)), damaged=True)
    state.write_standing(standing)
    assert state.standing() == standing
    whole = (tmp_path / "progress").read_bytes()
    other = b'{"place": {}}'
    for spoiled in (whole[:-1], whole.replace(b"5", b"6", 1), b"", other + sha256(other).hexdigest().encode()):
        (tmp_path / "progress").write_bytes(spoiled)
        assert state.standing() == Standing()
    state.close()


@pytest.mark.parametrize("name", ["tile/entries/001", "tile/0/001"])
def test_files_that_were_damaged_since_are_found_out_and_fetched_anew(tmp_path: Path, name: str) -> None:
    audit_http(LOG, HONEST, tmp_path)
    (tmp_path / name).write_bytes(flipped(FILES[name]))
    for path in tmp_path.glob("audit.sqlite*"):
        path.unlink()
    audited = audit_http(LOG, HONEST, tmp_path)
    assert audited.verdict is Verdict.COULD_NOT_CHECK
    audited = audit_http(LOG, HONEST, tmp_path)
    assert audited.verdict is Verdict.VERIFIED


@pytest.mark.parametrize("after", range(0, len(NAMES), 2))
def test_a_mirror_that_was_stopped_goes_on(tmp_path: Path, after: int) -> None:
    """The server fails for good after so many files; the next audit asks for the rest alone."""
    given: list[str] = []

    def failing(path: str) -> Answer:
        if path.startswith("/tile"):
            if len(given) >= after:
                return Answer(500)
            given.append(path)
        return HONEST(path)

    assert audit_http(LOG, failing, tmp_path).verdict is Verdict.COULD_NOT_CHECK
    there = stored(tmp_path)
    asked: list[str] = []

    def answer(path: str) -> Answer:
        asked.append(path.removeprefix("/"))
        return HONEST(path)

    assert audit_http(LOG, answer, tmp_path).verdict is Verdict.VERIFIED
    assert stored(tmp_path) == set(NAMES)
    assert not there & set(asked)


@pytest.mark.parametrize("cut", [1, 50, 100])
def test_heads_that_were_cut_off_are_mended(tmp_path: Path, cut: int) -> None:
    audit_http(LOG, serve_files(SMALLER), tmp_path)
    heads = (tmp_path / "heads").read_bytes()
    (tmp_path / "heads").write_bytes(heads[:-cut])
    assert audit_http(LOG, HONEST, tmp_path).verdict is Verdict.VERIFIED
    assert (tmp_path / "heads").read_bytes() == FILES["heads"]
