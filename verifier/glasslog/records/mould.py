"""Read records that are like records before them: the answer of `decode_record`, several times faster.

The records of one system differ in ids, digests, numbers and times, and in little else. A *mould* is the form of a
record (`glasslog.records.forms`) made ready: a regular expression over the bytes, and a function from what was found in
the places of the values to what is wanted of the record. What is wanted is a `Use`: the whole record, a summary, the
facts of an audit. A record that fits no mould is decoded as ever, and that alone says what is wrong with it.

Making a mould costs milliseconds, so one is made when a form is seen again and again, few are kept, and records that
are all different cost little more than before: a stranger's variety is looked at rarely, and ever more so.
"""

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeAlias, TypeVar

from glasslog.records.forms import Fields, Form, MisfitError
from glasslog.records.record import RECORDS, Record, decode_record

MOULDS_MAX: Final = 16
"""What a record is held against at most; the moulds that fitted last come first."""
LEARNING_INTERVAL: Final = 16
"""Of so many records that fit no mould, one is looked at for its form; a form that comes twice makes a mould."""
RECORD_BYTES_MAX: Final = 16_384
"""What a record may have to be held against moulds: longer expressions cost more than they save."""
_PATIENCE: Final = 256  # looks without a form that comes again, after which looking becomes rare
_RARELY: Final = 256  # times as many
_FORMS_MAX: Final = 256  # forms that were seen once
_PLACES_MAX: Final = 256  # values of one record that may differ

Frame: TypeAlias = tuple[bytes, bytes]
"""What records stand in, as two expressions without groups: for what is before one, and for what follows it."""
_NO_FRAME: Final = (b"", b"")

T = TypeVar("T")


@dataclass(frozen=True)
class Use(Generic[T]):
    """What is wanted of records, said twice: of a record that was decoded, and as source over the places of a form.

    Both must give the same for every record. `wide` tells which forms are made.
    """

    of: Callable[[Record], T]
    write: Callable[[Form], str]
    wide: bool = False


class Summary(NamedTuple):
    """What sequencing takes of a record: its type and its place in its stream."""

    type: str
    stream: str
    seq: int


class Mould(Generic[T]):
    """The form of some records, made ready for one use. Making it costs milliseconds.

    `fullmatch` is for the bytes of a record, `match_framed` for those of what it stands in.
    """

    def __init__(self, form: Form, use: Use[T], frame: Frame) -> None:
        """Take a form that nothing was written for yet, and what a record stands in."""
        form.ask()
        self.read: Final[Callable[..., T]] = form.compile(use.write(form))
        self.fullmatch: Final = re.compile(form.pattern, re.DOTALL).fullmatch
        self.match_framed: Final = re.compile(form.pattern.join(frame), re.DOTALL).fullmatch

    def fit(self, payload: bytes) -> T | None:
        """Return what is wanted of the record that a payload is, if it is one of these; None where that is unknown."""
        found = self.fullmatch(payload)
        try:
            return None if found is None else self.read(*found.groups())
        except MisfitError:
            return None


def mould_of(record: Record, use: Use[T]) -> Mould[T] | None:
    """Return the mould of all records that differ from one in certain values alone; None where that is not worth it."""
    return _ready(Form(RECORDS[record.type], record.fields, wide=use.wide), use, _NO_FRAME)


def _ready(form: Form, use: Use[T], frame: Frame) -> Mould[T] | None:
    worth = form.places <= _PLACES_MAX and isinstance(form.record, Fields)
    return Mould(form, use, frame) if worth else None


class Moulds(Generic[T]):
    """The moulds that were made so far for one use. For one thread."""

    def __init__(self, use: Use[T], frame: Frame = _NO_FRAME) -> None:
        """Begin with none. `frame` is what records stand in where they are looked for with `find`."""
        self._use = use
        self._frame = frame
        self._moulds: list[Mould[T]] = []
        self._forms: OrderedDict[bytes, None] = OrderedDict()
        self._misses = 0
        self._looks_in_vain = 0

    @property
    def learned(self) -> int:
        """Return how many moulds there are."""
        return len(self._moulds)

    def find(self, data: bytes, start: int) -> T | None:
        """Return what is wanted of the record that stands, in its frame, from `start` to the end of `data`.

        None where that is no such record, or one that fits no mould.
        """
        if len(data) - start <= RECORD_BYTES_MAX:
            for mould in self._moulds:
                found = mould.match_framed(data, start)
                if found is not None and (wanted := self._take(mould, found)) is not None:
                    return wanted
        return None

    def _take(self, mould: Mould[T], found: re.Match[bytes]) -> T | None:
        """Return what is wanted of a match, unless the record does not fit after all; have its mould come first."""
        try:
            wanted: T = mould.read(*found.groups())
        except MisfitError:
            return None
        if mould is not self._moulds[0]:
            self._moulds.remove(mould)
            self._moulds.insert(0, mould)
        return wanted

    def read(self, data: bytes, start: int = 0, end: int | None = None) -> T:
        """Return what is wanted of the record that `data[start:end]` is. Raises MalformedError, as `decode_record`."""
        if end is None:
            end = len(data)
        if end - start <= RECORD_BYTES_MAX:
            for mould in self._moulds:
                found = mould.fullmatch(data, start, end)
                if found is not None and (wanted := self._take(mould, found)) is not None:
                    return wanted
        payload = data[start:end]
        record = decode_record(payload)
        self._misses += 1
        if self._misses % (LEARNING_INTERVAL * (_RARELY if self._looks_in_vain > _PATIENCE else 1)) == 0:
            self._look_at(payload, record)
        return self._use.of(record)

    def _look_at(self, payload: bytes, record: Record) -> None:
        """Make a mould of a record whose form was seen before; remember the form otherwise."""
        if len(payload) > RECORD_BYTES_MAX:
            return
        form = Form(RECORDS[record.type], record.fields, wide=self._use.wide)
        pattern = form.pattern
        if pattern not in self._forms:
            self._looks_in_vain += 1
            self._forms[pattern] = None
            if len(self._forms) > _FORMS_MAX:
                self._forms.popitem(last=False)
            return
        del self._forms[pattern]
        mould = _ready(form, self._use, self._frame)
        if mould is None:
            return
        if mould.fit(payload) != self._use.of(record):
            msg = "expected a mould to fit the record that it was made from"
            raise AssertionError(msg)
        self._looks_in_vain = 0
        self._moulds.insert(0, mould)
        del self._moulds[MOULDS_MAX:]


def _write_record(form: Form) -> str:
    return f"{form.object_(Record)}({form.value(form.record)})"


def _write_summary(form: Form) -> str:
    places = form.at("type"), form.at("stream", "id"), form.at("stream", "seq")
    return f"{form.object_(Summary)}({', '.join(map(form.value, places))})"


def summary_of(record: Record) -> Summary:
    """Return what sequencing takes of a record."""
    stream = record.stream
    return Summary(record.type, stream.id, stream.seq)


DECODING: Final = Use(lambda record: record, _write_record)
"""The whole record."""
SUMMARISING: Final = Use(summary_of, _write_summary, wide=True)
"""Its summary, from forms that let text differ."""
