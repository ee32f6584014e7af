"""Options that several commands take: keys, policies, ids, files.

Each is read by a callback of click, so that what cannot be used is an error of usage that names the option.
"""

import re
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import click

from glasslog.cli.writing import printable
from glasslog.errors import GlasslogError, MalformedError
from glasslog.filetype import detect
from glasslog.keys import PublicKey
from glasslog.limits import BUNDLE_BYTES_MAX, POLICY_BYTES_MAX
from glasslog.merkle import Hash
from glasslog.pem import decode_public_key
from glasslog.policy import Policy, decode_policy
from glasslog.sources.folder import read_file, read_stream
from glasslog.verify import Trust
from glasslog.vkey import TYPE_ED25519, VerifierKey, decode_vkey

_KEY_FILE_BYTES_MAX: Final = 65_536
_TOKEN_BYTES_MAX: Final = 4_096
_MARK_BYTES_MAX: Final = 4_096
_ENTRY_ID: Final = re.compile(r"[0-9a-f]{64}")
_STATE_MARKS: Final = ("lock", "checkpoint", "audit.sqlite", "monitor.json", "monitor.lock")
_TOKEN: Final = re.compile(r"[!-~]+")

T = TypeVar("T")

INPUT_FILE: Final = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
"""A file to read; `-` is standard input."""
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


class WebUrl(click.ParamType[str]):
    """A URL of http or https, of a log or of whoever wants to be told: what is none is wrong usage."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        """Return the URL as it is. What it may not have beyond that, its reader says."""
        try:
            parts = urlsplit(str(value))
            good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good:
            self.fail(f"expected a URL such as https://log.example, got {printable(str(value))!r}", param, ctx)
        return str(value)


class OutputPath(click.Path):
    """A file or folder to write. What is written is put in the place of what is there, so a device or pipe is none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return the path."""
        path = super().convert(value, param, ctx)
        there = Path(str(path))
        if there.exists() and not there.is_file() and not there.is_dir():
            self.fail(f"expected a file or a folder, got a device or a pipe: {printable(str(there))}", param, ctx)
        return path


class StatePath(click.Path):
    """A folder of our own: one that is not there yet, an empty one, or one in which we have worked before."""

    def __init__(self) -> None:
        """Take a path of a folder."""
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        """Return the path. Nothing is put between the files of something else."""
        path = super().convert(value, param, ctx)
        there = Path(str(path))
        if there.is_dir() and any(there.iterdir()) and not any((there / mark).exists() for mark in _STATE_MARKS):
            msg = f"expected a new or empty folder, or one that this command has made, got {printable(str(there))}"
            self.fail(f"{msg}, which holds something else", param, ctx)
        return path


OUTPUT: Final = OutputPath(path_type=Path)
OUTPUT_FILE: Final = OutputPath(dir_okay=False, path_type=Path)
_Names = Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]


def names_of(known: Collection[str]) -> _Names:
    """Return a callback that reads names of checks, several in one value by commas."""

    def callback(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        names = tuple(name for value in values for name in value.split(",") if name)
        unknown = sorted(set(names) - set(known))
        if unknown:
            msg = f"no check is called {', '.join(unknown)}; there are: {', '.join(known)}"
            raise click.BadParameter(msg)
        return names

    return callback


def _log_key(text: str) -> VerifierKey:
    if text.startswith("@"):
        text = _text_of(Path(text[1:]), _KEY_FILE_BYTES_MAX)
    elif "+" not in text:
        msg = f"expected a verifier key name+<8 hex digits>+<base64>, or @ and a file that holds it, got {text!r}"
        raise MalformedError(msg)
    key = decode_vkey(text)
    if key.signature_type != TYPE_ED25519:
        msg = f"expected a log's key (type 0x01), got one of type 0x{key.signature_type:02x}"
        raise MalformedError(msg)
    return key


def _token(path: Path) -> str:
    token = _text_of(path, _TOKEN_BYTES_MAX)
    if not _TOKEN.fullmatch(token):
        msg = "expected one line with a token of visible ASCII characters"
        raise MalformedError(msg)
    return token


def _text_of(path: Path, bytes_max: int) -> str:
    try:
        return read_file(path, bytes_max).decode().strip()
    except UnicodeDecodeError as error:
        msg = f"expected UTF-8 in {path}"
        raise MalformedError(msg) from error


def parse_entry_id(text: str) -> Hash:
    """Return the hash that an entry id in lowercase hex is. Raises MalformedError."""
    if not _ENTRY_ID.fullmatch(text):
        msg = "expected an entry id of 64 lowercase hex digits"
        raise MalformedError(msg)
    return Hash(bytes.fromhex(text))


def _converted(
    convert: Callable[[Any], T],
) -> Callable[[click.Context, click.Parameter, Any], T | tuple[T, ...] | None]:
    """Return a callback that turns what `convert` refuses into an error of usage."""

    def callback(_: click.Context, __: click.Parameter, value: Any) -> T | tuple[T, ...] | None:  # noqa: ANN401
        try:
            if isinstance(value, tuple):
                return tuple(map(convert, value))
            return convert(value) if value is not None else None
        except GlasslogError as error:
            raise click.BadParameter(printable(str(error))) from error

    return callback


LOG_KEY_OPTION: Final = click.option(
    "--log-key",
    "log_keys",
    metavar="VKEY|@FILE",
    multiple=True,
    callback=_converted(_log_key),
    help="The log's verifier key, or @ and a file that holds it. Repeatable, while a log changes keys.",
)
POLICY_OPTION: Final = click.option(
    "--policy",
    metavar="FILE",
    type=_FILE,
    callback=_converted(lambda path: decode_policy(read_file(path, POLICY_BYTES_MAX))),
    help="A trust policy (C2SP tlog-policy): which witnesses must have cosigned, and perhaps which logs count.",
)
ISSUER_KEY_OPTION: Final = click.option(
    "--issuer-key",
    metavar="FILE",
    type=_FILE,
    callback=_converted(lambda path: decode_public_key(read_file(path, _KEY_FILE_BYTES_MAX))),
    help="PEM file of the issuer's public key, for files that do not show which key was registered.",
)
ENTRY_ID_OPTION: Final = click.option(
    "--entry-id",
    metavar="HEX",
    callback=_converted(parse_entry_id),
    help="The entry that the file must be about.",
)
TOKEN_OPTION: Final = click.option(
    "--token-file",
    "token",
    metavar="FILE",
    type=_FILE,
    callback=_converted(_token),
    help="A file with a bearer token, for logs that do not show their entries to everybody.",
)
JSON_OPTION: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def read_input(path: Path, bytes_max: int = BUNDLE_BYTES_MAX) -> bytes:
    """Return the bytes of a file, or of standard input for `-`. Raises UncheckableError, MalformedError."""
    if str(path) == "-":
        return read_stream(sys.stdin.buffer, bytes_max)
    try:
        return read_file(path, bytes_max)
    except MalformedError as error:
        msg = f"{path}: {error}{_looks_like(path)}"
        raise MalformedError(msg) from error


def trust_of(log_keys: tuple[VerifierKey, ...], policy: Policy | None, issuer_key: PublicKey | None = None) -> Trust:
    """Return whom the options say to trust: the keys given, otherwise those of the policy."""
    if not log_keys and (policy is None or not policy.logs):
        msg = "Say which log to trust: --log-key, or a --policy that names logs."
        raise click.UsageError(msg)
    if not log_keys and policy is not None:
        log_keys = policy.log_keys
    return Trust(log_keys, policy, issuer_key)


def _looks_like(path: Path) -> str:
    """Return where a file that is too large belongs, when its first bytes tell."""
    with suppress(OSError), path.open("rb") as file:
        file_type = detect(file.read(_MARK_BYTES_MAX))
        return f"; it looks like {file_type.one}: {file_type.place}" if file_type is not None else ""
    return ""
