"""A vendor with an empty vault."""

from pathlib import Path

import pytest

from tests.issuer.vault.vaults import Vendor


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path / "vault")
