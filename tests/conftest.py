"""What all tests share: a workbench on real files, and how long Hypothesis looks."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.workbench import Workbench

for profile, examples in {"usual": 100, "long": 2000}.items():
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
settings.load_profile("usual")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    """Lend a workbench with an empty root."""
    with closing(Workbench(tmp_path / "state", tmp_path / "test.db")) as made:
        yield made
