import shutil
import sys
from pathlib import Path

import click
import pytest

from glasslog import __version__
from glasslog.cli import main, program
from glasslog.commitments import Disclosure, encode_disclosures
from glasslog.limits import BUNDLE_BYTES_MAX
from glasslog.pem import encode_public_key
from glasslog.records import encode_record
from glasslog.statement import sign_statement
from tests.verifier.desk import Desk
from tests.verifier.evidence import (
    ISSUER_KEY,
    OPERATOR_KEY,
    TIME_S,
    VKEY,
    Witness,
    digest,
    disclosures,
    guardrail_execution,
    inference_body,
    record_fields,
    small_log,
)
from tests.verifier.scenario import INDEX, ISSUER_PEM, POLICY, W1, W2, Scenario
from tests.verifier.scenarios import scenarios
from tests.verifier.test_policy import ml_dsa_vkey

KEY = ("--log-key", "@log.vkey")
LEDGER = small_log()
BUNDLE = LEDGER.bundle(INDEX, disclosed=disclosures()[:2]).encode()
EXIT_CODES = {"verified": 0, "failed": 1, "could-not-check": 3}


def options(desk: Desk, scenario: Scenario) -> list[str]:
    given = ["file"]
    desk.put("file", scenario.data)
    for key in scenario.log_keys:
        given += ["--log-key", key]
    for name, content in (
        ("policy", scenario.policy),
        ("issuer-key", scenario.issuer_key),
        ("statement", scenario.statement),
        ("disclosures", scenario.disclosures),
    ):
        if content is not None:
            given += [f"--{name}", desk.put(name, content)]
    if scenario.entry_id is not None:
        given += ["--entry-id", scenario.entry_id.hex()]
    return given


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=one.name) for one in scenarios() if one.log_keys or one.policy]
)
def test_every_scenario_has_its_exit_code(desk: Desk, scenario: Scenario) -> None:
    given = options(desk, scenario)
    people, machines = desk.run("verify", *given), desk.run("verify", "--json", *given)
    assert people.code == machines.code == EXIT_CODES[scenario.verdict]
    assert machines.document["verdict"] == scenario.verdict
    statuses = {step["id"]: step["status"] for step in machines.document["steps"]}
    assert tuple(name for name, status in statuses.items() if status == "failed") == scenario.failed
    assert {"verified": "VERIFIED", "failed": "FAILED", "could-not-check": "COULD NOT CHECK"}[
        scenario.verdict
    ] in people.out
    assert people.err == machines.err == ""
    assert machines.out.isascii()
    assert "\x1b" not in people.out


def test_a_verified_record_is_summed_up_for_people(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE)
    out = desk.run("verify", "d.glasslog", *KEY).out
    for words in (
        "d.glasslog  evidence bundle",
        " 1 ✓ The file is well formed",
        " 5 \u2013 Enough witnesses cosigned the checkpoint    not asked: no trust policy was given",
        "11 ✓ The disclosures open commitments            opened: input, output; still closed: features",
        "VERIFIED",
        "Issuer        https://clinic.example",
        "System        urn:example:triage (production)",
        "Time          2025-01-01T00:00:00.000Z",
        "Model         risk-model-7 (asked for risk-model), score by clinic, digest-measured",
        "Decision      refer, score 0.875, threshold 0.5, because of age, lesion",
        "Status        completed, automation in-loop",
        "Guardrails    Range check 1.0 (llm_input, pre): allow",
        "Disclosed     input: 42 years, smoker",
        "Not disclosed features",
        f"Entry id      {LEDGER.entries[INDEX].leaf_hash.hex()} (entry 4)",
        "Logged at     2025-01-01T00:00:00Z",
        "Log           log.example/2025, 7 entries",
        "This file does not show:",
        "  - whether everybody is shown the same tree: no quorum of witnesses was checked",
    ):
        assert words in out


def test_a_failure_says_what_was_expected_and_found(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE.replace(b"refer", b"admit"))
    out = desk.run("verify", "d.glasslog", *KEY).out
    assert " 6 ✗ The checkpoint's tree holds the entry" in out
    assert "      expected the inclusion path to lead to root " in out
    assert "      found   " in out
    assert "      see     RFC 9162 section 2.1.3.2" in out
    assert " 9 · The issuer's key was registered before      not reached, depends on step 6" in out
    assert "FAILED: step 6, 7" in out
    assert "does not show" not in out
    assert "refer" not in out


def test_the_document_has_the_fields_that_are_documented(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE)
    document = desk.run("verify", "d.glasslog", *KEY, "--json").document
    assert list(document) == ["glasslog", "file", "type", "verdict", "error", "steps", "shown", "not_shown"]
    assert (document["glasslog"], document["type"], document["error"]) == (__version__, "bundle", None)
    assert list(document["steps"][0]) == [
        "number",
        "id",
        "title",
        "specification",
        "status",
        "expected",
        "found",
        "reason",
        "error",
    ]
    shown = document["shown"]
    assert list(shown) == [
        "checkpoint",
        "cosigners",
        "entry_id",
        "index",
        "logged_at",
        "issuer",
        "subject",
        "kid",
        "content_type",
        "record",
        "disclosures",
        "closed",
        "erased",
    ]
    assert shown["checkpoint"] == {"origin": "log.example/2025", "size": 7, "root": LEDGER.tree().root().hex()}
    assert shown["record"]["body"]["decision"]["label"] == "refer"
    assert shown["record"]["id"] == {"hex": LEDGER.entries[INDEX].payload[8:24].hex()}
    assert shown["disclosures"] == {"input": "42 years, smoker", "output": {"risk": 0.875}}
    assert shown["closed"] == ["features"]


def test_the_document_of_a_failure_shows_no_record(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE.replace(b"refer", b"admit"))
    document = desk.run("verify", "d.glasslog", *KEY, "--json").document
    assert document["shown"] is None
    failed = [step for step in document["steps"] if step["status"] == "failed"]
    assert [step["error"] for step in failed] == ["bad_proof", "bad_signature"]
    assert all(step["expected"] and step["found"] for step in failed)


def test_other_files_are_summed_up_too(desk: Desk) -> None:
    desk.put("policy", POLICY)
    desk.put("checkpoint", LEDGER.checkpoint(witnesses=[W1, W2]))
    out = desk.run("verify", "checkpoint", *KEY, "--policy", "policy").out
    assert "Cosigned by   w1, w2" in out
    assert "does not show" not in out
    desk.put("issuer.pem", ISSUER_PEM)
    desk.put("registration.cose", LEDGER.transparent_statement(1))
    desk.put("operator.pem", encode_public_key(OPERATOR_KEY.public_key))
    out = desk.run("verify", "registration.cose", *KEY, "--issuer-key", "operator.pem").out
    assert "Record        issuer-registration" in out
    assert "Key           register" in out


def test_records_with_more_and_with_less_are_summed_up(desk: Desk) -> None:
    ledger = small_log(0)
    bare = {name: value for name, value in inference_body().items() if name not in {"decision", "response_model"}}
    more = inference_body()
    more["decision"] = {"label": "refer"}
    more["guardrails"] = [{**guardrail_execution(), "decision": "deny", "reason_code": "age"}]
    for body, extra in (({**bare, "guardrails": []}, {}), (more, {"end": TIME_S * 1_000 + 7})):
        payload = encode_record(record_fields("inference", body, **extra))
        ledger.append(sign_statement(ISSUER_KEY, issuer="https://clinic.example", subject="urn:x", payload=payload))
    desk.put("bare", ledger.bundle(2).encode())
    out = desk.run("verify", "bare", *KEY).out
    assert "Model         risk-model, score by clinic" in out
    assert "Guardrails    none in this record" in out
    assert "Decision" not in out
    desk.put("more", ledger.bundle(3).encode())
    out = desk.run("verify", "more", *KEY).out
    assert "Decision      refer\n" in out
    assert "Guardrails    Range check 1.0 (llm_input, pre): deny because of age" in out
    assert "Time          2025-01-01T00:00:00.000Z to 2025-01-01T00:00:00.007Z" in out


def test_content_that_is_no_record_is_named(desk: Desk) -> None:
    [scenario] = [scenario for scenario in scenarios() if scenario.name == "content-that-is-no-record"]
    desk.put("json", scenario.data)
    assert "Content       application/json, 2 bytes" in desk.run("verify", "json", *KEY).out


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x1b[1;32mVERIFIED\r\n\u202e[bold]x[/bold]"


def test_nothing_in_a_file_drives_the_terminal(desk: Desk) -> None:
    hostile = Disclosure(digest("salt")[:16], {HOSTILE: HOSTILE}, HOSTILE)
    desk.put("hostile", LEDGER.bundle(INDEX, disclosed=[hostile]).encode())
    for outcome in (desk.run("verify", "hostile", *KEY), desk.run("verify", "hostile", *KEY, "--json")):
        assert outcome.code == 1
        assert all(character.isprintable() for character in outcome.out.replace("\n", ""))
    desk.put("disclosures", encode_disclosures([hostile]))
    assert all(character.isprintable() for character in desk.run("inspect", "disclosures").out.replace("\n", ""))


def test_rich_markup_in_a_file_stays_text(desk: Desk) -> None:
    ledger = small_log(0)
    body = {**inference_body(), "requested_model": "[red]a[/red] :smile: [link=x]", "response_model": "\\[b]"}
    payload = encode_record(record_fields("inference", body))
    ledger.append(sign_statement(ISSUER_KEY, issuer="https://clinic.example", subject="urn:x", payload=payload))
    desk.put("markup", ledger.bundle(2).encode())
    assert "Model         \\\\[b] (asked for [red]a[/red] :smile: [link=x])" in desk.run("verify", "markup", *KEY).out


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "missing", *KEY],
        ["verify", ".", *KEY],
        ["verify", "d.glasslog"],
        ["verify", "d.glasslog", "--log-key", "nonsense"],
        ["verify", "d.glasslog", "--log-key", "@missing"],
        ["verify", "d.glasslog", "--log-key", "@binary"],
        ["verify", "d.glasslog", "--log-key", str(Witness("w1").vkey)],
        ["verify", "d.glasslog", "--log-key", ml_dsa_vkey("pq.example")],
        ["verify", "d.glasslog", *KEY, "--policy", "missing"],
        ["verify", "d.glasslog", *KEY, "--policy", "d.glasslog"],
        ["verify", "d.glasslog", "--policy", "nobody.policy"],
        ["verify", "d.glasslog", *KEY, "--issuer-key", "log.vkey"],
        ["verify", "d.glasslog", *KEY, "--statement", "missing"],
        ["verify", "d.glasslog", *KEY, "--disclosures", "missing"],
        ["verify", "d.glasslog", *KEY, "--entry-id", "00"],
        ["verify", "d.glasslog", *KEY, "--unknown"],
        ["verify", "d.glasslog", "more", *KEY],
        ["unknown"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(desk: Desk, arguments: list[str]) -> None:
    desk.put("d.glasslog", BUNDLE)
    desk.put("binary", b"\xff\xfe")
    desk.put("nobody.policy", "quorum none\n")
    outcome = desk.run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Usage: glasslog" in outcome.err


def test_a_policy_with_logs_takes_the_place_of_the_key(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE)
    desk.put("policy", f"log {VKEY}\nquorum none\n")
    assert desk.run("verify", "d.glasslog", "--policy", "policy").code == 0
    desk.put("policy", f"log {ml_dsa_vkey('pq.example')}\nquorum none\n")
    assert desk.run("verify", "d.glasslog", "--policy", "policy").code == 3


def test_a_file_can_come_from_standard_input(desk: Desk) -> None:
    outcome = desk.run_apart("verify", "-", "--log-key", str(VKEY), stdin=BUNDLE)
    assert outcome.code == 0
    assert "VERIFIED" in outcome.out


@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_that_cannot_be_read_could_not_be_checked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    desk.put("d.glasslog", BUNDLE)

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("pathlib.Path.open", fail)
    outcome = desk.run("verify", "d.glasslog", "--log-key", str(VKEY), *["--json"] * as_json)
    assert outcome.code == 3
    if as_json:
        assert outcome.document["verdict"] == "could-not-check"
        assert outcome.document["error"] == {
            "code": "could_not_check",
            "message": "cannot read d.glasslog: Input/output error",
        }
    else:
        assert outcome.err == "Error: cannot read d.glasslog: Input/output error\n"


def test_a_file_that_is_too_large_is_malformed(desk: Desk) -> None:
    with (desk.folder / "huge").open("wb") as file:
        file.truncate(BUNDLE_BYTES_MAX + 1)
    outcome = desk.run("verify", "huge", *KEY)
    assert outcome.code == 1
    assert "at most" in outcome.err
    document = desk.run("verify", "huge", *KEY, "--json").document
    assert (document["verdict"], document["error"]["code"], document["steps"]) == ("failed", "malformed", [])


def test_a_mistake_of_ours_is_no_verdict(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        msg = "a bug"
        raise RuntimeError(msg)

    monkeypatch.setattr(program.commands, "main", fail)
    outcome = desk.run("verify")
    assert outcome.code == 3
    assert "RuntimeError: a bug" in outcome.err


def test_an_interruption_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr(program.commands, "main", interrupt)
    assert main([]) == 130


def test_the_version_and_the_commands_are_told(desk: Desk) -> None:
    assert desk.run("--version").out == f"glasslog {__version__}\n"
    outcome = desk.run("--help")
    assert outcome.code == 0
    assert [outcome.out.index(name) for name in ("verify", "inspect", "fetch")] == sorted(
        outcome.out.index(name) for name in ("verify", "inspect", "fetch")
    )


# ------------------------------------------------------------------------------------------ in a process of its own


def test_the_program_has_every_exit_code(desk: Desk) -> None:
    desk.put("good", BUNDLE)
    desk.put("bad", BUNDLE[:-1])
    desk.put("open", LEDGER.transparent_statement(INDEX))
    for name, code in (("good", 0), ("bad", 1), ("open", 3)):
        assert desk.run_apart("verify", name, *KEY).code == code
    assert desk.run_apart("verify", "good").code == 2


def test_the_console_script_is_the_same_program(desk: Desk) -> None:
    script = shutil.which("glasslog", path=str(Path(sys.executable).parent))
    if script is None:
        pytest.skip("the package is on the path, but not installed")
    outcome = desk.run_apart("--version", program=(script,))
    assert (outcome.code, outcome.out) == (0, f"glasslog {__version__}\n")


def test_verification_touches_no_network_and_no_other_package(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE)
    script = (
        "import sys; from glasslog.cli import main;"
        f"code = main(['verify', 'd.glasslog', '--log-key', {str(VKEY)!r}]);"
        "wrong = {'urllib3', 'socket', 'ssl', 'asyncio', 'http', 'glasslog_server', 'glasslog_issuer'};"
        "wrong &= set(sys.modules);"
        "print(sorted(wrong)); sys.exit(code)"
    )
    outcome = desk.run_apart("-c", script, program=(sys.executable,))
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_changes_no_verdict(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE)
    script = (
        "import os, sys; from glasslog.cli import main;"
        "reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 1);"
        f"sys.exit(main(['verify', 'd.glasslog', '--log-key', {str(VKEY)!r}]))"
    )
    outcome = desk.run_apart("-c", script, program=(sys.executable,))
    assert (outcome.code, outcome.err) == (0, "")


def test_a_terminal_without_unicode_gets_words(desk: Desk) -> None:
    desk.put("d.glasslog", LEDGER.bundle(INDEX, disclosed=[disclosures()[0]]).encode())
    outcome = desk.run_apart("verify", "d.glasslog", *KEY, PYTHONIOENCODING="ascii")
    assert outcome.code == 0
    assert " 1 ok   The file is well formed" in outcome.out
    assert outcome.out.isascii()


def test_colours_go_to_terminals_alone(desk: Desk) -> None:
    desk.put("d.glasslog", BUNDLE)
    plain = desk.run_apart("verify", "d.glasslog", *KEY)
    coloured = desk.run_apart("verify", "d.glasslog", *KEY, FORCE_COLOR="1", TERM="xterm")
    assert "\x1b" not in plain.out
    assert "\x1b[32m✓" in coloured.out
    refused = desk.run_apart("verify", "d.glasslog", *KEY, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1")
    assert "\x1b[32m" not in refused.out
