import pytest

from glasslog import errors, limits
from glasslog.errors import GlasslogError, MalformedError, UncheckableError, VerificationError

CLASSES = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]


def test_there_is_one_tree_with_three_branches() -> None:
    assert all(issubclass(item, GlasslogError) for item in CLASSES)
    branches = (MalformedError, VerificationError, UncheckableError)
    for item in CLASSES:
        assert item is GlasslogError or sum(issubclass(item, branch) for branch in branches) == 1


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [item.code for item in CLASSES if issubclass(item, GlasslogError)]
    assert len(set(codes)) == len(codes)
    assert all("code" in vars(item) for item in CLASSES)


def test_the_tree_that_is_drawn_is_the_tree() -> None:
    drawn = [line.split()[-1] if line.endswith("Error") else line for line in (errors.__doc__ or "").splitlines()]
    names = {word for line in drawn for word in line.split() if word.endswith("Error")}
    assert names == {item.__name__ for item in CLASSES}


def test_limits_that_contradict_each_other_stop_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "STATEMENT_BYTES_MAX", limits.ENTRY_BYTES_MAX + 1)
    with pytest.raises(AssertionError, match="must fit an entry"):
        limits._check_relations()  # noqa: SLF001 (it runs at import, which happened)
