"""The three lines of docs/opentelemetry.md, with a real log behind them."""

import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from glasslog.bundle import decode_bundle
from glasslog.sources.http import HttpLog
from glasslog.statement import decode_statement
from glasslog.verify import Trust, Verdict, verify
from glasslog.vkey import decode_vkey
from glasslog_issuer import load_key
from glasslog_issuer.otel import decision
from glasslog_issuer.vault import Vault, generate_master_key
from tests.issuer.otel.tracing import CHAT, GUARDRAIL, SECRET
from tests.issuer.real_log import ISSUER, RealLog

PAGE = (Path(__file__).parents[3] / "docs" / "opentelemetry.md").read_text()


def test_the_three_lines_put_a_service_on_the_log(
    real_log: RealLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.chdir(tmp_path)
    [lines] = re.findall(r"<!-- tested: three lines -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    master_key = generate_master_key()
    Vault.create(tmp_path / "vault", master_key)
    with Vault.open(tmp_path / "vault", master_key) as vault:
        settings: dict[str, Any] = {
            "issuer": ISSUER,
            "signer": load_key(real_log.key_path),
            "system": "urn:example:desk",
            "env": "production",
            "stream": f"otel-{tmp_path.name}",
            "log_url": real_log.url,
            "log_keys": [real_log.vkey],
            "vault": vault,
        }
        names: dict[str, Any] = {"settings": settings}
        exec(compile(lines, "the page", "exec"), names)  # noqa: S102  it is ours
        tracer = provider.get_tracer("desk")
        with decision(subject="patient-81") as urn, tracer.start_as_current_span("chat", attributes=CHAT):
            tracer.start_span("guardrail", attributes=GUARDRAIL).end()
        names["recorder"].flush(30)
        with_log = HttpLog(real_log.url)
        [entry_id] = with_log.decision(urn)
        bundle = with_log.entry(entry_id)
        with_log.close()
        statement = decode_statement(decode_bundle(bundle).statement)
        opened = {found.name: found.value for found in vault.disclosures(vault.find(urn)[0])}
        names["recorder"].close()
    assert verify(bundle, Trust(log_keys=(decode_vkey(real_log.vkey.strip()),))).verdict is Verdict.VERIFIED
    assert opened["input"][0]["parts"][0]["content"] == SECRET
    assert b"Doe" not in bundle
    assert statement.subject == urn
