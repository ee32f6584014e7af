"""Reports: complete, well formed, safe whatever the records say, and no more than what was verified."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glasslog.audit.checks import CHECKS
from glasslog.errors import MalformedError
from glasslog.report import builtin_frameworks, page_of, report_of
from glasslog.report.statements import LIMITS
from tests.verifier.evidence import ISSUER, SYSTEM
from tests.verifier.pages.chromium import NEEDED, photograph
from tests.verifier.pages.documents import faults, read_page
from tests.verifier.report.audits import MANY_FAULTS, VARIANTS, Document, outcome_of, report, spoil

VERDICTS_ON_THE_LAW = re.compile(r"complian|complies|comply|certif|conform|lawful|accredit|attested", re.IGNORECASE)
REPORTS = {name: report(outcome) for name, outcome in VARIANTS.items()}
HONEST = REPORTS["honest"]


@pytest.mark.parametrize("name", VARIANTS)
def test_every_page_is_well_formed_and_refers_to_nothing_outside(name: str) -> None:
    html = page_of(REPORTS[name])
    assert faults(html) == []
    assert len(read_page(html).all("h1")) == 1


@pytest.mark.parametrize("name", VARIANTS)
def test_every_document_is_json_with_the_same_parts(name: str) -> None:
    again = json.loads(json.dumps(REPORTS[name], allow_nan=False))
    assert again == REPORTS[name]
    assert again.keys() == HONEST.keys()
    assert again["schema"] == "glasslog-report/1"


@pytest.mark.parametrize("name", VARIANTS)
def test_no_report_judges_the_law(name: str) -> None:
    assert VERDICTS_ON_THE_LAW.search(read_page(page_of(REPORTS[name])).text) is None
    assert VERDICTS_ON_THE_LAW.search(json.dumps(REPORTS[name])) is None


def test_the_same_audit_gives_the_same_page() -> None:
    assert page_of(report(VARIANTS["spoiled"])) == page_of(report(outcome_of(spoil(*MANY_FAULTS))))


@pytest.mark.parametrize("name", VARIANTS)
def test_what_no_log_can_show_is_in_every_report(name: str) -> None:
    said = read_page(page_of(REPORTS[name])).text
    assert all(limit in said for limit in LIMITS)


def test_what_each_check_proves_and_cannot_is_said() -> None:
    said = read_page(page_of(HONEST)).text
    for check in CHECKS.values():
        assert check.proves in said, check.id
        assert check.cannot in said, check.id


def test_what_has_findings_is_not_said_to_be_proven() -> None:
    said = read_page(page_of(REPORTS["spoiled"])).text
    assert f"Not proven, for the findings above: {CHECKS['stream-gaps'].proves}" in said
    assert f"Not proven, for the findings above: {CHECKS['tree'].proves}" not in said


def test_a_log_that_was_not_replayed_gives_a_report_of_exactly_that() -> None:
    shown = REPORTS["unreplayed"]
    assert shown["headline"] == {"kind": "open", "text": "The log could not be replayed"}
    assert (shown["coverage"], shown["checks"], shown["windows"]) == ([], [], {})
    said = read_page(page_of(shown)).text
    assert "the server does not answer" in said
    assert f"None of the {len(CHECKS)} checks of the records was run" in said
    assert "Sufficient" not in said
    assert "Nothing was found" not in said


def test_entries_that_any_audit_refused_are_not_said_to_be_admitted() -> None:
    assert "every one of them was judged and admitted" in HONEST["sentences"][0]
    outcome = VARIANTS["honest"]
    checks = [
        {**check, "verdict": "findings", "counts": {"critical": 2}} if check["id"] == "signature" else check
        for check in outcome["checks"]
    ]
    sentences = report({**outcome, "checks": checks})["sentences"]
    assert "some of them had to be refused (2 findings)" in sentences[0], "found by an earlier audit in the same state"
    for name in ("some checks", "other system"):
        assert "they were replayed" in REPORTS[name]["sentences"][0]


def test_findings_come_by_severity_with_their_entry_ids() -> None:
    shown = REPORTS["spoiled"]
    order = ["critical", "high", "medium", "low"]
    severities = [order.index(finding["severity"]) for finding in shown["findings"]["shown"]]
    assert severities == sorted(severities)
    assert len(severities) > 3
    html = page_of(shown)
    for finding in shown["findings"]["shown"]:
        assert finding["entry_ids"]
        assert all(entry_id in html for entry_id in finding["entry_ids"])


def test_a_cut_list_of_findings_says_so() -> None:
    outcome = VARIANTS["spoiled"]
    counts = {**outcome["summary"]["findings"], "low": 5_000}
    html = page_of(report({**outcome, "summary": {**outcome["summary"], "findings": counts}}))
    assert "5,000 more findings in" in read_page(html).text


def test_what_was_left_out_is_said() -> None:
    window = " ".join(REPORTS["window"]["not_checked"])
    assert "Events before 1 January 2025, 00:05:00 UTC were not judged." in window
    assert "Events from 1 January 2025, 00:09:00 UTC on were not judged." in window
    other = " ".join(REPORTS["other system"]["not_checked"])
    assert "Records of other systems than urn:example:other were not judged." in other
    assert "Entries before index 3 were judged by an earlier audit" in other
    some = " ".join(REPORTS["some checks"]["not_checked"])
    assert f"The check guardrails was not run: {CHECKS['guardrails'].title}." in some
    assert "quorum, was not asked for" in " ".join(HONEST["not_checked"])


def test_nothing_in_scope_is_no_good_news() -> None:
    assert REPORTS["nothing in scope"]["headline"] == {"kind": "open", "text": "No record is in scope"}
    states = {control["state"] for each in REPORTS["nothing in scope"]["coverage"] for control in each["controls"]}
    assert states == {"absent"}


def test_scope_says_whose_records_and_which_tree() -> None:
    scope = HONEST["scope"]
    assert ISSUER in scope["issuers"]
    assert scope["systems"] == [SYSTEM]
    said = read_page(page_of(HONEST)).text
    for text in (scope["tree"]["root"], scope["tree"]["origin"], "witness.example", ISSUER, SYSTEM):
        assert text in said


def test_pictures_are_of_the_counted_numbers() -> None:
    html = page_of(REPORTS["spoiled"])
    said = read_page(html).text
    assert html.count('<svg class="chart"') == 7
    assert "1 declared control, 11 heartbeats: 1 gap, 5 min in all" in said
    assert "11 override" in said
    assert 'class="gap"' in html
    assert 'class="gap"' not in page_of(HONEST)


@pytest.mark.parametrize("change", [{"schema": "glasslog-audit/2"}, {"schema": None}, {"steps": None}, {"log": None}])
def test_what_is_no_outcome_of_an_audit_is_refused(change: dict[str, Any]) -> None:
    outcome = {key: value for key, value in VARIANTS["honest"].items() if change.get(key, value) is not None}
    with pytest.raises(MalformedError, match="expected the outcome of an audit"):
        report_of({**outcome, **{key: value for key, value in change.items() if value}}, {}, builtin_frameworks())


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\" ' & \u202e\x1b[2J {{ 7 * 7 }} ]]> --> </style>"


def poisoned(value: object, text: str) -> Any:  # noqa: ANN401
    """Return a document in which every text that comes from records, keys or sources is another."""
    if isinstance(value, dict):
        kept = {"schema", "verdict", "status", "severity", "id", "check", "counts", "summary", "kinds"}
        return {name: each if name in kept else poisoned(each, text) for name, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each, text) for each in value]
    return text if isinstance(value, str) else value


@pytest.mark.parametrize("name", ["spoiled", "unreplayed", "no heads"])
def test_hostile_text_stays_text(name: str) -> None:
    html = page_of(report(poisoned(VARIANTS[name], HOSTILE)))
    assert faults(html) == []
    assert read_page(html).all("script") == read_page(html).all("img") == []
    assert "\u202e" not in html
    assert "49" not in read_page(html).all("title")[0].text


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60))
def test_any_text_stays_text(text: str) -> None:
    assert faults(page_of(report(poisoned(VARIANTS["spoiled"], text)))) == []


def test_names_of_a_system_or_a_control_cannot_end_a_chart() -> None:
    outcome: Document = json.loads(json.dumps(VARIANTS["spoiled"]))
    for system in outcome["windows"]["timelines"]["systems"]:
        system["system"] = HOSTILE
        system["guardrails"] = {HOSTILE: {"allow": 3}}
    for control in outcome["windows"]["controls"]:
        control["control"] = HOSTILE
    assert faults(page_of(report(outcome))) == []


def test_many_systems_and_decisions_are_cut_and_said() -> None:
    outcome: Document = json.loads(json.dumps(VARIANTS["honest"]))
    [system] = outcome["windows"]["timelines"]["systems"]
    buckets = len(next(iter(system["statuses"].values())))
    crowd = {f"decision-{number}": [number] * buckets for number in range(9)}
    system |= {"guardrail_decisions": crowd, "guardrails": {f"g{n}": dict.fromkeys(crowd, n) for n in range(20)}}
    outcome["windows"]["timelines"]["systems"] = [{**system, "system": f"urn:s:{number}"} for number in range(10)]
    said = read_page(page_of(report(outcome))).text
    assert "Not drawn: 2 more systems." in said
    assert f"{(5 + 6 + 7 + 8) * buckets:,} others" in said
    assert f"{sum(range(20)) * 9:,} executions of 20 guardrails, the 16 that ran most" in said


@NEEDED
def test_the_report_is_drawn_light_and_dark(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(page_of(REPORTS["spoiled"]))
    light, dark = photograph(page, tmp_path), photograph(page, tmp_path, dark=True)
    assert bytes.fromhex("fcfbf8") in light.colours
    assert bytes.fromhex("15181b") in dark.colours
    assert len(light.colours) > 20
