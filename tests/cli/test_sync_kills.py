"""Kill tests: whatever dies when, no line is lost or doubled, and no job stays unfinished."""

import random
import sys

import pytest

from harness import ROOT, SANITIZED

sys.path.insert(0, str(ROOT / "tests/bench"))

import sync_kills  # noqa: E402


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_kills_lose_and_double_nothing(kind, tmp_path, request):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown if the test fails
    if kind == "sqlite":
        url, kills = f"sqlite:{tmp_path / 'library'}", 6 if SANITIZED else 30
    else:
        postgres = request.getfixturevalue("postgres")
        url, kills = postgres.url(postgres.make_database()), 3 if SANITIZED else 10
    outcome = sync_kills.campaign(kills, url, seed)
    print(outcome)
    assert outcome.is_clean, outcome.problems
    assert outcome.jobs > sync_kills.POEMS and outcome.lines
