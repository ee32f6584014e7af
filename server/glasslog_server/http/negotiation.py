"""Choose a representation by what a client says it accepts (RFC 9110 section 12), and read media types."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from aiohttp import hdrs
from multidict import CIMultiDictProxy

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
CBOR: Final = "application/cbor"

_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_RANGES_MAX: Final = 32  # of one Accept header; what follows is ignored


def accept_of(headers: CIMultiDictProxy[str]) -> str:
    """Return what a request accepts: its Accept headers as one, "" when there is none."""
    values = headers.getall(hdrs.ACCEPT, ())
    return values[0] if len(values) == 1 else ", ".join(values)


@lru_cache(maxsize=256)
def choose(accept: str, offers: tuple[str, ...]) -> str | None:
    """Return the offer that `accept` prefers, the earlier one among equals, or None when it takes none of them.

    Parameters of media types are ignored but for q. An empty header takes everything.
    """
    ranges = _parse(accept)
    if not ranges:
        return offers[0]
    qualities = [(_quality(offer, ranges), -place, offer) for place, offer in enumerate(offers)]
    quality, _, offer = max(qualities)
    return offer if quality > 0 else None


def prefers_json(accept: str) -> bool:
    """Return whether errors are to be told in JSON: the client asks for JSON and not, as much, for CBOR.

    Browsers, which ask for text, get JSON too, because people look at what they show.
    """
    ranges = _parse(accept)
    wanted = [(quality, media_type) for media_type, quality in ranges if quality > 0]
    json = max((quality for quality, media_type in wanted if _is_json(media_type)), default=0.0)
    cbor = max((quality for quality, media_type in wanted if _is_cbor(media_type)), default=0.0)
    return json > cbor


def accepts_gzip(headers: CIMultiDictProxy[str]) -> bool:
    """Return whether a client takes gzip; one that does not say so gets the bytes as they are."""
    ranges = dict(_parse(", ".join(headers.getall(hdrs.ACCEPT_ENCODING, ()))))
    return ranges.get("gzip", ranges.get("*", 0.0)) > 0


def media_type_of(header: str) -> str:
    """Return the media type of a Content-Type header, without parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


def _parse(header: str) -> list[tuple[str, float]]:
    """Return the ranges of a list header with their q; one whose q is not a number from 0 to 1 counts as refused."""
    ranges = []
    for item in header.split(",", _RANGES_MAX)[:_RANGES_MAX]:
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if not name:
            continue
        quality = 1.0
        for parameter in parameters:
            label, _, value = parameter.partition("=")
            if label.strip() == "q":
                quality = float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
        ranges.append((name, quality))
    return ranges


def _quality(offer: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the q of the most specific range that matches an offer (RFC 9110 section 12.5.1)."""
    specific = {offer: 3, f"{offer.partition('/')[0]}/*": 2, "*/*": 1}
    matching = [(specific[name], quality) for name, quality in ranges if name in specific]
    return max(matching)[1] if matching else 0.0


def _is_json(media_type: str) -> bool:
    return media_type == JSON or media_type.endswith("+json") or media_type == "text/html"


def _is_cbor(media_type: str) -> bool:
    return media_type in {CBOR, "application/cose"} or media_type.endswith(("+cbor", "+cose"))
