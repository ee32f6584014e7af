"""A second reading of records.cddl: an evaluator and a generator for the part of CDDL (RFC 8610) that is used in it.

The text is parsed by a parser that is not ours; what the parts mean is taken from the RFC and from nothing else. What
is not used in records.cddl is not known here, and stops the test.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias

from cddlparser import ast, parse
from hypothesis import strategies as st

from glasslog import records
from glasslog.cbor import Value

Node: TypeAlias = Any
"""A part of the parsed text: one of `cddlparser.ast`."""

CDDL_FILE: Final = Path(records.__file__).parent / "records.cddl"
_PRELUDE: Final[dict[str, Callable[[Value], bool]]] = {
    "bstr": lambda value: type(value) is bytes,
    "tstr": lambda value: type(value) is str,
    "nint": lambda value: type(value) is int and value < 0,
    "float": lambda value: type(value) is float,
    "bool": lambda value: type(value) is bool,
    "null": lambda value: value is None,
}
_SOME: Final[dict[str, st.SearchStrategy[Value]]] = {
    "nint": st.integers(-(2**64), -1),
    "float": st.one_of(st.floats(0, 1), st.floats()),
    "bool": st.booleans(),
    "null": st.none(),
}
_SOME_MORE: Final = 3  # elements beyond the least, in what is generated


@dataclass(frozen=True)
class _Member:
    """What an alternative of a group holds: `least` to `most` times a key (None in an array) and a type."""

    least: int
    most: float
    key: ast.CDDLNode | None
    type: ast.CDDLNode

    @property
    def name(self) -> str | None:
        """Return the key, where it is a name and no type."""
        return self.key.value if isinstance(self.key, ast.Value) else None


class Cddl:
    """The rules of a CDDL text."""

    def __init__(self, text: str, some: Mapping[str, st.SearchStrategy[Value]]) -> None:
        """Take the text, and what to generate for rules of which CDDL does not say all."""
        self._given = {**_SOME, **some}
        self._rules: dict[str, Node] = {rule.name.name: rule.type for rule in parse(text).rules}
        self._known: dict[int, list[list[_Member]]] = {}  # alternatives of groups
        self.some = cache(self._some_of_rule)

    def matches(self, name: str, value: Value) -> bool:
        """Tell whether a value is of the type that a rule names."""
        return self._matches(self._type(name), value)

    def _type(self, name: str) -> Node:
        return _unwrapped(self._rules[name])

    def _matches(self, node: Node, value: Value) -> bool:
        node = _unwrapped(node)
        match node:
            case ast.Type():
                fits = any(self._matches(choice, value) for choice in node.types)
            case ast.Value():
                fits = type(value) is type(_literal(node)) and value == _literal(node)
            case ast.Typename():
                fits = _PRELUDE[node.name](value) if node.name in _PRELUDE else self.matches(node.name, value)
            case ast.Range():
                fits = type(value) is int and _literal(node.min) <= value <= _literal(node.max)
            case ast.Operator():
                fits = self._matches(node.type, value) and self._is_controlled(node, value)
            case ast.Map():
                fits = type(value) is dict and any(map(self._fits_map(value), self._alternatives(node)))
            case ast.Array():
                fits = type(value) is list and any(map(self._fits_array(value), self._alternatives(node)))
            case _:
                _unknown(node)
        return bool(fits)

    def _is_controlled(self, node: ast.Operator, value: Value) -> bool:
        controller = _unwrapped(node.controller)
        match node.name.literal:
            case "and":
                fits = self._matches(controller, value)
            case "regexp":
                fits = re.fullmatch(_literal(controller), value) is not None
            case "size":
                fits = self._matches(controller, len(value.encode() if isinstance(value, str) else value))
            case "ge":
                fits = value >= _literal(controller)
            case "le":
                fits = value <= _literal(controller)
            case _:
                _unknown(node)
        return bool(fits)

    def _fits_map(self, value: Mapping[Value, Value]) -> Callable[[list[_Member]], bool]:
        def fits(members: list[_Member]) -> bool:
            rest = dict(value)
            for member in members:
                if member.name in rest:
                    if not self._matches(member.type, rest.pop(member.name)):
                        return False
                elif member.name is not None and member.least:
                    return False
            return self._fits_rest(rest, [member for member in members if member.name is None])

        return fits

    def _fits_rest(self, rest: Mapping[Value, Value], members: list[_Member]) -> bool:
        """Tell whether the fields that are not named are those of the one member whose key is a type, if there is."""
        if not members:
            return not rest
        [member] = members
        of_type = all(self._matches(member.key, key) and self._matches(member.type, rest[key]) for key in rest)
        return of_type and member.least <= len(rest) <= member.most

    def _fits_array(self, value: list[Value]) -> Callable[[list[_Member]], bool]:
        def fits(members: list[_Member]) -> bool:
            [member] = members
            return member.least <= len(value) <= member.most and all(self._matches(member.type, e) for e in value)

        return fits

    def _alternatives(self, group: ast.Group) -> list[list[_Member]]:
        """Return every choice that a group leaves, with the groups within it dissolved; first what tells it apart."""
        if id(group) not in self._known:
            choices = [choice.groupEntries for choice in group.groupChoices]
            self._known[id(group)] = [
                sorted(alternative, key=lambda member: not isinstance(_unwrapped(member.type), ast.Value))
                for entries in choices
                for alternative in self._expanded(entries)
            ]
        return self._known[id(group)]

    def _expanded(self, entries: list[ast.GroupEntry]) -> Iterator[list[_Member]]:
        if not entries:
            yield []
            return
        for first in self._of_entry(entries[0]):
            for others in self._expanded(entries[1:]):
                yield [*first, *others]

    def _of_entry(self, entry: ast.GroupEntry) -> list[list[_Member]]:
        least, most = (entry.occurrence.n, entry.occurrence.m) if entry.occurrence else (1, 1)
        if entry.key is not None:
            return [[_Member(int(least), most, entry.key.type, entry.type)]]
        inner = _unwrapped(entry.type)
        group = self._type(inner.name) if isinstance(inner, ast.Typename) and inner.name in self._rules else inner
        if _is_group(group):
            return self._alternatives(group)
        return [[_Member(int(least), most, None, inner)]]

    # The other way: values of a type.

    def _some_of_rule(self, name: str) -> st.SearchStrategy[Value]:
        return self._given[name] if name in self._given else st.deferred(lambda: self._some(self._type(name)))

    def _some(self, node: Node) -> st.SearchStrategy[Value]:
        node = _unwrapped(node)
        match node:
            case ast.Type():
                some = st.one_of([self._some(choice) for choice in node.types])
            case ast.Value():
                some = st.just(_literal(node))
            case ast.Typename():
                some = self.some(node.name)
            case ast.Range():
                some = st.integers(_literal(node.min), _literal(node.max))
            case ast.Operator():
                some = self._some_controlled(node)
            case ast.Map():
                some = st.one_of([self._some_map(members) for members in self._alternatives(node)])
            case ast.Array():
                some = st.one_of([self._some_array(members) for members in self._alternatives(node)])
            case _:
                _unknown(node)
        return some

    def _some_controlled(self, node: ast.Operator) -> st.SearchStrategy[Value]:
        match node.name.literal:
            case "regexp":
                some = st.from_regex(_literal(_unwrapped(node.controller)), fullmatch=True)
            case "size":
                of_octets = _unwrapped(node.type).name == "bstr"
                some = self._some(node.controller).map(bytes if of_octets else lambda size: "x" * size)
            case "and":
                some = self._some(node.controller).filter(lambda value: self._matches(node, value))
            case "ge" | "le":
                some = self._some(node.type).filter(lambda value: self._matches(node, value))
            case _:
                _unknown(node)
        return some

    def _some_map(self, members: list[_Member]) -> st.SearchStrategy[Value]:
        named = [member for member in members if member.name is not None]
        required = {member.name: self._some(member.type) for member in named if member.least}
        optional = {member.name: self._some(member.type) for member in named if not member.least}
        of_names = st.fixed_dictionaries(required, optional=optional)
        for member in members:
            if member.name is None:
                most = min(member.most, member.least + _SOME_MORE)
                keys, values = self._some(member.key), self._some(member.type)
                return st.dictionaries(keys, values, min_size=member.least, max_size=int(most))
        return of_names

    def _some_array(self, members: list[_Member]) -> st.SearchStrategy[Value]:
        [member] = members
        most = int(min(member.most, member.least + _SOME_MORE))
        return st.lists(self._some(member.type), min_size=member.least, max_size=most)


def _unwrapped(node: Node) -> Node:
    """Return what stands in parentheses that hold one thing."""
    while True:
        if isinstance(node, ast.Type) and len(node.types) == 1:
            [node] = node.types
        elif isinstance(node, ast.GroupEntry) and node.key is None and node.occurrence is None:
            node = node.type
        elif _is_group(node) and len(node.groupChoices) == 1 and _holds_one_type(node.groupChoices[0]):
            [node] = node.groupChoices[0].groupEntries
        else:
            return node


def _is_group(node: Node) -> bool:
    return isinstance(node, ast.Group) and not isinstance(node, ast.Map | ast.Array)


def _holds_one_type(choice: ast.GroupChoice) -> bool:
    return len(choice.groupEntries) == 1 and choice.groupEntries[0].isConvertibleToType()


def _literal(node: Node) -> Value:
    node = _unwrapped(node)
    if not isinstance(node, ast.Value):
        _unknown(node)
    if node.type == "text":
        return json.loads(f'"{node.value}"')
    return float(node.value) if re.search(r"[.e]", node.value) else int(node.value)


def _unknown(node: Node) -> NoReturn:
    msg = f"this reader does not know {node!r}"
    raise AssertionError(msg)
