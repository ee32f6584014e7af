"""What facts take of a record: said of a decoded one, and written for records that fit a mould.

An extract has the record's own times and numbers, and its *kind*: what is the same in most records of a system, so that
it is one object for all of them. `extract_of` is the authority. `_write` says the same over the places of a form
(`glasslog.records.forms`), so that an audit neither builds the record nor walks it; the kind is then looked up by the
few values that it depends on, such as the model. Whose the record is, and where in the log it stands, is for
`glasslog.audit.facts` to add.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from glasslog.audit.rows import ROWS_OF, Row
from glasslog.cbor import Value
from glasslog.records import Record
from glasslog.records.forms import Elements, Fields, Fixed, Form, Place
from glasslog.records.mould import Use
from glasslog.records.schema import TIME_MS_MAX

CLOCK_MS: Final = 1_000
"""Clocks of one decision agree to a second: a guardrail and the model it guards may run on two machines."""
_KINDS_MAX: Final = 256  # of one mould, in memory

Kind: TypeAlias = tuple[Row, Row | None, tuple[Row, ...] | None]
"""((record type, system, env, stream id), call, runs): see `call_of` and `run_of`."""
Extract: TypeAlias = tuple[
    Kind, bytes, int, int, int, bytes | None, tuple[int, bytes] | None, Mapping[str, Value] | None
]
"""(kind, id, time, end, seq, prev, anchor, fields that rows are made of): a tuple, for there are millions."""


def extract_of(record: Record) -> Extract:
    """Return what facts take of a record. `end` is as stated, and of an inference not before its latency has passed."""
    fields = record.fields
    record_type, stream, anchor, time = fields["type"], fields["stream"], fields.get("anchor"), fields["time"]
    end = fields.get("end", time)
    call = runs = None
    if record_type == "inference":
        body = fields["body"]
        latency = int(min(body["latency_ms"], TIME_MS_MAX))
        begin = time if "end" in fields else time - latency  # `time` alone may be of the answer
        end = max(end, time + latency)
        call = call_of(body, fields.get("links"))
        runs = tuple([run_of(execution, begin, end) for execution in body["guardrails"]])
    elif record_type == "guardrail-execution":
        runs = (run_of(fields["body"], None, None),)
    rowed: Mapping[str, Value] | None = None
    if record_type in ROWS_OF:
        rowed = fields
    elif "links" in fields:
        rowed = {"links": fields["links"]}
    return (
        ((record_type, fields["system"], fields["env"], stream["id"]), call, runs),
        fields["id"],
        time,
        end,
        stream["seq"],
        stream.get("prev"),
        None if anchor is None else (anchor["size"], anchor["root"]),
        rowed,
    )


def call_of(body: Mapping[str, Value], links: Value = None) -> Row:
    """Return what inferences have in common: the columns of `calls`.

    `configs` are the ids of all configurations that the inference names, 16 bytes each, one after another: the field
    `config`, then the links of rel `config`.
    """
    provider, decision = body["provider"], body.get("decision")
    configs = body["config"]
    if links:
        configs += b"".join([link["id"] for link in links if link["rel"] == "config"])
    return (
        body["operation"],
        provider["name"],
        body["requested_model"],
        body.get("response_model"),
        body["model"],
        configs,
        body["status"],
        body["automation"],
        None if decision is None else decision["label"],
    )


def run_of(execution: Mapping[str, Value], begin: int | None, end: int | None) -> Row:
    """Return what guardrail executions have in common: (guardian, target, position, decision, in time).

    In time is 1 or 0 for an execution within an inference that ran from `begin` to `end`, and None for one on its own,
    whose `started` is a column of `executions`.
    """
    position, in_time = execution["position"], None
    if begin is not None and end is not None:
        in_time = 1 if is_in_time(position, execution["started"], begin, end) else 0
    return (execution["guardian"]["id"], execution["target"], position, execution["decision"], in_time)


def is_in_time(position: str, started: int, begin: int, end: int) -> bool:
    """Tell whether a guardrail started when its position says, for an inference from `begin` to `end`, POSIX ms.

    One before the model (`pre`) started before the answer was there, one after it (`post`) not before the question was
    asked, one beside it (`parallel`) in between; each give or take CLOCK_MS.
    """
    return (position == "post" or started <= end + CLOCK_MS) and (position == "pre" or started >= begin - CLOCK_MS)


# --------------------------------------------------------------------------------------- the same over a form's places


class _Writer:
    """Write the source of one form's extract. Every method but `extract` returns the source of a part of the kind."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._record = form.record if isinstance(form.record, Fields) else Fields()
        self._key: dict[str, None] = {}  # the variables that the kind depends on

    def extract(self) -> str:
        form, record = self._form, self._record
        record_type = _word(record["type"])
        time = form.value(record["time"])
        end = form.value(record["end"]) if "end" in record else time
        call = runs = "None"
        if record_type == "inference":
            end, runs = self._inference(time, end)
            call = self._call()
        elif record_type == "guardrail-execution":
            runs = self._tuple([self._run(form.at("body"), "None")])
        what = [self._of(form.at(*path)) for path in (("type",), ("system",), ("env",), ("stream", "id"))]
        kind = self._kept(self._tuple([self._tuple(what), call, runs]))
        rest = [form.value(record["id"]), time, end, form.value(form.at("stream", "seq"))]
        return self._tuple([kind, *rest, self._prev(), self._anchor(), self._fields(record_type)])

    def _inference(self, time: str, end: str) -> tuple[str, str]:
        """Return the end and the runs."""
        form = self._form
        measured = form.value(form.at("body", "latency_ms"))
        latency = form.variable(f"int({measured}) if {measured} < {TIME_MS_MAX} else {TIME_MS_MAX}")
        over = form.variable(f"{time} + {latency}")
        begin = time if "end" in self._record else form.variable(f"{time} - {latency}")
        if "end" in self._record:
            over = form.variable(f"{end} if {end} > {over} else {over}")
        executions = form.at("body", "guardrails")
        runs = []
        for execution in executions if isinstance(executions, Elements) else ():
            started, position = form.value(_at(execution, "started")), _word(_at(execution, "position"))
            late = f"{started} <= {over} + {CLOCK_MS}" if position != "post" else "True"
            early = f"{started} >= {begin} - {CLOCK_MS}" if position != "pre" else "True"
            in_time = form.variable(f"1 if {late} and {early} else 0")
            self._key[in_time] = None
            runs.append(self._run(execution, in_time))
        return over, self._tuple(runs)

    def _call(self) -> str:
        body = self._form.at("body")
        configs = self._of(_at(body, "config"))
        links = self._record.get("links")
        for link in links if isinstance(links, Elements) else ():
            if _word(_at(link, "rel")) == "config":
                configs += f" + {self._of(_at(link, 'id'))}"
        return self._tuple(
            [
                self._of(_at(body, "operation")),
                self._of(_at(body, "provider", "name")),
                self._of(_at(body, "requested_model")),
                self._of_optional(body, "response_model"),
                self._of(_at(body, "model")),
                configs,
                self._of(_at(body, "status")),
                self._of(_at(body, "automation")),
                self._of_optional(body, "decision", "label"),
            ]
        )

    def _run(self, execution: Place, in_time: str) -> str:
        names = (("guardian", "id"), ("target",), ("position",), ("decision",))
        return self._tuple([*[self._of(_at(execution, *path)) for path in names], in_time])

    def _kept(self, kind: str) -> str:
        """Write a look-up of the kind by what it depends on, so that it is made once."""
        form, key = self._form, self._tuple(self._key)
        kinds = form.object_({})
        found = form.variable(f"{kinds}.get({key})")
        form.line(f"if {found} is None:")
        form.line(f"    if len({kinds}) >= {_KINDS_MAX}: {kinds}.clear()")
        form.line(f"    {found} = {kinds}[{key}] = {kind}")
        return found

    def _prev(self) -> str:
        stream = self._form.at("stream")
        return self._form.value(stream["prev"]) if isinstance(stream, Fields) and "prev" in stream else "None"

    def _anchor(self) -> str:
        anchor = self._record.get("anchor")
        if anchor is None:
            return "None"
        return self._tuple([self._form.value(_at(anchor, name)) for name in ("size", "root")])

    def _fields(self, record_type: str) -> str:
        if record_type in ROWS_OF:
            return self._form.value(self._record)
        links = self._record.get("links")
        return "None" if links is None else f"{{'links': {self._form.value(links)}}}"

    def _of(self, place: Place) -> str:
        """Return the source of a value that the kind depends on."""
        source = self._form.value(place)
        if not isinstance(place, Fixed):
            self._key[source] = None
        return source

    def _of_optional(self, place: Place, name: str, *names: str) -> str:
        return self._of(_at(place, name, *names)) if isinstance(place, Fields) and name in place else "None"

    @staticmethod
    def _tuple(parts: "list[str] | dict[str, None]") -> str:
        return "(" + "".join(f"{part}, " for part in parts) + ")"


def _at(place: Place, *names: str) -> Place:
    for name in names:
        if not isinstance(place, Fields):
            raise KeyError(name)
        place = place[name]
    return place


def _word(place: Place) -> str:
    """Return a word that all records of a form have in common: in forms that are not wide, words stay."""
    if not isinstance(place, Fixed):
        msg = "expected a word that is the same in all records of a form"
        raise TypeError(msg)
    return str(place.value)


EXTRACTING: Final = Use(extract_of, lambda form: _Writer(form).extract())
"""The extract of a record, for `glasslog.records.mould.Moulds`."""
