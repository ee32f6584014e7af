"""The examples of the schema's own tests, said with the typed bodies."""

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Final, Union, cast, get_args, get_origin, get_type_hints

from glasslog_issuer import bodies
from glasslog_issuer.bodies import Body
from tests.verifier.records.examples import BODIES, OTHER_BODIES

CLASSES: Final[dict[str, type[Body]]] = {
    thing.record_type: thing
    for thing in vars(bodies).values()
    if isinstance(thing, type) and issubclass(thing, Body) and hasattr(thing, "record_type")
}


def required(hint: object) -> object:
    """Return the type of a field that may be left out, without the None that stands for leaving it out."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return Union[tuple(kind for kind in get_args(hint) if kind is not NoneType)]  # noqa: UP007  no fixed number


def typed(hint: Any, value: Any) -> Any:  # noqa: ANN401  a type, and a value of it
    """Return a value as an issuer's code would write it: maps by their dataclasses, arrays as tuples."""
    hint = required(hint)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        names = {f.name.removesuffix("_"): f.name for f in fields(hint)}
        arguments = {names[name]: typed(hints[names[name]], element) for name, element in value.items()}
        return cast("Any", hint)(**arguments)
    if isinstance(value, list):
        [element_hint] = get_args(hint)
        return tuple(typed(element_hint, element) for element in value)
    return value


def typed_body(record_type: str, body: dict[str, Any]) -> Body:
    typed_as: Body = typed(CLASSES[record_type], body)
    return typed_as


EXAMPLES: Final = {
    f"{record_type}: {which}": (record_type, body)
    for record_type in CLASSES
    for which, body in {"in full": BODIES[record_type], **OTHER_BODIES.get(record_type, {})}.items()
}
FULL: Final = {name: typed_body(record_type, body) for name, (record_type, body) in EXAMPLES.items()}
