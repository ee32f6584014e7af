"""Run the load generator beside a log and bring back what it saw."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 900


@dataclass(frozen=True, slots=True)
class Seen:
    """What the load generator saw: wall seconds, statuses of the answers, milliseconds to each good one."""

    statements: int
    seconds: float
    statuses: dict[str, int]
    latencies_ms: list[float]

    @property
    def rate(self) -> float:
        """Return statements a second."""
        return self.statements / self.seconds

    def latency_ms(self, share: float) -> float:
        """Return the latency that this share of the answers did not exceed."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def check_all_good(self) -> None:
        """Raise when an answer was no good one: then the figure would be of something else."""
        bad = {status: number for status, number in self.statuses.items() if status not in {"200", "201"}}
        if bad:
            msg = f"expected every statement to be logged, got the statuses {bad}"
            raise RuntimeError(msg)


def generate(url: str, corpus: Path, *options: object) -> Seen:
    """Load a log with a corpus; `options` are those of `python -m benchmarks.generator`."""
    command = [sys.executable, "-m", "benchmarks.generator", url, str(corpus), *map(str, options)]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=_TIMEOUT_S)
    return Seen(**json.loads(process.stdout))
