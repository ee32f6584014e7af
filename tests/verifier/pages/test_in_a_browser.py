"""Pages as Chromium draws them: styled under their own policy, in light, in dark and on paper."""

import re
from pathlib import Path

import pytest

from tests.verifier.pages.chromium import NEEDED, photograph, print_to_pdf
from tests.verifier.pages.test_pages import HOSTILE, specimen

pytestmark = [NEEDED, pytest.mark.slow]
PAPER = {"light": "fcfbf8", "dark": "15181b"}
BADGES = {"light": ("e4f0e6", "f9e5e1"), "dark": ("1b3325", "43211e")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_style_is_applied_in_the_colours_of_the_reader(tmp_path: Path, scheme: str) -> None:
    page = tmp_path / "page.html"
    page.write_text(specimen("A page"))
    picture = photograph(page, tmp_path, dark=scheme == "dark")
    colours = {colour.hex() for colour in picture.colours}
    assert {PAPER[scheme], *BADGES[scheme]} <= colours
    assert not colours & {PAPER[other] for other in PAPER if other != scheme}


def test_hostile_text_draws_nothing_that_a_policy_has_to_stop(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(specimen(HOSTILE))
    assert photograph(page, tmp_path, height=400).height == 400


def test_another_style_is_stopped_by_the_policy(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(specimen("A page").replace("</main>", "<style>body { background: #00f000 }</style></main>"))
    with pytest.raises(AssertionError, match="Content Security Policy"):
        photograph(page, tmp_path, height=400)


def test_a_page_prints_on_a4(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(specimen("A page"))
    printed = print_to_pdf(page, tmp_path)
    assert printed.startswith(b"%PDF-")
    sizes = {
        (round(float(w)), round(float(h))) for w, h in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    }
    assert sizes == {(595, 842)}, "points of A4"
