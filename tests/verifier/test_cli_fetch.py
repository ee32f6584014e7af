from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from glasslog.sources import http
from glasslog.sources.http import Patience
from tests.verifier.desk import Desk, Outcome
from tests.verifier.evidence import SUBJECT, VKEY, inference, small_log
from tests.verifier.log_server import MEDIA_TYPES, Answer, LogServer, honest, json_answer
from tests.verifier.scenario import POLICY
from tests.verifier.scenarios import receipt_without_time

OTHER_SUBJECT = "urn:uuid:00000000-0000-4000-8000-000000000001"
LEDGER = small_log(2)
LEDGER.append(inference(7, subject=OTHER_SUBJECT))
[FIRST, SECOND] = [statement.leaf_hash.hex() for statement in LEDGER.entries[2:4]]
ONLY = LEDGER.entries[4].leaf_hash.hex()
KEY = ("--log-key", str(VKEY))
HONEST = honest(LEDGER)


class Fetching:
    """The `fetch` command at a desk, and the server that it asks."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.server = LogServer(HONEST)

    def __call__(self, *arguments: str, answer: Callable[[str], Answer] = HONEST) -> Outcome:
        self.server = LogServer(answer)
        with self.server.running() as server:
            return self.desk.run("fetch", "--log", server.url, *arguments)

    @property
    def files(self) -> list[str]:
        return sorted(path.relative_to(self.desk.folder).as_posix() for path in self.desk.folder.rglob("*"))


@pytest.fixture
def fetch(desk: Desk) -> Fetching:
    (desk.folder / "log.vkey").unlink()
    return Fetching(desk)


def test_the_one_entry_of_a_decision_is_fetched_and_verified(fetch: Fetching) -> None:
    outcome = fetch("--decision", OTHER_SUBJECT, "-o", "d.glasslog", *KEY)
    assert (outcome.code, outcome.err) == (0, "")
    assert "d.glasslog: " in outcome.out
    assert ", verified\n" in outcome.out
    assert fetch.desk.run("verify", "d.glasslog", *KEY).code == 0
    assert fetch.files == ["d.glasslog"]


def test_an_entry_is_fetched_by_its_id(fetch: Fetching) -> None:
    for arguments in (["--decision", FIRST], ["--entry-id", FIRST], ["--decision", SUBJECT, "--entry-id", FIRST]):
        assert fetch(*arguments, "-o", "d.glasslog").code == 0
        assert [asked.path for asked in fetch.server.asked] == [f"/entries/{FIRST}?format=bundle"]
    assert (fetch.desk.folder / "d.glasslog").read_bytes() == LEDGER.bundle(2).encode()


def test_without_a_key_nothing_is_said_to_be_verified(fetch: Fetching) -> None:
    assert "not verified: give --log-key" in fetch("--entry-id", FIRST, "-o", "d.glasslog").out


def test_a_decision_of_several_entries_asks_which(fetch: Fetching) -> None:
    outcome = fetch("--decision", SUBJECT, "-o", "d.glasslog")
    assert outcome.code == 2
    assert FIRST in outcome.err
    assert SECOND in outcome.err
    assert fetch.files == []


def test_all_entries_of_a_decision_go_into_a_folder(fetch: Fetching) -> None:
    expected = ["all", *sorted(f"all/{entry_id}.glasslog" for entry_id in (FIRST, SECOND))]
    assert fetch("--decision", SUBJECT, "--all", "-o", "all", *KEY).code == 0
    assert fetch.files == expected
    assert fetch("--decision", SUBJECT, "-o", "all").code == 0
    assert fetch.files == expected


@pytest.mark.parametrize(
    "form, suffix",
    [("receipt", ".cose"), ("statement", ".cose"), ("transparent-statement", ".cose"), ("tlog-proof", ".tlog-proof")],
)
def test_other_forms_are_fetched_too(fetch: Fetching, form: str, suffix: str) -> None:
    assert fetch("--entry-id", FIRST, "--format", form, "-o", ".").code == 0
    assert fetch.files == [f"{FIRST}{suffix}"]
    assert fetch.desk.run("inspect", f"{FIRST}{suffix}").code == 0
    assert fetch("--entry-id", FIRST, "--format", form, "-o", "file", *KEY).code == 2


def test_a_policy_is_enough_to_verify_and_is_enforced(fetch: Fetching) -> None:
    fetch.desk.put("none.policy", f"log {VKEY}\nquorum none\n")
    assert ", verified" in fetch("--entry-id", FIRST, "-o", "d.glasslog", "--policy", "none.policy").out
    fetch.desk.put("two.policy", POLICY)
    outcome = fetch("--entry-id", FIRST, "-o", "other.glasslog", *KEY, "--policy", "two.policy")
    assert outcome.code == 1
    assert "other.glasslog" not in fetch.files


def answering(**bodies: bytes) -> Callable[[str], Answer]:
    """Return an honest log's answers, with other bytes for the forms named."""

    def answer(path: str) -> Answer:
        form = path.rpartition("format=")[2]
        body = bodies.get(form.replace("-", "_"))
        return HONEST(path) if body is None else Answer(body=body, media_type=MEDIA_TYPES[form])

    return answer


def test_what_does_not_verify_is_not_written(fetch: Fetching) -> None:
    bundle = LEDGER.bundle(2)
    forged = replace(bundle, receipt=LEDGER.receipt(3)).encode()
    outcome = fetch("--entry-id", FIRST, "-o", "d.glasslog", *KEY, answer=answering(bundle=forged))
    assert outcome.code == 1
    assert f"bundle of {FIRST}, not written" in outcome.out
    assert "FAILED: step 7" in outcome.out
    assert fetch.files == []


def test_a_verdict_that_stays_open_is_not_written(fetch: Fetching) -> None:
    timeless = replace(LEDGER.bundle(4), receipt=receipt_without_time(LEDGER)).encode()
    outcome = fetch("--entry-id", ONLY, "-o", "d.glasslog", *KEY, answer=answering(bundle=timeless))
    assert outcome.code == 3
    assert "d.glasslog" not in fetch.files


@pytest.mark.parametrize("form", sorted(MEDIA_TYPES))
def test_an_answer_that_is_not_what_was_asked_for_is_not_written(fetch: Fetching, form: str) -> None:
    garbage = answering(**{form.replace("-", "_"): b"garbage"})
    outcome = fetch("--entry-id", FIRST, "--format", form, "-o", "file", answer=garbage)
    assert outcome.code == 1
    assert outcome.err.startswith("Error: expected ")
    assert fetch.files == []


def test_another_entry_than_asked_for_is_not_written(fetch: Fetching) -> None:
    bodies = {
        "bundle": LEDGER.bundle(3).encode(),
        "statement": LEDGER.entries[3].entry,
        "transparent-statement": LEDGER.transparent_statement(3),
    }
    for form, body in bodies.items():
        answer = answering(**{form.replace("-", "_"): body})
        outcome = fetch("--entry-id", FIRST, "--format", form, "-o", "file", answer=answer)
        assert outcome.code == 1
        assert f"expected the entry {FIRST}" in outcome.err
    assert fetch.files == []


def test_an_entry_of_another_decision_is_not_written(fetch: Fetching) -> None:
    def answer(path: str) -> Answer:
        return json_answer({"entries": [{"entry_id": FIRST}]}) if path.startswith("/decisions") else HONEST(path)

    outcome = fetch("--decision", OTHER_SUBJECT, "-o", "file", answer=answer)
    assert outcome.code == 1
    assert f"expected an entry about {OTHER_SUBJECT}" in outcome.err
    assert fetch("--decision", OTHER_SUBJECT, "--entry-id", FIRST, "-o", "file").code == 1
    assert fetch.files == []


def test_a_decision_that_the_log_does_not_know_cannot_be_fetched(fetch: Fetching) -> None:
    outcome = fetch("--decision", "urn:none", "-o", "file")
    assert (outcome.code, outcome.err) == (3, "Error: the log has no entry about urn:none\n")


def test_what_a_server_says_is_escaped(fetch: Fetching) -> None:
    outcome = fetch("--entry-id", "00" * 32, "-o", "file")
    assert outcome.code == 3
    assert "does not know it (status 404): no such\\x1b[31m entry" in outcome.err


def test_a_server_that_is_not_there_is_exit_code_3(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "Patience", lambda: Patience(tries=1))
    outcome = desk.run("fetch", "--log", "http://127.0.0.1:1", "--entry-id", FIRST, "-o", "file")
    assert outcome.code == 3
    assert "cannot get an answer" in outcome.err


def test_a_token_comes_from_a_file(fetch: Fetching) -> None:
    fetch.desk.put("token", "secret-token\n")
    assert fetch("--entry-id", FIRST, "-o", "file", "--token-file", "token").code == 0
    assert fetch.server.asked[0].headers["Authorization"] == "Bearer secret-token"
    for bad in ("two words", "", "line\nbreak", "\u00e9"):
        fetch.desk.put("token", bad)
        assert fetch("--entry-id", FIRST, "-o", "file", "--token-file", "token").code == 2


def test_a_place_that_cannot_be_written_is_exit_code_3(fetch: Fetching, tmp_path: Path) -> None:
    assert fetch("--entry-id", FIRST, "-o", "missing/file").code == 3
    fetch.desk.put("taken", b"")
    outcome = fetch("--entry-id", FIRST, "--all", "-o", "taken")
    assert outcome.code == 3
    assert "cannot make the folder" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "file"],
        ["--entry-id", FIRST],
        ["--entry-id", "00", "-o", "file"],
        ["--decision", "00", "-o", "file"],
        ["--decision", FIRST, "--entry-id", SECOND, "-o", "file"],
        ["--entry-id", FIRST, "--format", "unknown", "-o", "file"],
        ["--entry-id", FIRST, "--policy", "missing", "-o", "file"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(fetch: Fetching, arguments: list[str]) -> None:
    outcome = fetch(*arguments)
    assert outcome.code == 2
    assert "Usage: glasslog fetch" in outcome.err
    assert fetch.server.asked == []


def test_the_log_must_be_named(desk: Desk) -> None:
    assert desk.run("fetch", "--entry-id", FIRST, "-o", "file").code == 2


def test_a_url_that_is_none_is_wrong_usage(desk: Desk) -> None:
    assert desk.run("fetch", "--log", "log.example", "--entry-id", FIRST, "-o", "file").code == 2


def test_a_machine_reads_what_was_written(fetch: Fetching) -> None:
    document = fetch("--decision", SUBJECT, "--all", "-o", "all", "--json", *KEY).document
    assert [(one["entry_id"], one["verified"]) for one in document["written"]] == [(FIRST, True), (SECOND, True)]
    assert all((fetch.desk.folder / one["file"]).stat().st_size == one["bytes"] for one in document["written"])
    unverified = fetch("--entry-id", FIRST, "-o", "d.glasslog", "--json").document
    assert [one["verified"] for one in unverified["written"]] == [False]


def test_a_machine_reads_why_nothing_was_written(fetch: Fetching) -> None:
    outcome = fetch(
        "--entry-id", FIRST, "-o", "d.glasslog", "--json", "--policy", fetch.desk.put("policy", POLICY), *KEY
    )
    assert (outcome.code, outcome.document["verdict"]) == (1, "failed")
    assert fetch.files == ["policy"]
