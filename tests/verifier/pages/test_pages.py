import hashlib
import re
from base64 import b64encode
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import TemplateNotFound, UndefinedError
from markupsafe import Markup, escape

from glasslog.pages import marked, render, visible
from glasslog.pages.charts import Bar, Lane, Mark, Span, histogram, stacked_bars, step_curve, timeline
from glasslog.pages.rendering import _environment, stylesheet
from tests.verifier.evidence import TIME_MS
from tests.verifier.pages.documents import faults, read_page

SPECIMEN = (Path(__file__).parent / "specimen.html").read_text()
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \" ' & {{ 7 * 7 }} </style> \u202e\x1b[2J\x00\ufeff"
SECTIONS = [("facts", "Facts"), ("charts", "Charts")]


def specimen(text: str) -> str:
    template = _environment().from_string(SPECIMEN)
    return template.render(text=text, time=TIME_MS, charts=charts(text), sections=SECTIONS)


def charts(text: str) -> list[Markup]:
    lanes = [
        Lane(text, marks=[Mark(TIME_MS, text, "good"), Mark(TIME_MS + 7, text, "bad")]),
        Lane(text, spans=[Span(TIME_MS, TIME_MS + 5, text), Span(TIME_MS + 5, TIME_MS + 9, text, is_gap=True)]),
    ]
    return [
        timeline(text, TIME_MS, TIME_MS + 10, lanes),
        step_curve(text, [(TIME_MS, 0.5), (TIME_MS + 5, 0.25)], unit=text, limit=0.375),
        stacked_bars(text, [text, text], [Bar(text, [1, 2])], unit=text),
        histogram(text, [0, 1, 2], [3, 4], unit=text),
    ]


def test_a_page_is_well_formed_and_refers_to_nothing_outside() -> None:
    assert faults(specimen("plain")) == []


def test_the_finder_of_faults_finds_them() -> None:
    bad = "<p><b></p><script></script><a href='https://example.org'>x</a><i style='x'>y</i><u id=a></u><u id=a></u>"
    assert len(faults(bad)) >= 5


def test_hostile_text_is_shown_as_text() -> None:
    html = specimen(HOSTILE)
    assert faults(html) == []
    assert "<script>alert(1)</script>" in read_page(html).text
    assert "{{ 7 * 7 }}" in read_page(html).text
    assert "[U+202E][U+001B][2J[U+0000][U+FEFF]" in read_page(html).one("h1").text


@settings(max_examples=40)
@given(st.text(max_size=40))
def test_no_text_changes_the_elements_of_a_page(text: str) -> None:
    html = specimen(text)
    assert faults(html) == []
    assert tags(html) == PLAIN_TAGS


def tags(html: str) -> list[str]:
    return [element.tag for element in read_page(html).elements]


PLAIN_TAGS = tags(specimen("plain"))


@given(st.text())
def test_what_is_printed_has_no_character_that_does_not_print(text: str) -> None:
    assert all(character.isprintable() or character in "\n\t" for character in visible(text))
    assert visible(visible(text)) == visible(text)


def test_text_that_prints_stays_as_it_is() -> None:
    assert visible("Prüfung: 東京, naïve, 42 €\n\tdone") == "Prüfung: 東京, naïve, 42 €\n\tdone"


def test_the_policy_of_a_page_allows_its_own_style_and_nothing_else() -> None:
    html = specimen("plain")
    page = read_page(html)
    (policy,) = [meta for meta in page.all("meta") if "http-equiv" in meta.attributes]
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy.attributes == {
        "http-equiv": "Content-Security-Policy",
        "content": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    }
    before = html[: html.index("Content-Security-Policy")]
    assert "<style" not in before, "the policy must stand before what it governs"


def test_a_page_has_its_landmarks_language_and_title() -> None:
    page = read_page(specimen("plain"))
    assert page.one("html").attributes == {"lang": "en"}
    assert [title.text for title in page.all("title") if "svg" not in title.path] == ["plain"]
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1, 1, 1, 1, 1]
    assert all("scope" in header.attributes for header in page.all("th"))
    assert all(table.text for table in page.all("caption"))
    assert all(chart.attributes["aria-label"] for chart in page.all("svg") if chart.attributes.get("role") == "img")


def test_every_verdict_is_said_by_a_word_and_a_shape() -> None:
    badges = _environment().from_string(
        '{% import "pages/macros.html" as page %}'
        '{% for kind in ("good", "bad", "open", "missing", "gone", "calm") %}'
        '{{ page.badge(kind, "word") }}\n{% endfor %}'
    )
    drawn = badges.render().splitlines()
    shapes = [re.sub(r'class="[^"]*"', "", badge) for badge in drawn]
    assert len(set(shapes)) == 6
    assert all(read_page(badge).text == "word" for badge in drawn)


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        _environment().from_string("{{ nothing }}").render()


@pytest.mark.parametrize("value", [None, True, b"bytes", ["list"], {"a": 1}])
def test_what_is_no_text_is_not_printed(value: object) -> None:
    with pytest.raises(TypeError, match="expected text, a number or markup"):
        _environment().from_string("{{ value }}").render(value=value)


@pytest.mark.parametrize("name", ["nothing", "pages/nothing.html", "no.such.package/base.html", "/base.html"])
def test_a_template_that_is_not_shipped_is_not_found(name: str) -> None:
    with pytest.raises(TemplateNotFound):
        render(name)


# ------------------------------------------------------------------------------------------------------------- contrast


def _palettes() -> dict[str, dict[str, str]]:
    """Return the colours by name: those for light, for dark and for paper."""
    blocks = re.findall(r":root \{(.*?)\}", stylesheet(), re.DOTALL)
    assert len(blocks) == 3
    light, dark, paper = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block)) for block in blocks)
    return {"light": light, "dark": {**light, **dark}, "paper": {**light, **paper}}


def _luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    lighter, darker = sorted([_luminance(first), _luminance(second)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", ["light", "dark", "paper"])
def test_every_text_can_be_read_on_its_ground(palette: str) -> None:
    colours = _palettes()[palette]
    pairs = [(text, "paper") for text in ("ink", "soft", "accent", "good", "bad", "open", "gone", "calm")]
    pairs += [(text, "sheet") for text in ("ink", "soft", "accent")]
    pairs += [(kind, f"{kind}-wash") for kind in ("good", "bad", "open", "gone", "calm")]
    pairs += [("ink", f"{kind}-wash") for kind in ("good", "bad", "open", "gone")]
    weak = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}, "WCAG 2.2, 1.4.3 (AA)"


@pytest.mark.parametrize("palette", ["light", "dark", "paper"])
def test_every_series_can_be_seen_on_the_page(palette: str) -> None:
    colours = _palettes()[palette]
    drawn = [f"series-{number}" for number in range(1, 7)]
    weak = {name: round(_contrast(colours[name], colours["paper"]), 2) for name in drawn}
    assert {name: ratio for name, ratio in weak.items() if ratio < 3} == {}, "WCAG 2.2, 1.4.11"


def test_escapes_are_those_of_html() -> None:
    html = specimen('"><b>')
    assert '"><b>' not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    assert '"><b>' in unescape(html)


DIGEST = "0123456789abcdef" * 4
UUID = "019b7f4e-8f00-7000-8000-00000000000a"


def test_ids_and_digests_are_set_as_code_and_lead_to_what_is_on_the_page() -> None:
    html = marked(f"<model> {UUID}, digest {DIGEST}", {UUID.replace("-", ""): "e-1"})
    assert html == f'&lt;model&gt; <a href="#e-1"><code>{UUID}</code></a>, digest <code>{DIGEST}</code>'


@pytest.mark.parametrize("text", [f"urn:uuid:{UUID}", f"x{DIGEST}", f"{DIGEST}g", "0123456789abcdef", "", "\u202eabc"])
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert marked(text) == escape(visible(text))


@given(st.text(alphabet="0123456789abcdef-<>&'\" \u202e", max_size=120))
def test_marking_changes_no_word_of_a_text(text: str) -> None:
    page = read_page(marked(text))
    assert page.faults == []
    assert page.text == visible(text)
