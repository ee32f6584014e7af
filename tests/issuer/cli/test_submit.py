import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from glasslog.pem import encode_public_key
from glasslog.receipt import decode_receipt
from glasslog.statement import SignedStatement, decode_transparent_statement
from glasslog_issuer import load_key
from glasslog_issuer.cli import submission_report, submit
from glasslog_issuer.cli.submission_report import Source, SubmissionReport
from glasslog_issuer.errors import RefusedError
from glasslog_issuer.registration import Rejected
from tests.issuer.cli.running import REGISTRATION, Run, names
from tests.issuer.faulty_log import FaultyLog, Reply, honest, problem, unavailable
from tests.issuer.parties import statements
from tests.issuer.real_log import ISSUER, RealLog
from tests.issuer.scripts import LIES, answer_with, refuse, spoil
from tests.verifier.evidence import STRANGER_KEY, Ledger, Witness

STATEMENTS = statements(3)


def write(path: str, *parts: SignedStatement) -> str:
    Path(path).write_bytes(b"".join(statement.entry for statement in parts))
    return path


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_statement_is_submitted_and_what_comes_back_is_written(run: Run) -> None:
    with FaultyLog() as log:
        result = run(
            "submit", "--log", log.url, "--log-key", log.vkey, write("s.cose", STATEMENTS[0]), "-o", "back/here"
        )
    assert result.code == 0
    assert result.out == "registered   1 of 1\nreceipts     verified with the key of log.example/2025\n"
    assert result.err == ""
    assert names(Path("back/here")) == [f"{STATEMENTS[0].leaf_hash.hex()}.cose"]
    transparent = decode_transparent_statement(next(Path("back/here").iterdir()).read_bytes())
    assert transparent.statement.entry == STATEMENTS[0].entry
    decode_receipt(transparent.receipts[0]).verify_inclusion(STATEMENTS[0].leaf_hash, log.ledger.vkey.public_key)


def test_a_submission_that_is_told_to_end_says_how_far_it_came(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("s.cose", *STATEMENTS)

    def end(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    with FaultyLog() as log:
        monkeypatch.setattr(submit, "_write", end)
        result = run("submit", "--log", log.url, "--log-key", log.vkey, "s.cose")
    said = "Interrupted after 0 of 3 statements: run the same command again, nothing is logged twice.\n"
    assert (result.code, result.out, result.err) == (130, "", said)


def test_receipts_alone_are_written_when_that_is_said(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog() as log:
        result = run("submit", "--log", log.url, "s.cose", "-o", "back", "--format", "receipt")
    assert result.code == 0
    assert names(Path("back")) == sorted(f"{statement.leaf_hash.hex()}.receipt.cose" for statement in STATEMENTS)
    for statement in STATEMENTS:
        receipt = decode_receipt(Path(f"back/{statement.leaf_hash.hex()}.receipt.cose").read_bytes())
        receipt.verify_inclusion(statement.leaf_hash, log.ledger.vkey.public_key)


def test_a_key_may_be_given_by_a_file(run: Run) -> None:
    with FaultyLog() as log:
        Path("log.vkey").write_text(f"{log.vkey}\n")
        result = run("submit", "--log", log.url, "--log-key", "@log.vkey", write("s.cose", STATEMENTS[0]))
    assert result.code == 0
    assert "verified with the key of log.example/2025" in result.out


def test_without_a_key_it_is_said_that_nothing_was_verified(run: Run) -> None:
    with FaultyLog() as log:
        result = run("submit", "--log", log.url, write("s.cose", STATEMENTS[0]))
    assert result.code == 0
    assert "NOT verified: say --log-key" in result.out


def test_several_files_are_submitted_together(run: Run) -> None:
    files = [write("a.cose", STATEMENTS[0]), write("b.cose", *STATEMENTS[1:])]
    with FaultyLog() as log:
        result = run("submit", "--log", log.url, "--log-key", log.vkey, *files, "--json")
        assert len(log.got) == 1
    assert result.code == 0
    assert [(line["file"], line["position"], line["index"]) for line in lines(result.out)] == [
        ("a.cose", 0, 5),
        ("b.cose", 0, 6),
        ("b.cose", 1, 7),
    ]


def test_a_program_gets_one_object_for_each_statement(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog(refuse(1, "Rejected")) as log:
        log.register(STATEMENTS[0])
        result = run("submit", "--log", log.url, "--log-key", log.vkey, "s.cose", "-o", "back", "--json")
    first, second, third = lines(result.out)
    assert first == {
        "file": "s.cose",
        "position": 0,
        "entry_id": STATEMENTS[0].leaf_hash.hex(),
        "outcome": "registered",
        "index": 5,
        "verified": True,
        "duplicate": True,
        "written": f"back/{STATEMENTS[0].leaf_hash.hex()}.cose",
    }
    assert second == {
        "file": "s.cose",
        "position": 1,
        "entry_id": STATEMENTS[1].leaf_hash.hex(),
        "outcome": "refused",
        "error": "refused",
        "message": "Rejected: expected a key registered for it",
        "title": "Rejected",
        "detail": "expected a key registered for it",
        "reason": "unknown_key",
    }
    assert (third["outcome"], third["duplicate"]) == ("registered", False)
    assert result.code == 1


def test_a_refusal_is_told_with_the_place_of_the_statement(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog(refuse(1, "Rejected")) as log:
        log.register(STATEMENTS[0])
        result = run("submit", "--log", log.url, "--log-key", log.vkey, "s.cose")
    assert result.code == 1
    assert result.err == f"s.cose[1] {STATEMENTS[1].leaf_hash.hex()}: Rejected: expected a key registered for it\n"
    assert result.out.splitlines()[:2] == ["registered   2 of 3, 1 of them before", "refused      1"]


def test_one_refused_statement_ends_with_1(run: Run) -> None:
    with FaultyLog(problem(400, "Rejected", "why")) as log:
        result = run("submit", "--log", log.url, write("s.cose", STATEMENTS[0]), "-o", "back")
    assert result.code == 1
    assert "Rejected: why" in result.err
    assert names(Path("back")) == []


@pytest.mark.parametrize("lie", [lie for lie, _ in LIES])
def test_a_receipt_that_does_not_hold_ends_with_1_and_is_not_written(run: Run, lie: Any) -> None:  # noqa: ANN401
    with FaultyLog(lie) as log:
        result = run("submit", "--log", log.url, "--log-key", log.vkey, write("s.cose", STATEMENTS[0]), "-o", "back")
    assert result.code == 1
    assert "unverified   1" in result.out
    assert names(Path("back")) == []


def test_a_broken_answer_ends_with_1(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog(Reply(200, "text/html", b"<h1>Welcome</h1>")) as log:
        result = run("submit", "--log", log.url, "s.cose")
    assert result.code == 1
    assert "is this the URL of a log?" in result.err
    assert "not known    3: submit them again" in result.out


@pytest.mark.parametrize("count", [1, 3])
def test_a_log_that_cannot_be_reached_ends_with_3(run: Run, count: int) -> None:
    write("s.cose", *STATEMENTS[:count])
    with FaultyLog(unavailable()) as log:
        result = run("submit", "--log", log.url, "s.cose", "--attempts", "1", "--json")
    assert result.code == 3
    assert [(line["outcome"], line["error"]) for line in lines(result.out)] == [("unknown", "unavailable")] * count
    assert "HTTP status 503 (1 attempts)" in result.err


def test_one_broken_outcome_ends_with_1_and_may_be_submitted_again(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog(spoil(1, receipt=None)) as log:
        result = run("submit", "--log", log.url, "s.cose", "--json")
    assert result.code == 1
    assert [line["outcome"] for line in lines(result.out)] == ["registered", "unknown", "registered"]


def test_a_checkpoint_that_does_not_hold_leaves_all_unknown_and_ends_with_1(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog(answer_with(checkpoint=Ledger(log_key=STRANGER_KEY).checkpoint())) as log:
        result = run("submit", "--log", log.url, "--log-key", log.vkey, "s.cose", "--json")
    assert result.code == 1
    assert [(line["outcome"], line["error"]) for line in lines(result.out)] == [("unknown", "unknown_key")] * 3


def test_a_statement_that_the_log_wants_later_ends_with_3(run: Run) -> None:
    write("s.cose", *STATEMENTS)
    with FaultyLog(refuse(1, "Too Many Requests")) as log:
        result = run("submit", "--log", log.url, "s.cose", "--attempts", "1")
    assert result.code == 3
    assert "not known    1: submit them again" in result.out


def test_a_log_lost_on_the_way_leaves_what_was_registered_before(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glasslog_issuer.client.BATCH_ENTRIES_MAX", 2)
    write("s.cose", *STATEMENTS)
    with FaultyLog(honest, unavailable()) as log:
        result = run("submit", "--log", log.url, "--log-key", log.vkey, "s.cose", "--attempts", "1", "-o", "back")
    assert result.code == 3
    assert result.out.splitlines()[:2] == ["registered   2 of 3", "not known    1: submit them again"]
    assert len(names(Path("back"))) == 2


@pytest.mark.parametrize(
    "content,complaint",
    [
        (b"", "Error: s.cose: expected at least one message"),
        (b"\x00", "Error: s.cose[0]: expected a COSE_Sign1 message"),
        (STATEMENTS[0].entry + b"\x00", "Error: s.cose[1]: expected a COSE_Sign1 message"),
        (STATEMENTS[0].entry[:-1], "Error: s.cose: expected a whole CBOR item, got a truncated one"),
    ],
    ids=["empty", "other", "something behind", "cut off"],
)
def test_a_file_that_holds_no_statements_is_not_submitted(run: Run, content: bytes, complaint: str) -> None:
    Path("s.cose").write_bytes(content)
    with FaultyLog() as log:
        result = run("submit", "--log", log.url, "s.cose")
        assert log.got == []
    assert result.code == 1
    assert result.err.startswith(complaint)


def test_a_file_of_statements_is_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submit, "INPUT_BYTES_MAX", 10)
    result = run("submit", "--log", "http://log.example", write("s.cose", STATEMENTS[0]))
    assert result.code == 1
    assert "expected at most 10 bytes" in result.err


@pytest.mark.parametrize(
    "options,complaint",
    [
        (["--log", "log.example", "s.cose"], "expected the URL of a log"),
        (["--log", "http://log.example", "missing.cose"], "missing.cose"),
        (["--log", "http://log.example", "s.cose", "--log-key", "nonsense"], "expected a verifier key"),
        (["--log", "http://log.example", "s.cose", "--log-key", str(Witness("w").vkey)], "one of a witness"),
        (["--log", "http://log.example", "s.cose", "--log-key", "@missing"], "missing"),
        (["--log", "http://log.example", "s.cose", "--log-key", "@binary"], "expected a file with a verifier key"),
        (["--log", "http://log.example", "s.cose", "--proxy", "nowhere"], "proxy"),
        (["--log", "http://log.example", "s.cose", "--attempts", "0"], "--attempts"),
    ],
)
def test_what_cannot_be_used_is_wrong_usage(run: Run, options: list[str], complaint: str) -> None:
    write("s.cose", STATEMENTS[0])
    Path("binary").write_bytes(b"\xff\xfe")
    result = run("submit", *options)
    assert result.code == 2
    assert complaint.lower() in result.err.lower()


def test_a_proxy_is_used_when_it_is_named(run: Run) -> None:
    with FaultyLog() as proxy:
        result = run("submit", "--log", "http://log.example", "--proxy", proxy.url, write("s.cose", STATEMENTS[0]))
        assert proxy.got[0].path == "http://log.example/entries"
    assert result.code == 0


def test_a_log_is_reached_by_tls_when_its_authority_is_trusted(run: Run, tmp_path: Path) -> None:
    subject = ["-subj", "/CN=a log", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "key.pem", "-out", "ca.pem", *subject]
    subprocess.run(made, check=True, capture_output=True)
    Path("both.pem").write_text(Path("key.pem").read_text() + Path("ca.pem").read_text())
    write("s.cose", STATEMENTS[0])
    with FaultyLog(certificate=tmp_path / "both.pem") as log:
        assert run("submit", "--log", log.url, "--log-key", log.vkey, "--ca-file", "ca.pem", "s.cose").code == 0
        untrusted = run("submit", "--log", log.url, "--log-key", log.vkey, "s.cose")
        assert len(log.got) == 1
    assert untrusted.code == 3
    assert "cannot make a secure connection" in untrusted.err
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.err


def test_a_certificate_authority_that_is_none_is_told(run: Run) -> None:
    Path("ca.pem").write_text("nothing")
    options = ["--log", "https://127.0.0.1:1", "--ca-file", "ca.pem", "--attempts", "1"]
    result = run("submit", *options, write("s.cose", STATEMENTS[0]))
    assert result.code == 3


def test_progress_is_shown_to_people_at_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def screen(*, is_terminal: bool, as_json: bool) -> str:
        made = io.StringIO()
        console = Console(file=made, force_terminal=is_terminal, width=80)
        monkeypatch.setattr(submission_report, "Console", lambda **_: console)
        with SubmissionReport(200, as_json=as_json) as report:
            report.tell(Source(STATEMENTS[0], "s.cose", 0), Rejected(STATEMENTS[0], RefusedError("Rejected", "")), None)
        return made.getvalue()

    assert "1/200" in screen(is_terminal=True, as_json=False)
    assert screen(is_terminal=True, as_json=True) == ""
    assert screen(is_terminal=False, as_json=False) == ""


# ---------------------------------------------------------------------------------------------------- the real server


def installed(program: str, *arguments: str, data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(command, input=data, check=False, capture_output=True)


def test_records_go_from_json_through_a_pipe_into_a_real_log_and_verify_offline(
    run: Run,  # for the empty folder
    real_log: RealLog,
) -> None:
    records = "".join(json.dumps({**REGISTRATION, "commit": {"input": number}}) + "\n" for number in range(3))
    options = ["--key", str(real_log.key_path), "--issuer", ISSUER, "--lines", "--disclosures", "disclosures"]
    signed = installed("glasslog-issuer", "sign", "-", "-o", "-", *options, data=records.encode())
    assert (signed.returncode, signed.stderr.splitlines()[0]) == (0, b"signed 3 records")
    log_options = ["--log", real_log.url, "--log-key", f"@{real_log.vkey_path}"]
    submitted = installed("glasslog-issuer", "submit", *log_options, "-", "-o", "back", data=signed.stdout)
    assert submitted.returncode == 0, submitted.stderr
    assert submitted.stdout.splitlines()[0] == b"registered   3 of 3"
    for path in Path("back").iterdir():
        disclosures = f"disclosures/{path.stem}.disclosures.cbor"
        options = ["--log-key", f"@{real_log.vkey_path}", "--disclosures", disclosures]
        options += ["--issuer-key", str(_public_half(real_log))]
        verified = installed("glasslog", "verify", str(path), *options)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def _public_half(log: RealLog) -> Path:
    path = Path("issuer.pub.pem")
    path.write_bytes(encode_public_key(load_key(log.key_path).public_key))
    return path


def test_a_key_file_without_its_mark_is_named_in_the_error(run: Run) -> None:
    result = run("submit", write("s.cose", STATEMENTS[0]), "--log", "http://127.0.0.1:1", "--log-key", "log.vkey")
    assert result.code == 2
    assert "or @ and a file that holds it, got 'log.vkey'" in result.err
