"""Make a page from a template: `render` is the only way from values to HTML.

A template's name is `<package>/<file>`: `report/report.html` is `glasslog/report/templates/report.html`. Templates are
code, shipped with their package and read once, as modules are. They extend `pages/base.html` and are made of the macros
in `pages/macros.html`.

What is printed is hostile until shown otherwise:

- text is escaped by the engine, always; characters that do not print, above all those that turn the direction of
  writing, become visible as `[U+202E]`. Line breaks stay
- a name that nobody gave a value is an error, and so is printing anything but text, numbers and finished markup: a page
  never says "None"
- the page's own policy (Content-Security-Policy) lets a browser use the one style sheet of the page, known by its hash,
  and nothing else: no script, no image, no form, no connection
"""

import hashlib
import importlib.resources
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, Undefined
from markupsafe import Markup, escape

from glasslog import __version__
from glasslog.counting import counted
from glasslog.moments import duration, iso_time, readable_date, readable_time, short_time

_PACKAGE: Final = "glasslog"
_KEPT: Final = frozenset("\n\t")
_HEX: Final = re.compile(
    r"(?<![0-9A-Za-z:-])(?:[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9A-Za-z-])"
)


def render(template: str, /, **values: object) -> str:
    """Return the page that a template makes of values: one HTML file, complete.

    Raises jinja2.UndefinedError for a name without a value, TypeError for a value that is no text.
    """
    return _environment().get_template(template).render(**values) + "\n"


def visible(text: str) -> str:
    """Return text in which every character that does not print is named, `[U+202E]`, but for line breaks and tabs."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in _KEPT else f"[U+{ord(character):04X}]"
        for character in text
    )


def marked(text: str, anchors: Mapping[str, str] = MappingProxyType({})) -> Markup:
    """Return text with ids and digests (32 hex digits or more, or a UUID) set as code.

    `anchors` maps such an id, without dashes, to the id of an element of the page, to which it then leads.
    """
    parts: list[Markup] = []
    end = 0
    for found in _HEX.finditer(text):
        parts.append(escape(visible(text[end : found.start()])))
        code = Markup("<code>{}</code>").format(found[0])
        anchor = anchors.get(found[0].replace("-", ""))
        parts.append(code if anchor is None else Markup('<a href="#{}">{}</a>').format(anchor, code))
        end = found.end()
    parts.append(escape(visible(text[end:])))
    return Markup("").join(parts)


def content_security_policy() -> str:
    """Return the page's policy: the one style sheet, known by its hash (CSP level 3), and nothing else."""
    digest = b64encode(hashlib.sha256(stylesheet().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def stylesheet() -> Markup:
    """Return the style of every page. It is ours, and holds nothing that ends a style element."""
    return Markup(_read("pages", "page.css"))  # noqa: S704 (a file of the package)


class _PackagedTemplates(BaseLoader):
    """Find templates in the folders `templates` of the packages within glasslog."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, None]:  # noqa: ARG002
        package, _, file = template.partition("/")
        try:
            return _read(package, file), None, None
        except (FileNotFoundError, ModuleNotFoundError) as error:
            raise TemplateNotFound(template) from error


def _read(package: str, file: str) -> str:
    return (importlib.resources.files(f"{_PACKAGE}.{package}") / "templates" / file).read_text("utf-8")


def _printed(value: object) -> object:
    """Return what is printed for a value, before it is escaped."""
    if isinstance(value, Markup | Undefined):
        return value
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    msg = f"expected text, a number or markup to print, got {type(value).__name__}"
    raise TypeError(msg)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=_PackagedTemplates(),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "content_security_policy": content_security_policy,
        "glasslog_version": __version__,
        "stylesheet": stylesheet,
    }
    environment.filters |= {
        "counted": counted,
        "duration": duration,
        "iso_time": iso_time,
        "marked": marked,
        "readable_date": readable_date,
        "readable_time": readable_time,
        "short_time": short_time,
    }
    return environment
