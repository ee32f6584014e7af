"""`glasslog sample`: what it writes verifies, is drawn again by anybody, and comes from nowhere but the signed tree."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from glasslog.audit.database import Database
from glasslog.cli import main
from glasslog.tiles import BundleId, bundle_path, bundle_width, decode_bundle, encode_bundle
from tests.verifier.evidence import TIME_MS, TIME_S, Witness
from tests.verifier.log_server import LogServer
from tests.verifier.mirror.sources import files_of, serve_files
from tests.verifier.mirror.written_log import ISSUERS, WrittenLog, key_of, new_log

SEEDS = 250  # a tree size in the middle, that has a head


def grown() -> WrittenLog:
    """Return a log of more than one bundle, in which a key is revoked and the policy is stated again."""
    log = new_log().grow(246)
    assert log.size == SEEDS
    log.revoke(key_of(ISSUERS[2]).public_key, ISSUERS[2])
    log.state_policy(entries_access="token")
    log.sign_head()
    for number in range(100):
        log.decide(ISSUERS[number % 2])
    log.sign_head()
    return log


LOG = grown()
KEY = ("--log-key", str(LOG.vkey))


def audit(state: Path, *source: object) -> Path:
    code = main(["audit", "--state", str(state), *KEY, "--checks", "tree", "--processes", "0", *map(str, source)])
    assert code == 0
    return state


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return LOG.write(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="module")
def state(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audit(tmp_path_factory.mktemp("audit"), "--folder", folder)


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    path = tmp_path / "seed"
    path.write_bytes(LOG.note(SEEDS))
    return path


def sample(state: Path, seed: Path, output: Path, *arguments: object, size: int = 12) -> int:
    given = ("--state", state, "--seed-from", seed, "-o", output, "--size", size, *arguments)
    return main(["sample", *map(str, given), *KEY])


def document(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "sample.json").read_text())
    return found


def test_every_bundle_verifies_alone_and_is_the_entry_of_its_line(state: Path, seed: Path, tmp_path: Path) -> None:
    assert sample(state, seed, tmp_path / "out", size=40) == 0
    with (tmp_path / "out/worksheet.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["number"] for line in lines] == [str(number) for number in range(1, 41)]
    for line in lines:
        statement = LOG.entries[int(line["index"])]
        assert line["entry_id"] == statement.leaf_hash.hex()
        assert (line["issuer"], line["subject"]) == (statement.issuer, statement.subject)
        assert (line["type"], line["label"], line["result"], line["remark"]) == ("inference", "refer", "", "")
        assert line["time"].startswith("2025-01-01T00:00:00.")
        bundle = tmp_path / "out" / line["file"]
        assert main(["verify", str(bundle), *KEY, "--entry-id", line["entry_id"]]) == 0
    assert {ISSUERS[2]} < {line["issuer"] for line in lines}, "its key was revoked later"
    assert len(list((tmp_path / "out/evidence").iterdir())) == 40


def test_whoever_has_the_document_and_the_log_draws_it_again(state: Path, seed: Path, tmp_path: Path) -> None:
    assert sample(state, seed, tmp_path / "out") == 0
    shown = document(tmp_path / "out")
    assert shown["schema"] == "glasslog-sample/1"
    head = "\n".join(shown["seed"]["checkpoint"].split("\n")[:3]) + "\n"
    framed = len(head).to_bytes(4, "big") + head.encode()
    value = hashlib.sha256(shown["seed"]["seed_domain"].encode() + framed).digest()
    assert value.hex() == shown["seed"]["value"]
    domain = shown["seed"]["rank_domain"].encode()
    ranks = {
        hashlib.sha256(domain + value + index.to_bytes(8, "big")).hexdigest(): index
        for index in range(shown["seed"]["tree_size"])
        if LOG.entries[index].issuer in ISSUERS
    }
    assert shown["population"] == len(ranks) == 246
    assert [(each["rank"], each["index"]) for each in shown["entries"]] == sorted(ranks.items())[:12]
    assert shown["logged_after_seed"] == 100


def test_a_larger_sample_begins_with_the_smaller_one(state: Path, seed: Path, tmp_path: Path) -> None:
    assert sample(state, seed, tmp_path / "small", size=5) == 0
    assert sample(state, seed, tmp_path / "large", size=50) == 0
    small, large = document(tmp_path / "small")["entries"], document(tmp_path / "large")["entries"]
    assert large[:5] == small


def test_server_folder_and_archive_give_the_same_sample(folder: Path, seed: Path, tmp_path: Path, state: Path) -> None:
    assert main(["export", "--state", str(state), "-o", str(tmp_path / "log.zip"), *KEY]) == 0
    with LogServer(serve_files(files_of(LOG))).running() as server:
        states = [audit(tmp_path / "http", "--log", server.url)]
    states += [audit(tmp_path / "zip", "--archive", tmp_path / "log.zip"), state]
    written = []
    for number, each in enumerate(states):
        assert sample(each, seed, tmp_path / f"out{number}") == 0
        files = sorted(path for path in (tmp_path / f"out{number}").rglob("*") if path.is_file())
        written.append([(path.name, path.read_bytes()) for path in files])
    assert written[0] == written[1] == written[2]
    assert len(written[0]) == 14
    assert folder.exists()


def test_a_later_audit_of_a_longer_log_draws_the_same_entries(seed: Path, tmp_path: Path, state: Path) -> None:
    early = LOG.write(tmp_path / "early", SEEDS)
    assert sample(audit(tmp_path / "state", "--folder", early), seed, tmp_path / "a") == 0
    assert sample(state, seed, tmp_path / "b") == 0
    first, second = document(tmp_path / "a"), document(tmp_path / "b")
    assert first["entries"] == second["entries"]
    assert (first["logged_after_seed"], second["logged_after_seed"]) == (0, 100)


def test_a_selection_is_drawn_from_alone(state: Path, tmp_path: Path) -> None:
    (tmp_path / "all").write_bytes(LOG.note())
    window = ("--from", "2025-01-01", "--to", "2025-01-01T00:00:00.030Z", "--issuer", ISSUERS[0])
    assert sample(state, tmp_path / "all", tmp_path / "out", *window, size=1_000) == 0
    shown = document(tmp_path / "out")
    assert shown["selection"]["issuers"] == [ISSUERS[0]]
    assert shown["selection"]["end"] == TIME_MS + 30
    assert (shown["population"], shown["size"], shown["size_wanted"]) == (30, 30, 1_000)
    assert {LOG.entries[each["index"]].issuer for each in shown["entries"]} == {ISSUERS[0]}
    assert sample(state, tmp_path / "all", tmp_path / "policies", "--type", "log-policy") == 0
    assert [each["index"] for each in sorted(document(tmp_path / "policies")["entries"], key=lambda e: e["index"])] == [
        0,
        SEEDS + 1,
    ]
    assert sample(state, tmp_path / "all", tmp_path / "none", "--system", "urn:example:none") == 3


def test_the_seed_must_come_after_the_window(
    state: Path, seed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample(state, seed, tmp_path / "out", "--to", "2025-02-01") == 3
    assert "expected a checkpoint from after the window" in capsys.readouterr().err
    assert LOG.heads_at[-1][1] < TIME_S + 86_400
    assert sample(state, seed, tmp_path / "out", "--to", "2025-01-01T00:00:00.100Z") == 0


def forked() -> bytes:
    other = new_log()
    other.decide(ISSUERS[1])
    return other.grow(60).note()


@pytest.mark.parametrize(
    "note, code, told",
    [
        (forked, 1, "the log signed another tree"),
        (lambda: new_log(origin="log.example/other").note(), 1, "signature by one of the trusted keys"),
        (lambda: LOG.note().replace(b"log.example/2025", b"log.example/2026"), 1, "expected"),
        (lambda: grown().grow(3).note(), 3, "which were audited"),
        (lambda: b"no note", 1, "expected a note"),
        (lambda: LOG.checkpoint(0), 3, "which were audited"),
    ],
)
def test_a_seed_that_is_none_of_this_tree_is_refused(
    state: Path, tmp_path: Path, note: Callable[[], bytes], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seed").write_bytes(note())
    assert sample(state, tmp_path / "seed", tmp_path / "out") == code
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_seed_of_another_log_that_is_trusted_too_is_refused(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = new_log(origin="log.example/other")
    (tmp_path / "seed").write_bytes(other.note())
    assert sample(state, tmp_path / "seed", tmp_path / "out", "--log-key", other.vkey) == 1
    assert "expected a checkpoint of the log log.example/2025, got one of log.example/other" in capsys.readouterr().err


def test_cosignatures_of_trusted_witnesses_make_another_seed(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    witness = Witness("witness")
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {witness.vkey}\nquorum w\n")
    (tmp_path / "plain").write_bytes(LOG.checkpoint())
    (tmp_path / "cosigned").write_bytes(LOG.checkpoint(witnesses=[witness]))
    assert sample(state, tmp_path / "plain", tmp_path / "a") == 0
    assert "could have tried out seeds" in capsys.readouterr().out
    assert sample(state, tmp_path / "cosigned", tmp_path / "b", "--policy", policy) == 0
    assert "witness.example" in capsys.readouterr().out
    assert sample(state, tmp_path / "plain", tmp_path / "c", "--policy", policy) == 1
    assert document(tmp_path / "b")["seed"]["cosigners"] == [str(witness.vkey)]
    assert document(tmp_path / "a")["seed"]["value"] != document(tmp_path / "b")["seed"]["value"]


def test_an_entry_that_was_changed_in_the_mirror_is_no_evidence(
    folder: Path, seed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folder, tmp_path / "log")
    state = audit(tmp_path / "state", "--folder", tmp_path / "log")
    for index in (BundleId(0), BundleId(1)):
        path = tmp_path / "log" / bundle_path(index, bundle_width(index, LOG.size))
        entries = decode_bundle(path.read_bytes(), bundle_width(index, LOG.size))
        path.write_bytes(encode_bundle([entry[:-1] + bytes([entry[-1] ^ 1]) for entry in entries]))
    assert sample(state, seed, tmp_path / "out") == 1
    assert "with the leaf hash" in capsys.readouterr().err
    assert not (tmp_path / "out/sample.json").exists()


def test_facts_of_another_log_are_not_drawn_from(
    state: Path, seed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(state, tmp_path / "state")
    with closing(Database.open(tmp_path / "state/audit.sqlite")) as database:
        database.execute("UPDATE entries SET leaf = zeroblob(32)")
    assert sample(tmp_path / "state", seed, tmp_path / "out") == 3
    assert "facts of entry" in capsys.readouterr().err
    (tmp_path / "state/audit.sqlite").unlink()
    assert sample(tmp_path / "state", seed, tmp_path / "out") == 3


def test_an_authority_that_no_bundle_can_carry_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = new_log().grow(20)
    (tmp_path / "early").write_bytes(log.note())
    for number in range(20):
        log.state_policy(entries_access=("token", "public")[number % 2])
    log.grow(20)
    (tmp_path / "late").write_bytes(log.note())
    state = audit(tmp_path / "state", "--folder", log.write(tmp_path / "log"))
    assert sample(state, tmp_path / "early", tmp_path / "a", size=20) == 0, "policies of later need not be shown"
    assert sample(state, tmp_path / "late", tmp_path / "b", size=40) == 3
    assert "expected at most 16 entries in the authority chain" in capsys.readouterr().err
    assert not (tmp_path / "b/sample.json").exists()


def test_cells_are_no_formulas(state: Path, seed: Path, tmp_path: Path) -> None:
    shutil.copytree(state, tmp_path / "state")
    with closing(Database.open(tmp_path / "state/audit.sqlite")) as database:
        database.execute("UPDATE calls SET label = '=HYPERLINK(\"http://x\")'")
        database.execute("UPDATE sources SET stream = '@SUM(A1)' WHERE type = 'inference'")
    assert sample(tmp_path / "state", seed, tmp_path / "out") == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/worksheet.csv").read_text())))
    assert {(row["label"], row["stream"]) for row in rows} == {('\'=HYPERLINK("http://x")', "'@SUM(A1)")}


def test_a_machine_reads_one_document(
    state: Path, seed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample(state, seed, tmp_path / "out", "--json") == 0
    assert json.loads(capsys.readouterr().out) == document(tmp_path / "out")


def test_wrong_usage_is_said(state: Path, seed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample(state, seed, tmp_path) == 2, "the folder is not empty"
    assert sample(state, seed, tmp_path / "out", "--from", "2025-02-01", "--to", "2025-01-01") == 2
    assert sample(state, seed, tmp_path / "out", "--type", "nonsense") == 2
    assert sample(state, seed, tmp_path / "out", size=0) == 2
    assert (
        main(["sample", "--state", str(state), "--seed-from", str(seed), "-o", str(tmp_path / "o"), "--size", "1"]) == 2
    )
    assert sample(tmp_path, seed, tmp_path / "out") == 3, "no audit was made there"
    assert "Error" in capsys.readouterr().err
