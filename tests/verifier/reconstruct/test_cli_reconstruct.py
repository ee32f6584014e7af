"""`glasslog reconstruct` as it is used: against a server, offline, with vaults, and its exit codes."""

import base64
import json
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from glasslog.commitments import encode_disclosures
from glasslog.errors import UncheckableError
from glasslog.merkle import Hash
from glasslog.reconstruct import Disclosed
from glasslog.reconstruct.opening import VAULTS
from glasslog.sources import vaults
from tests.verifier.desk import Desk
from tests.verifier.evidence import uuid7
from tests.verifier.log_server import MEDIA_TYPES, Answer, LogServer, json_answer
from tests.verifier.pages.documents import faults
from tests.verifier.reconstruct.story import DECISION, Drawer, Story

STORY = Story()
KEY = f"{STORY.ledger.vkey}"
OPENED = encode_disclosures(STORY.opened[:2])


def answers(story: Story) -> Callable[[str], Answer]:
    """Return the answers of a log's server, in pages of ten entries."""

    def answer(path: str) -> Answer:
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        kind, _, name = parts.path.lstrip("/").partition("/")
        if kind == "decisions":
            return _page(story, unquote(name), int(query.get("from", ["0"])[0]))
        if kind == "entries":
            entry_id, form = Hash(bytes.fromhex(name)), query["format"][0]
            body = story.log.bundle(entry_id) if form == "bundle" else story.log.statement(entry_id)
            return Answer(body=body, media_type=MEDIA_TYPES[form])
        if kind == "proofs":
            old, new = map(int, name.split("/")[1:])
            path_between = story.ledger.tree().consistency_path(old, new)
            return json_answer({"path": [base64.b64encode(element).decode() for element in path_between]})
        return Answer(404, b'{"title": "Not Found"}', "application/problem+json")

    return answer


def _page(story: Story, subject: str, start: int) -> Answer:
    entries = [
        {"entry_id": statement.leaf_hash.hex(), "index": index}
        for index, statement in enumerate(story.ledger.entries)
        if statement.subject == subject and index >= start
    ]
    document: dict[str, object] = {"subject": subject, "entries": entries[:10]}
    if len(entries) > 10:
        document["next"] = entries[10]["index"]
    return json_answer(document)


@pytest.fixture(scope="module")
def server() -> Iterator[LogServer]:
    story = Story()
    story.log.sizes = {story.id_of("model"): story.ledger.size - 3}
    with LogServer(answers(story)).running() as running:
        yield running


def test_a_decision_is_written_as_page_document_and_evidence(desk: Desk, server: LogServer) -> None:
    desk.put("opened.cbor", OPENED)
    outcome = desk.run(
        "reconstruct", "--decision", DECISION, "--log", server.url, "--log-key", KEY, "--disclosures", "opened.cbor",
        "-o", "out",
    )  # fmt: skip
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("EVERYTHING FOUND VERIFIES  22 of 22 entries")
    assert "decided “urgent”" in outcome.out
    html = (desk.folder / "out" / "reconstruction.html").read_text()
    document = json.loads((desk.folder / "out" / "reconstruction.json").read_text())
    assert faults(html) == []
    assert document["verdict"] == "verified"
    assert {value["name"]: value["state"] for value in document["values"]} == {
        "input": "opened",
        "output": "opened",
        "features": "erased",
    }
    assert {entry["file"] for entry in document["entries"]} == {
        path.name for path in (desk.folder / "out" / "evidence").glob("*.glasslog")
    }


def test_a_third_party_needs_the_folder_and_the_key(desk: Desk, server: LogServer) -> None:
    asked = ("reconstruct", "--decision", DECISION, "--log-key", KEY)
    assert desk.run(*asked, "--log", server.url, "-o", "first.html", "--keep", "evidence").code == 0
    requests = len(server.asked)
    offline = desk.run(*asked, "--from", "evidence", "-o", "second.html", "--json", "second.json")
    assert (offline.code, offline.err) == (0, "")
    assert len(server.asked) == requests, "nothing was asked of the log"
    assert json.loads((desk.folder / "second.json").read_text())["counts"]["verified"] == 22
    for file in sorted((desk.folder / "evidence").glob("*.glasslog"))[:3]:
        assert desk.run("verify", str(file), "--log-key", KEY, "--entry-id", file.stem).code == 0


def test_the_page_alone_is_written_where_it_is_asked_for(desk: Desk, server: LogServer) -> None:
    asked = ("reconstruct", "--decision", DECISION, "--log", server.url, "--log-key", KEY)
    assert desk.run(*asked, "-o", "page.html").code == 0
    assert {path.name for path in desk.folder.iterdir()} == {"log.vkey", "page.html"}


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["--decision", "no urn", "--log", "http://localhost:1"], "Invalid value for '--decision'"),
        (["--decision", DECISION], "Say where to read"),
        (["--decision", DECISION, "--log", "http://localhost:1", "--from", "."], "Say where to read"),
        (["--decision", DECISION, "--from", ".", "--vault", "."], "opened by its master key"),
        (["--decision", DECISION, "--from", ".", "--system-entries", "0"], "Invalid value for '--system-entries'"),
    ],
)
def test_wrong_usage(desk: Desk, arguments: list[str], told: str) -> None:
    outcome = desk.run("reconstruct", *arguments, "--log-key", KEY, "-o", "out")
    assert outcome.code == 2
    assert told in outcome.err


def test_without_a_key_it_is_not_begun(desk: Desk) -> None:
    outcome = desk.run("reconstruct", "--decision", DECISION, "--log", "http://localhost:1", "-o", "out")
    assert (outcome.code, "Say which log to trust" in outcome.err) == (2, True)


def test_what_fails_is_written_and_told(desk: Desk) -> None:
    story = Story()
    story.log.bundles[story.id_of("review")] = lambda: story.bundle(story.id_of("model"))
    with LogServer(answers(story)).running() as lying:
        outcome = desk.run(
            "reconstruct", "--decision", DECISION, "--log", lying.url, "--log-key", KEY, "-o", "out"
        )  # fmt: skip
    assert outcome.code == 1
    assert outcome.out.startswith("SOMETHING DOES NOT VERIFY  21 of 22 entries")
    assert f"{story.id_of('review').hex()}: failed, about the decision" in outcome.out
    assert json.loads((desk.folder / "out" / "reconstruction.json").read_text())["verdict"] == "failed"


def test_what_is_missing_is_told_and_no_failure(desk: Desk) -> None:
    story = Story("model")
    with LogServer(answers(story)).running() as server:
        outcome = desk.run(
            "reconstruct", "--decision", DECISION, "--log", server.url, "--log-key", f"{story.ledger.vkey}", "-o", "out"
        )  # fmt: skip
    assert outcome.code == 0
    assert "was not found in the log under" in outcome.out
    assert "(not in the log)" in outcome.out


def test_a_log_that_does_not_know_the_decision_shows_nothing(desk: Desk, server: LogServer) -> None:
    asked = ("reconstruct", "--log", server.url, "--log-key", KEY, "-o", "out")
    outcome = desk.run(*asked, "--decision", "urn:uuid:00000000-0000-4000-8000-000000000000")
    assert outcome.code == 3
    assert "The log has no entry about" in outcome.out
    assert not (desk.folder / "out" / "evidence").exists()


def test_a_log_that_does_not_answer_could_not_be_checked(desk: Desk) -> None:
    with LogServer(lambda _: Answer(500)).running() as broken:
        outcome = desk.run(
            "reconstruct", "--decision", DECISION, "--log", broken.url, "--log-key", KEY, "-o", "out"
        )  # fmt: skip
    assert outcome.code == 3
    assert "The log could not be asked about" in outcome.out


# -------------------------------------------------------------------------------------------------------------- vaults


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let packages bring vaults: `names` are functions of this module."""
    points = EntryPoints(EntryPoint(name, f"{__name__}:{name}", VAULTS) for name in names)
    monkeypatch.setattr(vaults, "entry_points", lambda group: points.select(group=group))


def open_drawer(folder: Path, master_key: bytes) -> Drawer:
    if master_key != bytes(range(32)):
        msg = "expected the key of this vault, got another"
        raise UncheckableError(msg)
    return Drawer({uuid7("inference"): Disclosed(STORY.opened[:1])})


def with_vault(desk: Desk, server: LogServer, key: bytes | str, mode: int = 0o600) -> tuple[int, str]:
    (desk.folder / "vault").mkdir(exist_ok=True)
    (desk.folder / desk.put("master.key", key)).chmod(mode)
    outcome = desk.run(
        "reconstruct", "--decision", DECISION, "--log", server.url, "--log-key", KEY, "-o", "out",
        "--vault", "vault", "--master-key", "master.key",
    )  # fmt: skip
    return outcome.code, outcome.err


@pytest.mark.parametrize("key", [bytes(range(32)), bytes(range(32)).hex() + "\n"])
def test_a_vault_is_opened_by_the_package_that_keeps_it(
    desk: Desk, server: LogServer, monkeypatch: pytest.MonkeyPatch, key: bytes | str
) -> None:
    installed(monkeypatch, "open_drawer")
    assert with_vault(desk, server, key) == (0, "")
    document = json.loads((desk.folder / "out" / "reconstruction.json").read_text())
    assert [value["state"] for value in document["values"]] == ["opened", "closed", "erased"]


@pytest.mark.parametrize(
    "key, mode, told",
    [
        (bytes(32), 0o600, "expected the key of this vault"),
        (b"short", 0o600, "expected a master key of 64 hex digits"),
        (bytes(range(32)), 0o644, "its owner alone can read, got mode 0644"),
    ],
)
def test_a_vault_that_cannot_be_opened_could_not_be_checked(
    desk: Desk, server: LogServer, monkeypatch: pytest.MonkeyPatch, key: bytes, mode: int, told: str
) -> None:
    installed(monkeypatch, "open_drawer")
    code, said = with_vault(desk, server, key, mode)
    assert (code, told in said) == (3, True), said


@pytest.mark.parametrize("names", [[], ["open_drawer", "with_vault"]])
def test_one_package_must_bring_vaults(
    desk: Desk, server: LogServer, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    installed(monkeypatch, *names)
    code, said = with_vault(desk, server, bytes(32))
    assert (code, "expected one installed package that opens vaults" in said) == (3, True)
