"""The document and the page made from it: complete, well formed, and safe whatever the records say."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.cli.reconstruction import document_of, page_of
from glasslog.errors import UncheckableError
from glasslog.reconstruct import Disclosed, Holdings, Request, reconstruct
from glasslog.verify import Trust
from tests.verifier.evidence import STRANGER_KEY, TIME_MS, uuid7
from tests.verifier.pages.chromium import NEEDED, photograph
from tests.verifier.pages.documents import faults, read_page
from tests.verifier.reconstruct.story import DECISION, Drawer, LedgerLog, Story

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\" ' & \u202e\x1b[2J {{ 7 * 7 }}"
Document = dict[str, Any]


def document(story: Story, holdings: Holdings | None = None, trust: Trust | None = None) -> Document:
    given = trust or story.trust
    found = reconstruct(story.log, Request(DECISION), given, holdings or Holdings())
    return document_of(found, given, TIME_MS)


class Silent(LedgerLog):
    """A log whose server does not give out bundles."""

    def bundle(self, entry_id: bytes) -> bytes:  # noqa: ARG002 (whatever is asked)
        raise UncheckableError(HOSTILE)


def variants() -> Iterator[tuple[str, Document]]:
    full = Story()
    yield "full", document(full, Holdings(full.opened[:2]))
    yield "closed", document(full)
    yield "no key", document(full, trust=Trust(()))
    yield "stray", document(full, Holdings(Story().opened, Drawer({uuid7("inference"): Disclosed(full.opened)})))
    yield "missing", document(Story("model", "quality gate", "review", "deployment", "guardrail set", "attempt"))
    yield "forged", document(Story(changes={"review": {"key": STRANGER_KEY}, "model": {"key": STRANGER_KEY}}))
    yield "no inference", document(Story("inference", "review"))
    yield "nothing", document(Story(*full.entries))
    silent = Story()
    silent.log = Silent(silent)
    yield "silent", document(silent)
    said = Drawer({uuid7("inference"): Disclosed((), erased_at=TIME_MS)})
    requested = [{"store": "vault", "state": "requested", "at": TIME_MS}]
    yield "to be erased", document(Story(changes={"erasure": {"body": {"targets": requested}}}))
    yield "said to be erased", document(Story("erasure"), Holdings(vault=said))


VARIANTS = dict(variants())
FULL = VARIANTS["full"]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_page_is_well_formed_and_refers_to_nothing_outside(name: str) -> None:
    html = page_of(VARIANTS[name])
    assert faults(html) == []
    assert len(read_page(html).all("h1")) == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_every_document_is_json_with_the_same_parts(name: str) -> None:
    again = json.loads(json.dumps(VARIANTS[name], allow_nan=False))
    assert again == VARIANTS[name]
    assert again.keys() == FULL.keys()
    assert (again["format"], again["v"]) == ("glasslog-reconstruction", 1)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_page_judges_the_decision(name: str) -> None:
    said = read_page(page_of(VARIANTS[name])).text.lower()
    assert re.findall(r"\b(?:compliant|compliance|correct|correctly|lawfully|trustworthy|safe)\b", said) == []
    assert "nothing on this page says that the decision was right, fair or lawful" in said


@pytest.mark.parametrize("name", VARIANTS)
def test_every_page_says_what_cannot_be_shown(name: str) -> None:
    said = read_page(page_of(VARIANTS[name])).text
    assert "An event that was never sent leaves no record" in said
    assert "A signature says who said a thing, not that it is true." in said


def test_the_page_says_what_the_document_says() -> None:
    said = read_page(page_of(FULL)).text
    for sentence in FULL["sentences"]:
        assert sentence in said
    for entry in FULL["entries"]:
        assert entry["entry_id"] in said
        for label, text in entry["words"]:
            assert label in said
            assert text in said
    for item in [*FULL["proven"], *FULL["gaps"]]:
        assert item["text"] in said
    assert "Everything that was found verifies" in said
    assert "Erased on 10 January 2025: every store has confirmed." in said
    assert "<b>cough</b> for two weeks" in said


def test_gaps_and_failures_are_said_on_the_page() -> None:
    missing, forged = (read_page(page_of(VARIANTS[name])).text for name in ("missing", "forged"))
    for gap in VARIANTS["missing"]["gaps"]:
        assert gap["text"] in missing
    assert "Not in the log" in missing
    assert "Something does not verify" in forged
    assert "What it holds is not shown, because it does not verify." in forged
    assert "Not everything could be checked" in read_page(page_of(VARIANTS["silent"])).text


def test_what_does_not_verify_is_not_in_the_document() -> None:
    [review] = [entry for entry in VARIANTS["forged"]["entries"] if entry["verdict"] == "failed" and entry["steps"]][:1]
    assert (review["record"], review["words"], review["issuer"], review["time"]) == (None, [], None, None)
    assert VARIANTS["forged"]["oversight"] == []


def test_every_reference_of_the_document_is_to_one_of_its_entries() -> None:
    ids = {entry["entry_id"] for entry in FULL["entries"]}
    named = [row["entry_id"] for part in ("timeline", "values", "guardrails") for row in FULL[part]]
    named += [entry_id for use in FULL["models"] for entry_id in (use["registration"], use["inference"])]
    assert len(named) > 20
    assert set(named) <= ids


def _with_text(value: Any, text: str, path: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 (any JSON)
    """Replace every free text of a document; what is a word of a list, an id or a time stays."""
    fixed = {"verdict", "state", "status", "kind", "entry_id", "format", "file", "record_id", "type", "id", "decision"}
    fixed |= {"inference", "registration", "configuration", "deployment", "text" if "at" in path else ""}
    if isinstance(value, dict):
        return {key: each if key in fixed else _with_text(each, text, (*path, key)) for key, each in value.items()}
    if isinstance(value, list):
        return value if path and path[-1] in _REFERENCES else [_with_text(each, text, path) for each in value]
    return text if isinstance(value, str) else value


_REFERENCES = {"system", "registrations", "deployments", "evaluations", "steps", "oversight", "notices", "outcomes"}
_REFERENCES |= {"incidents", "custody", "completeness"}


FEW = document(Story(*(Story().entries.keys() - {"inference", "review", "model"})))


@settings(max_examples=20)
@given(st.text(max_size=30))
def test_no_text_in_a_document_changes_the_elements_of_its_page(text: str) -> None:
    html = page_of(_with_text(copy.deepcopy(FEW), text))
    assert faults(html) == []
    shown = read_page(html)
    assert not {element.tag for element in shown.elements} - KNOWN
    assert all(character.isprintable() or character in "\n\t" for character in shown.text)


KNOWN = {element.tag for element in read_page(page_of(FULL)).elements} | {"ul", "li", "br"}


def test_hostile_text_in_a_document_is_shown_as_text() -> None:
    html = page_of(_with_text(copy.deepcopy(FULL), HOSTILE))
    assert faults(html) == []
    assert "<script>alert(1)</script>" in read_page(html).text
    assert "\u202e" not in html
    assert "\x1b" not in html


@NEEDED
@pytest.mark.slow
def test_a_browser_draws_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(page_of(FULL))
    colours = {colour.hex() for colour in photograph(page, tmp_path, height=1_200).colours}
    assert {"fcfbf8", "e4f0e6"} <= colours
