"""What this demo finds out beside what every demo does."""

from dataclasses import dataclass, field
from typing import Any

from glasslog_issuer.stage.summary import Summary


@dataclass
class DeskSummary(Summary):
    """The summary of this demo. `spans` are the counts of the processor, `gaps` the missing guardrails."""

    spans: dict[str, Any] = field(default_factory=dict)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
