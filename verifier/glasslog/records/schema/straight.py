"""Rules as straight-line functions: the same answer as the rule itself, without a call for each value.

The source of such a function is put together from what the rules write. It is made of the schema alone: nothing that
anybody sends ever gets into it. It says no without saying why; who needs to know asks the rule.
"""

from collections.abc import Callable
from typing import Final, TypeAlias, cast

from glasslog.cbor import Value
from glasslog.records.schema.mismatch import SchemaMismatchError
from glasslog.records.schema.rule import Code, Rule

Check: TypeAlias = Callable[[Value], int]


class MisfitError(Exception):
    """Say that a straight-line function does not accept a value."""


MISFITS: Final = (MisfitError, SchemaMismatchError, AttributeError, LookupError, TypeError, ValueError)
"""What a straight-line function raises for a value that it does not accept, whatever the value is."""


def compile_rule(rule: Rule) -> Check:
    """Return a function that answers like `rule`, or raises one of MISFITS. Costs some milliseconds."""
    code = Code()
    rule.write(code, "value")
    namespace: dict[str, object] = {**code.objects, "misfit": MisfitError}
    exec(compile(source_of(rule, code), "<the schema of records>", "exec"), namespace)  # noqa: S102  our own source
    return cast("Check", namespace["check"])


def source_of(rule: Rule, code: Code) -> str:
    """Return the source of the function whose body was written."""
    return "\n".join(["def check(value):", f"    size = {rule.fixed}", *code.lines, "    return size", ""])
