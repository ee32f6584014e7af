"""The files of a written log behind a real HTTP server, changed as a test likes, and audits of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from glasslog.audit.database import Database
from glasslog.audit.scope import Scope
from glasslog.heads import decode_heads, encode_heads
from glasslog.mirror.audit import Audited, Request, audit
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Silence
from glasslog.mirror.sync import Trust
from glasslog.sources.directory import DirectorySource
from glasslog.sources.fetching import Patience
from glasslog.sources.static_http import HttpLogSource
from tests.verifier.log_server import Answer, LogServer
from tests.verifier.mirror.written_log import WrittenLog

QUICK = Patience(connect_s=10, read_s=10, answer_s=30, tries=3, backoff_s=0)

REPLAY_CHECKS = ("tree", "consistency", "signature", "authority", "schema", "stream-gaps")


def files_of(log: WrittenLog, size: int | None = None) -> dict[str, bytes]:
    return dict(log.files(size))


def serve_files(files: Mapping[str, bytes]) -> Callable[[str], Answer]:
    """Answer as a log with these files does."""

    def answer(path: str) -> Answer:
        parts = urlsplit(path)
        name = parts.path.lstrip("/")
        if name == "heads":
            query = parse_qs(parts.query)
            start, limit = int(query["start"][0]), int(query["limit"][0])
            heads = [head for head in decode_heads(files["heads"]) if head.size >= start]
            return Answer(body=encode_heads(heads[:limit]), media_type="application/cbor-seq")
        if name in files:
            return Answer(body=files[name], media_type="application/octet-stream")
        return Answer(404, b'{"title": "Not Found"}', "application/problem+json")

    return answer


def audit_folder(log: WrittenLog, folder: Path, state: Path, **more: Any) -> Audited:  # noqa: ANN401
    """Audit a folder in place."""
    place = Place("folder", str(folder))
    return _audit(log, DirectorySource(folder), place, state, more)


def audit_http(log: WrittenLog, answer: Callable[[str], Answer], state: Path, **more: Any) -> Audited:  # noqa: ANN401
    """Mirror a log from a server that answers so, and audit it."""
    with LogServer(answer).running() as server:
        source = HttpLogSource(server.url, patience=QUICK)
        try:
            return _audit(log, source, Place(), state, more)
        finally:
            source.close()


def _audit(log: WrittenLog, source: Any, place: Place, state: Path, more: dict[str, Any]) -> Audited:  # noqa: ANN401
    options = {"trust": Trust((log.vkey,)), "scope": Scope(), "names": REPLAY_CHECKS, "processes": 0, **more}
    return audit(Request(source=source, place=place, state=state, **options), Silence())


def rows(state: Path) -> list[tuple[Any, ...]]:
    """Return every row that a replay has written, table by table."""
    database = Database.open(state / "audit.sqlite")
    try:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [(table, *row) for table in sorted(tables) for row in database.execute(f"SELECT * FROM {table}")]  # noqa: S608
    finally:
        database.close()


def outcome(audited: Audited) -> dict[str, str]:
    """Return the status of each step by id."""
    return {step.check.id: step.status.value for step in audited.steps}


def findings(audited: Audited) -> list[tuple[str, tuple[int, ...]]]:
    assert audited.result is not None
    return [
        (finding["check"], tuple(finding["entries"])) for check in audited.result.checks for finding in check.findings
    ]


def stored(state: Path) -> set[str]:
    return {str(path.relative_to(state)) for path in state.glob("tile/**/*") if path.is_file()}
