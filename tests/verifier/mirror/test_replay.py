"""The replay: every fault is found where it is, and all ways through a log have one outcome."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glasslog.audit.database import Database
from glasslog.errors import GlasslogError
from glasslog.fork import decode_fork
from glasslog.merkle import LeafIndex
from glasslog.mirror import replay as replaying
from glasslog.mirror.judgement import judge
from glasslog.tiles import decode_bundle, encode_bundle
from glasslog.verify import Verdict
from tests.verifier.evidence import TIME_MS, TIME_S, signing_key
from tests.verifier.mirror.sources import audit_folder, findings, outcome, rows
from tests.verifier.mirror.written_log import ISSUERS, WrittenLog, key_of, new_log


def history() -> WrittenLog:
    """Make a log with everything that the authority has to follow, and entries that the log should not have taken."""
    log = new_log().grow(300)
    clinic, bank, court = ISSUERS
    log.revoke(key_of(bank).public_key, bank)
    log.sign_head()
    log.decide(bank)  # 305: revoked
    log.decide(court, key=signing_key("stranger"))  # 306: never registered
    second = signing_key("second key")
    log.register(second.public_key, clinic, valid_from=TIME_MS, valid_until=(TIME_S + 30) * 1_000)  # 307
    log.decide(clinic, key=second)  # 308
    log.sign_head(TIME_S + 29)
    log.decide(clinic, key=second)  # 309: covered by a head at the end of the key's time
    log.sign_head(TIME_S + 30)
    good = log.decide(clinic)
    log.entries[-1] = good._replace(entry=good.entry[:-64] + bytes(64))  # 310: signature
    log.append(good._replace(entry=b"\xd2\x84 no statement"))  # 311: schema
    log.register(key_of(bank).public_key, bank)
    log.grow(300)
    log.state_policy(record_types=frozenset({"guardrail-execution"}))
    log.sign_head()
    log.decide(clinic)  # 614: no longer admitted
    log.sign_head()
    return log


HISTORY = history()
REFUSED = [
    ("authority", (305,)),
    ("authority", (306,)),
    ("authority", (309,)),
    ("authority", (614,)),
    ("schema", (311,)),
    ("signature", (310,)),
]


def replay_findings(found: list[tuple[str, tuple[int, ...]]]) -> list[tuple[str, tuple[int, ...]]]:
    return sorted(item for item in found if item[0] in {"tree", "consistency", "signature", "authority", "schema"})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return HISTORY.write(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def expected(written: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, ...]]:
    """Return what one replay in one process writes."""
    state = tmp_path_factory.mktemp("expected")
    audit_folder(HISTORY, written, state)
    return rows(state)


def test_an_honest_log_has_nothing_wrong(tmp_path: Path) -> None:
    log = new_log().grow(600)
    audited = audit_folder(log, log.write(tmp_path / "log"), tmp_path / "state")
    assert set(outcome(audited).values()) == {"passed", "skipped"}
    assert findings(audited) == []
    assert audited.verdict is Verdict.VERIFIED
    assert audited.replayed is not None
    assert audited.replayed.entries == log.size
    assert audited.replayed.heads == len(log.heads_at)


def test_every_entry_that_the_log_should_not_have_taken_is_found(written: Path, tmp_path: Path) -> None:
    audited = audit_folder(HISTORY, written, tmp_path / "state")
    assert replay_findings(findings(audited)) == REFUSED
    assert audited.verdict is Verdict.FAILED


@pytest.mark.parametrize("processes", [1, 3])
def test_worker_processes_write_what_one_replay_writes(
    written: Path, expected: list[tuple[object, ...]], tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "CHUNK_ENTRIES", 128)
    monkeypatch.setattr(replaying, "_ALONE_MAX", 0)
    audit_folder(HISTORY, written, tmp_path / "state", processes=processes)
    assert rows(tmp_path / "state") == expected


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([size for size, _ in HISTORY.heads_at[1:]]), max_size=3), st.integers(1, 400))
def test_audits_of_a_growing_log_come_to_what_one_audit_comes_to(
    expected: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory, sizes: list[int], chunk: int
) -> None:
    """Wherever earlier audits stopped, and however the log is cut into chunks."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replaying, "CHUNK_ENTRIES", chunk)
        for size in sorted({*sizes, HISTORY.size}):
            folder = HISTORY.write(state / f"log-{size}", size)
            audit_folder(HISTORY, folder, state / "state")
    by_entry = [row for row in rows(state / "state") if row[0] not in {"tallies", "shapes", "sources", "calls", "runs"}]
    assert by_entry == [row for row in expected if row[0] not in {"tallies", "shapes", "sources", "calls", "runs"}]
    shutil.rmtree(state)


def test_chunks_are_judged_as_the_whole_log_in_order_is(expected: list[tuple[object, ...]]) -> None:
    """The findings are those of the plainest replay: one entry after the other, with the time of its first head."""
    authority, found = None, []
    for index, statement in enumerate(HISTORY.entries):
        time = next(time for size, time in HISTORY.heads_at if size > index)
        judged, authority = judge(statement.entry, LeafIndex(index), authority, time)
        if judged.check is not None:
            found.append((judged.check, (index,)))
    assert sorted(found) == REFUSED
    assert [row[1] for row in expected if row[0] == "findings"] == [check for check, _ in found]


def test_what_a_lost_note_of_the_standing_costs_is_time_alone(written: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    smaller = HISTORY.write(tmp_path / "smaller", 304)
    audit_folder(HISTORY, smaller, state)
    (state / "progress").write_bytes(b"{}")
    audited = audit_folder(HISTORY, written, state)
    assert replay_findings(findings(audited)) == REFUSED


def test_facts_of_another_log_are_not_built_upon(written: Path, tmp_path: Path) -> None:
    state, other = tmp_path / "state", tmp_path / "other"
    audit_folder(HISTORY, HISTORY.write(tmp_path / "smaller", 304), state)
    another = new_log()
    another.decide(ISSUERS[1])
    another.grow(150)
    audit_folder(another, another.write(tmp_path / "another"), other)
    shutil.copy(other / "audit.sqlite", state / "audit.sqlite")
    (state / "audit.sqlite-wal").unlink(missing_ok=True)
    audited = audit_folder(HISTORY, written, state)
    assert outcome(audited)["replay"] == "could-not-check"
    assert audited.verdict is Verdict.COULD_NOT_CHECK


# ------------------------------------------------------------------------------------------------------ what is altered


def altered(tmp_path: Path, log: WrittenLog, name: str, data: bytes) -> Path:
    folder = log.write(tmp_path / "log")
    (folder / name).write_bytes(data)
    return folder


def test_an_entry_that_was_changed_afterwards_is_named(tmp_path: Path) -> None:
    log = new_log().grow(600)
    files = dict(log.files())
    entries = decode_bundle(files["tile/entries/001"], 256)
    entries[7] = log.entries[5].entry
    folder = altered(tmp_path, log, "tile/entries/001", encode_bundle(entries))
    audited = audit_folder(log, folder, tmp_path / "state")
    assert replay_findings(findings(audited)) == [("tree", (263,))]
    assert audited.verdict is Verdict.FAILED


def test_a_bundle_that_is_cut_names_the_entries_that_are_gone(tmp_path: Path) -> None:
    log = new_log().grow(300)
    data = dict(log.files())["tile/entries/000"]
    audited = audit_folder(log, altered(tmp_path, log, "tile/entries/000", data[:-1]), tmp_path / "state")
    assert audited.verdict is not Verdict.VERIFIED


def test_a_hash_tile_that_others_are_shown_must_be_the_same(tmp_path: Path) -> None:
    log = new_log().grow(600)
    tile = bytearray(dict(log.files())["tile/0/001"])
    tile[40] ^= 1
    audited = audit_folder(log, altered(tmp_path, log, "tile/0/001", bytes(tile)), tmp_path / "state")
    assert replay_findings(findings(audited)) == [("tree", (256,))]


@pytest.mark.parametrize("name", ["tile/1/000.p/2", "tile/0/002.p/92"])
def test_an_edge_that_does_not_lead_to_the_root_stops_the_audit(tmp_path: Path, name: str) -> None:
    log = new_log().grow(600)
    tile = bytearray(dict(log.files())[name])
    tile[0] ^= 1
    audited = audit_folder(log, altered(tmp_path, log, name, bytes(tile)), tmp_path / "state")
    assert outcome(audited)["mirror"] == "failed"
    assert outcome(audited)["replay"] == "not-reached"
    assert audited.result is None
    assert audited.verdict is Verdict.FAILED


def test_a_missing_bundle_could_not_be_checked(tmp_path: Path) -> None:
    log = new_log().grow(300)
    folder = log.write(tmp_path / "log")
    (folder / "tile/entries/000").unlink()
    audited = audit_folder(log, folder, tmp_path / "state")
    assert audited.verdict is Verdict.COULD_NOT_CHECK


# ---------------------------------------------------------------------------------------------------------------- heads


def with_heads(tmp_path: Path, log: WrittenLog, heads: list[bytes]) -> Path:
    return altered(tmp_path, log, "heads", b"".join(heads))


def test_a_head_over_another_tree_is_evidence_of_a_fork(tmp_path: Path) -> None:
    log, other = new_log().grow(120), new_log().grow(120, every=30)
    other.entries[50] = other.entries[51]
    heads = [head.encode() for head in log.kept_heads()]
    place = next(number for number, (size, _) in enumerate(log.heads_at) if size == 104)
    heads[place] = other.kept_head(104, log.heads_at[place][1]).encode()
    audited = audit_folder(log, with_heads(tmp_path, log, heads), tmp_path / "state")
    assert replay_findings(findings(audited)) == [("consistency", (103,))]
    [path] = (tmp_path / "state/evidence").iterdir()
    fork = decode_fork(path.read_bytes()).verify([log.vkey])
    assert (fork.older.size, fork.newer.size) == (104, log.size)


def test_a_head_by_another_key_is_found(tmp_path: Path) -> None:
    log = new_log().grow(120)
    heads = [head.encode() for head in log.kept_heads()]
    heads[2] = heads[2][:-64] + bytes(64)
    audited = audit_folder(log, with_heads(tmp_path, log, heads), tmp_path / "state")
    assert replay_findings(findings(audited)) == [("consistency", (log.heads_at[2][0] - 1,))]


@pytest.mark.parametrize("number, status", [(-1, "could-not-check"), (1, "passed")])
def test_a_head_that_is_left_out_matters_where_it_covers_alone(tmp_path: Path, number: int, status: str) -> None:
    log = new_log().grow(120)
    heads = [head.encode() for head in log.kept_heads()]
    del heads[number]
    audited = audit_folder(log, with_heads(tmp_path, log, heads), tmp_path / "state")
    assert outcome(audited)["replay"] == status


def test_times_of_heads_that_run_backwards_are_refused(tmp_path: Path) -> None:
    log = new_log().grow(120)
    heads = [log.kept_head(size, TIME_S - size).encode() for size, _ in log.heads_at]
    audited = audit_folder(log, with_heads(tmp_path, log, heads), tmp_path / "state")
    assert outcome(audited)["replay"] == "failed"


def test_a_log_without_heads_has_no_times(tmp_path: Path) -> None:
    log = new_log().grow(20)
    folder = log.write(tmp_path / "log")
    (folder / "heads").unlink()
    assert audit_folder(log, folder, tmp_path / "state").verdict is Verdict.COULD_NOT_CHECK


# -------------------------------------------------------------------------------------------------------------- entry 0


def test_a_log_that_does_not_begin_with_its_policy_is_refused(tmp_path: Path) -> None:
    log = new_log()
    log.entries[0] = log.entries[1]
    log.grow(20)
    audited = audit_folder(log, log.write(tmp_path / "log"), tmp_path / "state")
    assert outcome(audited)["replay"] == "failed"
    assert audited.verdict is Verdict.FAILED


def test_a_policy_that_does_not_name_the_key_of_the_log_is_found(tmp_path: Path) -> None:
    log = WrittenLog()
    log.policy = replace(log.policy, log_keys=(signing_key("another").public_key,))
    log.state_policy()
    log.sign_head()
    log.register(key_of(ISSUERS[0]).public_key, ISSUERS[0])
    log.decide(ISSUERS[0])
    log.sign_head()
    audited = audit_folder(log, log.write(tmp_path / "log"), tmp_path / "state")
    assert outcome(audited)["log-key"] == "failed"


def test_judgement_never_raises_but_for_what_is_ours(tmp_path: Path) -> None:
    del tmp_path
    authority = None
    for index, statement in enumerate(HISTORY.entries[:310]):
        judged, authority = judge(statement.entry, LeafIndex(index), authority, TIME_S + 5)
        assert judged.error is None or isinstance(judged.error, GlasslogError)


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    judged, authority = judge(data, LeafIndex(5), None, TIME_S)
    assert judged.check in {"schema", "authority"}
    assert authority is None


def test_the_database_goes_on_where_it_was(tmp_path: Path) -> None:
    log = new_log().grow(300)
    folder = log.write(tmp_path / "log")
    audit_folder(log, folder, tmp_path / "state")
    again = audit_folder(log, folder, tmp_path / "state")
    assert again.replayed is not None
    assert again.replayed.entries == 0
    database = Database.open(tmp_path / "state/audit.sqlite")
    assert database.next_index == log.size
    database.close()
