"""One lab of each level for all tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.labs import LEVELS, SPEC, Lab, raised


@pytest.fixture(scope="package", params=LEVELS)
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with raised(request.param, tmp_path_factory.mktemp("lab") / "state", SPEC) as made:
        yield made
