"""What `docs/guardrails.md` shows runs, and its tables name what there is."""

import hashlib
import re
from pathlib import Path
from typing import Any

from glasslog_issuer import SignedRecord
from glasslog_issuer.recording import DirectRecording
from tests.issuer.guardrails.products import BEDROCK, MAPPINGS
from tests.issuer.parties import make_issuer
from tests.verifier.evidence import TIME_MS

PAGE = (Path(__file__).parents[3] / "docs" / "guardrails.md").read_text()


def test_the_example_runs() -> None:
    records: list[SignedRecord] = []
    [program] = re.findall(r"<!-- tested: example -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    issuer = make_issuer()
    names: dict[str, Any] = {
        "policy_digest": hashlib.sha256(b"the guardrail").digest(),
        "started_ms": TIME_MS,
        "latency_ms": 310,
        "response": BEDROCK,
        "recorder": DirectRecording(issuer, lambda signed, _: records.append(signed)),
        "urn": issuer.new_decision(),
    }
    exec(compile(program, "the page", "exec"), names)  # noqa: S102  it is ours
    [signed] = records
    assert (signed.record.type, signed.decision) == ("guardrail-execution", names["urn"])


def test_every_mapping_is_on_the_page() -> None:
    assert [name for name in MAPPINGS if f"`{name}_execution(" not in PAGE] == []
