"""A real browser for the tests that look at pages: Chromium without a screen, where there is one."""

import shutil
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
NEEDED = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium here to render a page with")
_TIMEOUT_S = 90


@dataclass(frozen=True)
class Picture:
    width: int
    height: int
    colours: frozenset[bytes]
    """The colours of every 16th line, as bytes of red, green and blue."""


def photograph(page: Path, folder: Path, *, dark: bool = False, width: int = 900, height: int = 1_200) -> Picture:
    """Return what a browser draws of a page. The browser's own complaints fail the test."""
    picture = folder / "picture.png"
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    said = _run(folder, scheme, f"--window-size={width},{height}", f"--screenshot={picture}", page.as_uri())
    assert "Content Security Policy" not in said, said
    return decode_png(picture.read_bytes())


def print_to_pdf(page: Path, folder: Path) -> bytes:
    """Return the page on paper."""
    file = folder / "page.pdf"
    _run(folder, "--no-pdf-header-footer", f"--print-to-pdf={file}", page.as_uri())
    return file.read_bytes()


def _run(folder: Path, *arguments: str) -> str:
    command = [str(PROGRAM), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--hide-scrollbars", "--enable-logging=stderr", "--v=0", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def decode_png(data: bytes) -> Picture:
    """Return what is in a PNG of 8 bits a channel, red, green, blue and perhaps alpha (PNG section 9, filters)."""
    width, height, _, colour_type = struct.unpack(">IIBB", data[16:26])
    channels = {2: 3, 6: 4}[colour_type]
    packed, position = b"", 8
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        if data[position + 4 : position + 8] == b"IDAT":
            packed += data[position + 8 : position + 8 + length]
        position += 12 + length
    raw, stride = zlib.decompress(packed), width * channels
    above = bytearray(stride)
    colours: set[bytes] = set()
    for line in range(height):
        start = line * (stride + 1)
        above = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, channels)
        if line % 16 == 0:
            colours |= {bytes(above[place : place + 3]) for place in range(0, stride, channels)}
    return Picture(width, height, frozenset(colours))


def _unfiltered(kind: int, line: bytearray, above: bytearray, channels: int) -> bytearray:
    if kind == 0:
        return line
    for place in range(len(line)):
        left = line[place - channels] if place >= channels else 0
        corner = above[place - channels] if place >= channels else 0
        line[place] = (line[place] + _predicted(kind, left, above[place], corner)) & 0xFF
    return line


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
