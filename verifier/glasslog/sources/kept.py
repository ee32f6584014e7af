"""Keep what a log answered about one decision, in a folder, so that anybody can reconstruct it again, offline.

    <entry id>.glasslog     the evidence bundle of each entry that belongs to the decision: `glasslog verify` takes it
    entries.cborseq         the other entries that were read, as a CBOR sequence: what the search looked at
    answers.json            which entries the log named for which subject, and consistency paths between tree sizes

`KeepingLog` stands before a log and remembers; `KeptLog` gives the same answers later. The answers are no more than
the log's word, then as now; bundles and entries prove themselves. Disclosures are never kept here.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from glasslog import cbor
from glasslog.bundle import BUNDLE_SUFFIX, decode_bundle
from glasslog.errors import MalformedError, UncheckableError
from glasslog.limits import EVIDENCE_BYTES_MAX, PROOF_HASHES_MAX, STATEMENT_BYTES_MAX
from glasslog.merkle import HASH_SIZE, Hash, TreeSize
from glasslog.reconstruct.gathering import PIECES_MAX
from glasslog.reconstruct.reading import DecisionLog, Listing
from glasslog.sources.folder import read_file, write_file
from glasslog.statement import decode_statement

ANSWERS: Final = "answers.json"
ENTRIES: Final = "entries.cborseq"
FORMAT: Final = "glasslog-kept"
VERSION: Final = 1

_ANSWERS_BYTES_MAX: Final = 64 * 1_024 * 1_024  # 64,000 entry ids for each of a few subjects
_ENTRIES_MAX: Final = 65_536
_ENTRIES_BYTES_MAX: Final = 1_024 * 1_024 * 1_024


@dataclass(slots=True)
class Answers:
    """What a log answered: lists by subject, and consistency paths by the two sizes."""

    source: str
    listings: dict[str, Listing] = field(default_factory=dict)
    paths: dict[tuple[int, int], tuple[Hash, ...]] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the file `answers.json`."""
        document = {
            "format": FORMAT,
            "v": VERSION,
            "source": self.source,
            "listings": [
                {"subject": subject, "whole": listing.is_whole, "entries": [each.hex() for each in listing.entry_ids]}
                for subject, listing in self.listings.items()
            ],
            "consistency": [
                {"size1": old, "size2": new, "path": [element.hex() for element in path]}
                for (old, new), path in self.paths.items()
            ],
        }
        return (json.dumps(document, indent=1) + "\n").encode()


def decode_answers(data: bytes) -> Answers:
    """Return what `answers.json` says. Raises MalformedError."""
    try:
        return _answers_of(json.loads(data))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        msg = f"expected {ANSWERS} of {FORMAT}, version {VERSION}, got something else"
        raise MalformedError(msg) from error


def _answers_of(document: Any) -> Answers:  # noqa: ANN401 (any JSON)
    """Raise KeyError, TypeError or ValueError for what is not of the format."""
    if (document["format"], document["v"]) != (FORMAT, VERSION):
        raise ValueError
    answers = Answers(_text(document["source"]))
    for listing in document["listings"]:
        if type(listing["whole"]) is not bool:
            raise TypeError
        entry_ids = tuple(_hash(text) for text in listing["entries"])
        answers.listings[_text(listing["subject"])] = Listing(entry_ids, listing["whole"])
    for proof in document["consistency"]:
        path = tuple(_hash(text) for text in proof["path"])
        if len(path) > PROOF_HASHES_MAX or type(proof["size1"]) is not int or type(proof["size2"]) is not int:
            raise ValueError
        answers.paths[proof["size1"], proof["size2"]] = path
    return answers


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _hash(value: object) -> Hash:
    octets = bytes.fromhex(_text(value))
    if len(octets) != HASH_SIZE or octets.hex() != value:
        raise ValueError
    return Hash(octets)


class KeepingLog:
    """A log that remembers what it answered. Not for use by several threads."""

    def __init__(self, log: DecisionLog) -> None:
        """Take the log that is asked."""
        self._log = log
        self._answers = Answers(log.name)
        self._bundles: dict[Hash, bytes] = {}
        self._entries: dict[Hash, bytes] = {}

    @property
    def name(self) -> str:
        """Return what a person calls the log."""
        return self._log.name

    def entries_about(self, subject: str) -> Listing:
        """Return the ids of the entries about a subject."""
        listing = self._answers.listings[subject] = self._log.entries_about(subject)
        return listing

    def statement(self, entry_id: Hash) -> bytes:
        """Return an entry."""
        data = self._entries[entry_id] = self._log.statement(entry_id)
        return data

    def bundle(self, entry_id: Hash) -> bytes:
        """Return the bundle of an entry."""
        data = self._bundles[entry_id] = self._log.bundle(entry_id)
        return data

    def consistency(self, old: TreeSize, new: TreeSize) -> tuple[Hash, ...]:
        """Return the path between two sizes."""
        path = self._answers.paths[old, new] = self._log.consistency(old, new)
        return path

    def keep(self, folder: Path) -> int:
        """Write everything into a folder, the answers last; return how many bundles there are.

        Raises UncheckableError when something cannot be written, or when the folder keeps something else already.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            others = [path.name for path in folder.iterdir() if path.suffix == BUNDLE_SUFFIX]
        except OSError as error:
            msg = f"cannot make the folder {folder}: {error.strerror}"
            raise UncheckableError(msg) from error
        names = {f"{entry_id.hex()}{BUNDLE_SUFFIX}": data for entry_id, data in self._bundles.items()}
        if set(others) - names.keys():
            msg = f"expected a folder for this decision alone, got {folder}, which keeps other bundles"
            raise UncheckableError(msg)
        for name, data in names.items():
            write_file(folder / name, data)
        rest = [data for entry_id, data in self._entries.items() if entry_id not in self._bundles]
        write_file(folder / ENTRIES, b"".join(rest))
        write_file(folder / ANSWERS, self._answers.encode())
        return len(names)


class KeptLog:
    """The answers in a folder, as a log. A folder with bundles alone will do: then nobody says what else there was."""

    def __init__(self, folder: Path) -> None:
        """Read the folder. Raises UncheckableError for one without bundles, MalformedError for files that are none."""
        self._folder = folder
        self._places = _places(folder)
        self._bundled: dict[Hash, str] = {}
        for entry_id, path in self._places.items():
            self._bundled[entry_id] = _subject_in(path)
        self._entries = _entries_in(folder / ENTRIES) if (folder / ENTRIES).exists() else {}
        has_answers = (folder / ANSWERS).exists()
        self._answers = decode_answers(read_file(folder / ANSWERS, _ANSWERS_BYTES_MAX)) if has_answers else None

    @property
    def name(self) -> str:
        """Return the log that was asked, and the folder."""
        source = f", kept from {self._answers.source}" if self._answers is not None else ""
        return f"{self._folder}{source}"

    def entries_about(self, subject: str) -> Listing:
        """Return what the log answered; without its answers, the bundles about the subject, and perhaps not all."""
        if self._answers is None:
            ids = (entry_id for entry_id, about in self._bundled.items() if about == subject)
            return Listing(tuple(ids), is_whole=False)
        listing = self._answers.listings.get(subject)
        if listing is None:
            msg = f"the log's answer about {subject} was not kept in {self._folder}"
            raise UncheckableError(msg)
        return listing

    def statement(self, entry_id: Hash) -> bytes:
        """Return an entry that was kept, by itself or in its bundle."""
        if entry_id in self._entries:
            return self._entries[entry_id]
        return decode_bundle(self.bundle(entry_id)).statement

    def bundle(self, entry_id: Hash) -> bytes:
        """Return the bundle of an entry."""
        if entry_id not in self._places:
            msg = f"the bundle of {entry_id.hex()} was not kept in {self._folder}"
            raise UncheckableError(msg)
        return read_file(self._places[entry_id], EVIDENCE_BYTES_MAX)

    def consistency(self, old: TreeSize, new: TreeSize) -> tuple[Hash, ...]:
        """Return the path between two sizes."""
        paths = self._answers.paths if self._answers is not None else {}
        if (old, new) not in paths:
            msg = f"no path from {old} to {new} entries was kept in {self._folder}"
            raise UncheckableError(msg)
        return paths[old, new]


def _places(folder: Path) -> dict[Hash, Path]:
    """Return where each bundle is, by the entry that its name says."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == BUNDLE_SUFFIX)
    except OSError as error:
        msg = f"cannot read {folder}: {error.strerror}"
        raise UncheckableError(msg) from error
    if not 1 <= len(paths) <= PIECES_MAX:
        msg = f"expected 1 to {PIECES_MAX} bundles (*{BUNDLE_SUFFIX}) in {folder}, got {len(paths)}"
        raise UncheckableError(msg)
    try:
        return {_hash(path.stem): path for path in paths}
    except (ValueError, TypeError) as error:
        msg = f"expected bundles named by their entry ids in {folder}, got others"
        raise MalformedError(msg) from error


def _subject_in(path: Path) -> str:
    """Return what the entry in a bundle is about, nothing where it cannot be read: its verification says why."""
    try:
        return decode_statement(decode_bundle(read_file(path, EVIDENCE_BYTES_MAX)).statement).subject
    except MalformedError:
        return ""


def _entries_in(path: Path) -> dict[Hash, bytes]:
    """Return the entries of a CBOR sequence, by their ids. Raises MalformedError, UncheckableError."""
    data = read_file(path, _ENTRIES_BYTES_MAX)
    entries: dict[Hash, bytes] = {}
    for entry in cbor.sequence_items(data):
        if len(entry) > STATEMENT_BYTES_MAX or len(entries) == _ENTRIES_MAX:
            msg = f"expected at most {_ENTRIES_MAX} entries of {STATEMENT_BYTES_MAX} bytes in {path.name}, got more"
            raise MalformedError(msg)
        entries[decode_statement(entry).leaf_hash] = entry
    return entries
