"""Read a page as a browser would, with the standard library's parser, and say what is wrong with it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
LOADING = frozenset({"src", "srcset", "data", "poster", "action", "formaction", "background", "ping", "manifest"})
FORBIDDEN = frozenset(
    {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "input",
        "button",
        "base",
        "audio",
        "video",
        "source",
    }
    | {"image", "use", "foreignobject", "animate", "set", "template", "noscript", "frame", "applet", "track", "picture"}
)


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    path: tuple[str, ...]
    text: str = ""


@dataclass
class Page:
    """What a page holds, element by element in order, and everything that is wrong with how it is written."""

    elements: list[Element] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def one(self, tag: str) -> Element:
        (element,) = self.all(tag)
        return element


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            self.page.faults.append(f"{tag} has an attribute twice")
        path = tuple(element.tag for element in self._open)
        element = Element(tag, {name: value or "" for name, value in attrs}, path)
        self.page.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            self.page.faults.append(f"</{tag}> closes {self._open[-1].tag if self._open else 'nothing'}")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if not any(element.tag in {"style", "script"} for element in self._open):
            self.page.text += data
        for element in self._open:
            element.text += data

    def close(self) -> None:
        super().close()
        self.page.faults += [f"<{element.tag}> is never closed" for element in self._open]


def read_page(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


def faults(html: str) -> list[str]:
    """Return everything that no page of ours may have: bad nesting, code, references to outside, two of one id."""
    page = read_page(html)
    found = list(page.faults)
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    found += [f"the id {name} is there twice" for name in sorted({name for name in ids if ids.count(name) > 1})]
    for element in page.elements:
        if element.tag in FORBIDDEN:
            found.append(f"<{element.tag}>")
        for name, value in element.attributes.items():
            if name.startswith("on") or name in LOADING or name == "style":
                found.append(f"<{element.tag} {name}>")
            if name.endswith("href") and not (value.startswith("#") and value[1:] in ids):
                found.append(f"{name} to {value}")
    for style in page.all("style"):
        found += [mark for mark in ("@import", "url(", "expression(") if mark in style.text]
    return found
