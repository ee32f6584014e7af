"""The commands around the vault, as they are typed, and what they answer when something is wrong."""

import io
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from glasslog.commitments import decode_disclosures
from glasslog.cose import split_sequence
from glasslog.records import decode_record
from glasslog.statement import decode_statement
from glasslog_issuer.keys import write_key
from glasslog_issuer.stream import StreamFile
from glasslog_issuer.vault import Vault, load_master_key
from glasslog_issuer.vault.errors import VaultUnavailableError
from tests.issuer.cli.running import Result, Run, make_run
from tests.issuer.vault.vaults import Vendor
from tests.verifier.evidence import ISSUER, ISSUER_KEY, SYSTEM

OPEN = ("--vault", "vault", "--master-key", "vault.key")
SIGN = ("--key", "issuer.pem", "--issuer", ISSUER, "--system", SYSTEM)
ERASE = ("vault", "erase", *OPEN, "--subject", "patient 4711", "--request", "dsr-17", "--basis", "gdpr", "--yes", *SIGN)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs the program in a folder with a key, and a vault that holds two records of one decision."""
    monkeypatch.chdir(tmp_path)
    for name in ("GLASSLOG_VAULT_KEY", "GLASSLOG_VAULT_KEY_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    write_key(tmp_path / "issuer.pem", ISSUER_KEY)
    started = make_run(capsys)
    assert started("vault", "init", *OPEN).code == 0
    return started


@pytest.fixture
def decision(run: Run, tmp_path: Path) -> str:
    vendor = Vendor(tmp_path / "unused")
    urn = vendor.issuer.new_decision()
    signed = [vendor.sign(decision=urn), vendor.sign({"guardrails": ["ranges"]}, decision=urn)]
    with Vault.open(tmp_path / "vault", load_master_key(tmp_path / "vault.key")) as vault:
        vault.keep_many((record, "patient 4711") for record in signed)
    return urn


def document(result: Result) -> Any:  # noqa: ANN401
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_init_makes_a_key_that_opens_the_vault_and_overwrites_nothing(run: Run, tmp_path: Path) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}\n", Path("vault.key").read_text())
    assert document(run("vault", "show", *OPEN, "--json"))["records"] == 0
    again = run("vault", "init", *OPEN)
    assert (again.code, "expected no vault there yet" in again.err) == (3, True)
    inside = run("vault", "init", "--vault", "other", "--master-key", "other/key")
    assert (inside.code, "must not lie in the vault" in inside.err) == (2, True)


def test_the_master_key_comes_from_a_file_a_command_or_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("vault", "show", "--vault", "vault", "--master-key-command", "cat vault.key").code == 0
    monkeypatch.setenv("GLASSLOG_VAULT_KEY", "vault.key")
    assert run("vault", "show", "--vault", "vault").code == 0
    both = run("vault", "show", "--vault", "vault", "--master-key-command", "cat vault.key")
    assert (both.code, "one of them" in both.err) == (2, True)


@pytest.mark.parametrize("command", ["false", "no-such-program", "echo too short", "'unbalanced", ""])
def test_a_command_that_brings_no_key_is_wrong_usage(run: Run, command: str) -> None:
    assert run("vault", "show", "--vault", "vault", "--master-key-command", command).code == 2


def test_a_key_that_others_can_read_or_that_is_anothers_is_not_used(run: Run) -> None:
    Path("vault.key").chmod(0o640)
    assert "chmod 600" in run("vault", "show", *OPEN).err
    Path("vault.key").chmod(0o600)
    Path("vault.key").write_text("00" * 32)
    other = run("vault", "show", *OPEN)
    assert (other.code, "got another" in other.err) == (2, True)


def test_show_gives_content_on_request_alone(run: Run, decision: str) -> None:
    names = run("vault", "show", *OPEN, "--decision", decision)
    assert "input: kept" in names.out
    assert "chest pain" not in names.out
    records = document(run("vault", "show", *OPEN, "--decision", decision, "--content", "--json"))["records"]
    assert [record["content"] for record in records] == [
        {"input": "62 years, chest pain", "output": {"label": "urgent", "score": 0.93}},
        {"guardrails": ["ranges"]},
    ]
    assert "chest pain" in run("vault", "show", *OPEN, "--entry-id", records[0]["entry_id"], "--content").out
    assert run("vault", "show", *OPEN, "--entry-id", "00" * 32).code == 3
    assert run("vault", "show", *OPEN, "--entry-id", "zz").code == 2


def test_disclose_writes_the_chosen_names_and_no_others(run: Run, decision: str) -> None:
    result = run("disclose", *OPEN, "--decision", decision, "--fields", "output", "-o", "one", "--json")
    assert document(result)["written"][0]["names"] == ["output"]
    assert [each.name for each in decode_disclosures(Path("one").read_bytes())] == ["output"]
    assert b"chest pain" not in Path("one").read_bytes()
    assert Path("one").stat().st_mode & 0o777 == 0o600
    assert run("disclose", *OPEN, "--decision", decision, "--fields", "output", "-o", "one").code == 3
    several = run("disclose", *OPEN, "--decision", decision, "--fields", "output,guardrails", "-o", "two")
    assert (several.code, "name one by --entry-id" in several.err) == (2, True)
    Path("folder").mkdir()
    assert run("disclose", *OPEN, "--decision", decision, "--fields", "output,guardrails", "-o", "folder").code == 0
    assert len(list(Path("folder").iterdir())) == 2
    unknown = run("disclose", *OPEN, "--decision", decision, "--fields", "output,salary", "-o", "three")
    assert (unknown.code, "guardrails, input, output" in unknown.err) == (3, True)
    assert not Path("three").exists()


@pytest.mark.parametrize("command", [("disclose", "-o", "one"), ("vault", "show")])
@pytest.mark.parametrize("asked", [("--decision", "urn:example:unheard-of"), ("--entry-id", "00" * 32)])
def test_what_the_vault_has_nothing_of_cannot_be_had(
    run: Run, command: tuple[str, ...], asked: tuple[str, ...]
) -> None:
    result = run(*command, *OPEN, *asked)
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("Error: expected ")


def test_a_disclosure_is_recorded_before_it_is_written(run: Run, decision: str) -> None:
    said = ("--record-access", "--actor", "Vendor Ltd", "--recipient", "ab" * 16, "--purpose", "treatment", "--mfa")
    arguments = ("disclose", *OPEN, "--decision", decision, "--fields", "output", "-o", "one", *said)
    assert run(*arguments).code == 2  # without a key
    assert not Path("one").exists()
    assert run(*arguments, *SIGN, "--statements", "access.cose").code == 0
    statement = decode_statement(Path("access.cose").read_bytes())
    body = decode_record(statement.payload).body
    assert statement.subject == decision
    assert (body["actor"], body["action"], body["recipient"]) == ("Vendor Ltd", "disclose", bytes.fromhex("ab" * 16))
    assert body["object"].endswith(": output")


def test_an_erasure_is_signed_listed_and_closed(run: Run, decision: str) -> None:
    done = document(run(*ERASE, "--store", "backups", "--statements", "erasure.cose", "--json"))
    assert (done["records"], done["unsubmitted"], done["open"]) == (2, 1, True)
    assert decode_record(decode_statement(Path("erasure.cose").read_bytes()).payload).type == "erasure"
    erased = run("disclose", *OPEN, "--decision", decision, "--fields", "output", "-o", "one")
    assert erased.code == 1
    assert re.search(r"was erased on \d{4}-\d\d-\d\dT\S+Z \(request dsr-17\)", erased.err)
    assert "output: erased on" in run("vault", "show", *OPEN, "--decision", decision).out
    confirm = ("vault", "confirm", *OPEN, *SIGN, "--request", "dsr-17", "--store", "backups")
    assert run(*confirm, "--statements", "confirmed.cose").code == 0
    assert (
        len(split_sequence(Path("confirmed.cose").read_bytes(), 9)) == 2
    )  # what nobody said was submitted is here too
    assert "the log may not know yet of 2" in run("vault", "erasures", *OPEN).out
    assert run("vault", "erasures", *OPEN, "--submitted", "dsr-17").out == "no erasure is open\n"
    assert document(run("vault", "erasures", *OPEN, "--all", "--json"))["erasures"][0]["open"] is False
    assert document(run("vault", "compact", *OPEN, "--json"))["records"] == 2


def test_nothing_is_erased_without_a_key_to_record_it(run: Run, decision: str) -> None:
    arguments = list(ERASE)
    arguments[arguments.index("issuer.pem")] = "no-such.pem"
    assert run(*arguments, "--statements", "erasure.cose").code == 2
    assert run(*ERASE).code == 2  # nowhere to bring the record
    assert run(*ERASE[: ERASE.index("--key")], "--statements", "erasure.cose").code == 2
    assert document(run("vault", "show", *OPEN, "--json"))["readable"] == 2


def test_an_erasure_asks_before_it_destroys(run: Run, decision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [argument for argument in ERASE if argument != "--yes"]
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        assert run(*asked, "--statements", "erasure.cose").code == 130
    assert document(run("vault", "show", *OPEN, "--json"))["readable"] == 2


def test_a_run_that_was_lost_after_signing_leaves_no_gap_in_the_stream(
    run: Run, decision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = ("--stream-file", "erasures.stream", "--stream", "erasures")
    with monkeypatch.context() as patch:
        patch.setattr("glasslog_issuer.vault.notices.keep_signed", lambda *_: (_ for _ in ()).throw(OSError("lost")))
        assert run(*ERASE, *stream, "--statements", "erasure.cose").code == 3
    signed = Path("erasures.stream").read_bytes()
    assert run(*ERASE, *stream, "--statements", "erasure.cose").code == 0
    assert Path("erasure.cose").read_bytes() == signed
    with StreamFile(Path("erasures.stream"), ISSUER) as kept:
        assert kept.next_seq == 1


def test_a_new_master_key_is_made_and_takes_over(run: Run, decision: str) -> None:
    assert run("vault", "rekey", *OPEN, "--new-master-key", "new.key").code == 0
    assert run("vault", "show", *OPEN).code == 2
    shown = run("vault", "show", "--vault", "vault", "--master-key", "new.key", "--decision", decision, "--content")
    assert "chest pain" in shown.out


def test_put_takes_what_sign_wrote(run: Run, tmp_path: Path) -> None:
    record = {"type": "model-registration", "system": SYSTEM, "commit": {"card": "Trained on 12,000 cases."}}
    body = {"name": "m", "version": "1", "kind": "hosted", "publisher": "p", "assurance": "self-asserted"}
    lines = [json.dumps({**record, "body": body}), json.dumps({"type": record["type"], "system": SYSTEM, "body": body})]
    Path("records.jsonl").write_text("\n".join(lines))
    sign = ("sign", "records.jsonl", "--key", "issuer.pem", "--issuer", ISSUER, "-o", "records.cose")
    assert run(*sign, "--disclosures", "opened").code == 0
    put = ("vault", "put", "records.cose", *OPEN, "--disclosures", "opened")
    assert len(document(run(*put, "--json"))["kept"]) == 1
    assert "of 1 record\n" in run(*put).out
    [file] = Path("opened").iterdir()
    assert run("vault", "put", "records.cose", *OPEN, "--disclosures", file).code == 2
    assert document(run("vault", "show", *OPEN, "--json"))["records"] == 1


def test_a_vault_that_cannot_be_made_leaves_no_key_behind(run: Run, tmp_path: Path) -> None:
    result = run("vault", "init", "--vault", "vault", "--master-key", "another.key")
    assert result.code == 3
    assert "expected no vault there yet" in result.err
    assert not (tmp_path / "another.key").exists()
    assert run("vault", "show", *OPEN).code == 0


def test_machines_are_told_of_a_new_vault_and_of_a_new_key(run: Run) -> None:
    made = run("vault", "init", "--vault", "second", "--master-key", "second.key", "--json")
    assert json.loads(made.out) == {"vault": "second", "master_key": "second.key"}
    wrapped = run("vault", "rekey", *OPEN, "--new-master-key", "new.key", "--json")
    assert json.loads(wrapped.out) == {"vault": "vault", "master_key": "new.key"}
    assert run("vault", "show", "--vault", "vault", "--master-key", "new.key").code == 0


def test_a_vault_that_a_full_disk_cut_off_can_be_made_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise VaultUnavailableError("vault: database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("glasslog_issuer.vault.vault.Subjects", full)
        assert run("vault", "init", "--vault", "second", "--master-key", "second.key").code == 3
    assert not (tmp_path / "second.key").exists()
    assert run("vault", "init", "--vault", "second", "--master-key", "second.key").code == 0
    assert run("vault", "show", "--vault", "second", "--master-key", "second.key").code == 0


@pytest.mark.parametrize("answer", ["n\n", ""])
def test_nothing_is_erased_before_somebody_has_said_yes(
    run: Run, decision: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    refused = run(*(each for each in ERASE if each != "--yes"), "--statements", "erasure.cose")
    assert refused.code == 130
    assert refused.err.endswith("Nothing was destroyed. With --yes nobody is asked.\n")
    shown = document(run("vault", "show", *OPEN, "--decision", decision, "--json"))
    assert {record["erased_at"] for record in shown["records"]} == {None}


def test_an_erasure_that_is_told_to_end_is_gone_on_with(
    run: Run, decision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del decision

    def end(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "erase", end)
        ended = run(*ERASE, "--statements", "erasure.cose")
    assert ended.code == 130
    assert ended.err == "Interrupted: the same command finishes what was begun, and records it once.\n"
    assert run(*ERASE, "--statements", "erasure.cose").code == 0
