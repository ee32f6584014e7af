"""Commands to begin with, as the last lines of a command's help."""


def example(*commands: str) -> str:
    """Return the epilog of a help text with commands as they are typed, none of them wrapped."""
    return "\n".join(("\b", "For example:", *(f"  {command}" for command in commands)))
