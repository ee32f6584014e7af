"""What the folder of an audit keeps, and how much of it."""

from pathlib import Path

from glasslog.mirror.evidence import EVIDENCE, EVIDENCE_MAX
from glasslog.mirror.state import State


def test_evidence_is_kept_once_and_has_a_limit(tmp_path: Path) -> None:
    """What comes first is kept, and forks have room whatever else was kept."""
    state = State.open(tmp_path)
    for number in range(EVIDENCE_MAX + 5):
        state.keep_evidence(f"checkpoint-{number:04d}", b"%d" % number)
    state.keep_evidence("checkpoint-0000", b"another")
    state.keep_evidence("1-a-2-b.fork", b"fork")
    state.close()
    kept = {path.name: path.read_bytes() for path in (tmp_path / EVIDENCE).iterdir()}
    assert len(kept) == EVIDENCE_MAX + 1
    assert (kept["checkpoint-0000"], kept[f"checkpoint-{EVIDENCE_MAX - 1:04d}"]) == (b"0", b"%d" % (EVIDENCE_MAX - 1))
    assert kept["1-a-2-b.fork"] == b"fork"
