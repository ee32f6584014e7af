"""The monitor, on a real log that grows, goes down, forks and goes back: each thing is told, once."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import urllib3

from glasslog_issuer import Client, load_key
from tests.evil.auditing import glasslog
from tests.evil.faults import FAULTS, Vendor
from tests.evil.honest import Honest
from tests.evil.liar import Liar
from tests.evil.lies import answering, serving
from tests.issuer.real_log import ISSUER, RealLog


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RealLog]:
    with RealLog(tmp_path / "log") as running:
        yield running


def fill(log: RealLog, *faults: str) -> Honest:
    records = Vendor(ISSUER, load_key(log.key_path), faults).produce()
    with Client(log.url, log_keys=[log.vkey]) as client:
        assert len(list(client.submit_many(signed.statement for signed in records))) == len(records)
    return Honest(log.url, log.folder)


def monitor(honest: Honest, url: str, state: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    """Look once; return the exit code, the alerts and what was complained of."""
    told = glasslog(
        "monitor", "--log", url, "--log-key", honest.vkey_option, "--state", state, "--once", "--json", *options
    )
    return told.code, [json.loads(line) for line in told.out.splitlines()], told.err


def test_a_clean_log_is_quiet_and_stays_so(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    for _ in range(2):
        assert monitor(honest, log.url, tmp_path / "state") == (0, [], "")


def test_every_fault_is_told_once(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log, *FAULTS)
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state")
    assert code == 1
    assert sorted(alert["alert"] for alert in alerts) == sorted(
        [
            "stream-gaps",
            "lateness",
            "guardrails",
            "model-changes",
            "providers",
            "heartbeat-gaps",
            "erasures",
        ]
    )
    assert all(alert["entry_ids"] and alert["system"] for alert in alerts)
    assert monitor(honest, log.url, tmp_path / "state") == (0, [], "")


def test_a_fork_is_told_with_its_evidence(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    assert monitor(honest, log.url, tmp_path / "state")[0] == 0
    entries = honest.entries()
    entries[40], entries[41] = entries[41], entries[40]
    with Liar(log.url, serving(honest.forged(entries))) as liar:
        code, alerts, _ = monitor(honest, liar.url, tmp_path / "state")
    assert code == 1
    [alert] = alerts
    assert (alert["alert"], alert["severity"]) == ("fork", "critical")
    shown = glasslog("verify", alert["evidence"], "--log-key", honest.vkey_option)
    assert shown.code == 0, shown.out


def test_a_rollback_is_told(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    older = honest.forged(honest.entries()).checkpoint(100)
    assert monitor(honest, log.url, tmp_path / "state")[0] == 0
    with Liar(log.url, answering("/checkpoint", older)) as liar:
        code, alerts, _ = monitor(honest, liar.url, tmp_path / "state")
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["rollback"])


def test_a_checkpoint_of_somebody_else_is_told_and_kept(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    note = honest.get("checkpoint").replace(b"log.dev.example", b"log.dev.exampel")
    with Liar(log.url, answering("/checkpoint", note)) as liar:
        code, alerts, _ = monitor(honest, liar.url, tmp_path / "state")
        again = monitor(honest, liar.url, tmp_path / "state")
    [alert] = alerts
    assert (code, alert["alert"]) == (1, "checkpoint")
    assert Path(alert["evidence"]).read_bytes() == note
    assert again[1] == []


def test_an_empty_log_is_waited_for_and_one_that_is_down_is_told_in_time(log: RealLog, tmp_path: Path) -> None:
    honest = Honest(log.url, log.folder)
    empty = honest.forged([])
    with Liar(log.url, serving(empty)) as liar:
        assert monitor(honest, liar.url, tmp_path / "state") == (0, [], "")
        fill(log)
    log.stop()
    patient = ("--unreachable-after", "3600")
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", *patient)
    assert (code, alerts) == (3, [])
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", "--unreachable-after", "0")
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["unreachable"])
    log.start()
    assert monitor(honest, log.url, tmp_path / "state")[0] == 0


def test_an_old_tree_head_is_stale(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    forged = honest.forged(honest.entries(), time=1_700_000_000)
    with Liar(log.url, serving(forged)) as liar:
        _, alerts, _ = monitor(honest, liar.url, tmp_path / "state", "--checks", "tree")
    assert [alert["alert"] for alert in alerts] == ["stale"]


def test_what_is_watched_is_told(log: RealLog, tmp_path: Path) -> None:
    records = Vendor(ISSUER, load_key(log.key_path), ()).produce()
    with Client(log.url, log_keys=[log.vkey]) as client:
        list(client.submit_many(signed.statement for signed in records))
    honest = Honest(log.url, log.folder)
    watched = next(signed for signed in records if signed.record.type == "inference")
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", "--decision", watched.decision)
    about = [signed.statement.leaf_hash.hex() for signed in records if signed.decision == watched.decision]
    assert code == 1
    assert [(alert["alert"], alert["entry_ids"]) for alert in alerts] == [("watched", [entry]) for entry in about]


class Hook(BaseHTTPRequestHandler):
    status = 200
    got: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    monkeypatch.setattr(Hook, "got", [])
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_webhook_that_fails_gets_the_alerts_again(
    log: RealLog, tmp_path: Path, hook: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = fill(log, "silent model change")
    options = ("--webhook", f"http://127.0.0.1:{hook.server_port}/")
    monkeypatch.setattr(Hook, "status", 500)
    code, _, complained = monitor(honest, log.url, tmp_path / "state", *options)
    assert code == 3
    assert "got status 500" in complained
    monkeypatch.setattr(Hook, "status", 200)
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", *options)
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["model-changes"])
    assert [alert["alert"] for alert in Hook.got[-1]["alerts"]] == ["model-changes"]
    assert monitor(honest, log.url, tmp_path / "state", *options)[0] == 0
    assert len(Hook.got) == 2


def test_it_follows_a_log_until_it_is_told_to_stop(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    command = [sys.executable, "-m", "glasslog", "monitor", "--log", log.url, "--log-key", honest.vkey_option]
    options = ["--state", str(tmp_path / "state"), "--interval", "0.2", "--json", "--metrics-listen", "127.0.0.1:0"]
    options[-1] = f"127.0.0.1:{_free_port()}"
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            metrics = _scrape(options[-1], "glasslog_monitor_tree_size")
            records = Vendor("https://issuer.dev.example", load_key(log.key_path), ("silent model change",)).produce()
            with Client(log.url, log_keys=[log.vkey]) as client:
                list(client.submit_many(signed.statement for signed in records))
            told = set()
            while "model-changes" not in told:
                told.add(json.loads(process.stdout.readline())["alert"])
            assert 'glasslog_monitor_alerts_total{log="' in _scrape(options[-1], 'alert="model-changes"')
            assert "glasslog_monitor_rounds_total" in metrics
        finally:
            process.terminate()
        assert process.wait(60) in {0, 1}


def _free_port() -> int:
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        return server.server_port


def _scrape(address: str, wanted: str) -> str:
    """Return the metrics once they say what is wanted."""
    retry = urllib3.Retry(connect=50, backoff_factor=0.1, backoff_max=0.5)
    for _ in range(10_000):
        text = urllib3.request("GET", f"http://{address}/metrics", retries=retry, timeout=10).data.decode()
        if wanted in text:
            return str(text)
    pytest.fail(f"waited in vain for {wanted}")
