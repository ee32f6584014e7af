"""A decision is reconstructed from a real server: by the commands of docs/reconstruct.md, and with a real vault."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from glasslog_issuer.bodies import ConfigRegistration, Decision, Inference, ModelRegistration, Oversight, Provider
from glasslog_issuer.record import Issuer
from glasslog_issuer.recording import DirectRecording
from glasslog_issuer.stream import Stream
from glasslog_issuer.vault import Vault, write_master_key
from tests.e2e.client import Client
from tests.e2e.installed import Installed
from tests.e2e.processes import PATIENCE_S, Server
from tests.verifier.pages.documents import faults, read_page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reconstruct.md").read_text()
MODULES = {"glasslog": "glasslog", "glasslog-server": "glasslog_server", "glasslog-issuer": "glasslog_issuer"}
BLOCKS = re.findall(r"<!-- tested: [^>]*-->\n```sh\n(.*?)```", PAGE, re.DOTALL)
MASTER_KEY = bytes(range(32))


@pytest.fixture
def programs(tmp_path: Path) -> dict[str, str]:
    """Put our commands on the path, whether or not they are installed as scripts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, module in MODULES.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n')
        script.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "NO_COLOR": "1"}


@pytest.fixture
def development_log(tmp_path: Path, programs: dict[str, str]) -> Iterator[str]:
    """Return the port of a log as the README starts it."""
    start = ["glasslog-server", "dev", "--dir", "./dev-log", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(start, cwd=tmp_path, env=programs, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = re.search(r"http://\S+:(\d+)", server.stdout.readline())
            assert ready is not None
            yield ready[1]
        finally:
            server.send_signal(signal.SIGTERM)


def test_the_commands_of_the_page_run_as_they_stand(
    tmp_path: Path, programs: dict[str, str], development_log: str
) -> None:
    assert len(BLOCKS) == 3
    script = "".join(BLOCKS).replace("127.0.0.1:8600", f"127.0.0.1:{development_log}")
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=programs,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("EVERYTHING FOUND VERIFIES  5 of 5 entries") == 2
    assert done.stdout.count("VERIFIED\n") == 5
    assert "The guardrail burned-in-text is required by film checks 2; no execution of it was found." in done.stdout
    document = json.loads((tmp_path / "answer" / "reconstruction.json").read_text())
    assert [value["value"] for value in document["values"]] == [
        "PA chest film, 54 y, cough for two weeks",
        "no urgent finding",
    ]
    for name in ("answer/reconstruction.html", "again.html"):
        assert faults((tmp_path / name).read_text()) == []
    assert "cough for two weeks" not in (tmp_path / "again.html").read_text()
    assert {gap["kind"] for gap in document["gaps"]} == {"absent"}


def test_every_field_of_the_document_is_described_on_the_page(
    tmp_path: Path, programs: dict[str, str], development_log: str
) -> None:
    script = "".join(BLOCKS[:2]).replace("127.0.0.1:8600", f"127.0.0.1:{development_log}")
    subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=programs, capture_output=True, timeout=PATIENCE_S, check=True
    )
    document = json.loads((tmp_path / "answer" / "reconstruction.json").read_text())
    rows = re.findall(r"(?m)^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", PAGE.partition("## The document")[2])
    described = {name for row in rows for name in re.findall(r"[a-z_]+", row)}
    assert document.keys() <= described
    nested = {
        key
        for part in document.values()
        if isinstance(part, list)
        for each in part
        if isinstance(each, dict)
        for key in each
    }
    table = PAGE.partition("## The document")[2].partition("## Opening")[0]
    unnamed = {key for key in nested if f"`{key}`" not in table}
    assert unnamed <= {"inference", "requested", "answered", "model_id", "configuration_id"}, "named in words"


@pytest.fixture
def server(log: Installed) -> Iterator[Server]:
    with log.serve().ready() as running:
        yield running
        assert running.stop() == 0


class Case:
    """A decision in a real log, with its content in a real vault."""

    def __init__(self, log: Installed, server: Server, folder: Path) -> None:
        self.log = log
        self.server = server
        self.folder = folder
        stream = Stream("case")
        self.issuer = Issuer(
            log.issuer.name, log.issuer.key, system="urn:example:case", env="production", stream=stream
        )
        self.client = Client(server.url, log.vkey)
        self.vault_folder = folder / "vault"
        self.key_file = folder / "vault.key"
        write_master_key(self.key_file, MASTER_KEY)
        Vault.create(self.vault_folder, MASTER_KEY)
        self.decision = self.issuer.new_decision()

    def record(self, vault: Vault) -> None:
        model = self.issuer.sign(
            ModelRegistration(name="case", version="1", kind="hosted", publisher="clinic", assurance="self-asserted")
        )
        rules = self.issuer.sign(ConfigRegistration(kind="threshold", name="case", version="1", digest=bytes(32)))
        inference = Inference(
            operation="classify",
            provider=Provider(name="clinic"),
            requested_model="case-1",
            model=model.id,
            model_assurance="self-asserted",
            config=rules.id,
            status="completed",
            latency_ms=3,
            automation="in-loop",
            decision=Decision(label="refer", score=0.75),
        )
        told = self.issuer.sign(inference, decision=self.decision, commit={"input": "a <b>secret</b> history"})
        vault.keep(told, "patient-7")
        looked = Oversight(
            mode="in-loop", reviewer=bytes(16), role="physician", action="approve", reason_code="agrees", seconds=12
        )
        review = self.issuer.sign(looked, decision=self.decision)
        for signed in (model, rules, told, review):
            self.client.post(signed.statement)

    def erase(self, vault: Vault) -> None:
        """Erase the patient's content, and put what was recorded of it into the log."""
        recorded = vault.erase(
            "patient-7", request_id="dsr-7", basis="gdpr-17-1-b", recording=DirectRecording(self.issuer)
        )
        assert recorded
        for statement in recorded:
            self.client.post(statement)

    def reconstruct(self, name: str) -> tuple[int, str, str]:
        """Run the program; return its exit code, the page and what it said."""
        command = [sys.executable, "-m", "glasslog", "reconstruct", "--decision", self.decision]
        command += ["--log", self.server.url, "--log-key", f"{self.log.vkey}", "-o", name]
        command += ["--vault", str(self.vault_folder), "--master-key", str(self.key_file)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        page = self.folder / name
        return done.returncode, page.read_text() if page.exists() else "", done.stdout + done.stderr


def test_a_vault_opens_what_the_log_commits_to_until_it_is_erased(
    log: Installed, server: Server, tmp_path: Path
) -> None:
    case = Case(log, server, tmp_path)
    with Vault.open(case.vault_folder, MASTER_KEY) as vault:
        case.record(vault)
    code, html, said = case.reconstruct("before.html")
    assert (code, faults(html)) == (0, []), said
    assert "a <b>secret</b> history" in read_page(html).text
    with Vault.open(case.vault_folder, MASTER_KEY) as vault:
        case.erase(vault)
    code, html, said = case.reconstruct("after.html")
    assert (code, faults(html)) == (0, []), said
    assert "secret" not in html
    assert "Erased on" in read_page(html).text
