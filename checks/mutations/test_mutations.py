"""Makes the code wrong in each way that mutations.py names: a test must notice. src stays as it is."""

import functools

import pytest
from kit.machine import ROOT
from mutations import MUTATIONS
from runner import PACKAGE, Runner


@pytest.fixture(scope="session")
def runner():
    """One JVM for each process of pytest, since starting and warming one up takes longer than most tests."""
    started = Runner()
    yield started
    started.end()


@pytest.fixture(scope="session")
def failing_anyway(runner, tmp_path_factory):
    nothing = tmp_path_factory.mktemp("nothing")
    return functools.cache(lambda test: runner.failing([test], nothing))


@pytest.mark.parametrize("test", sorted({test for mutation in MUTATIONS for test in mutation.tests}))
def test_verify_runs_what_notices(test):
    """By the names that Maven's two test plugins look for; so what is noticed here is noticed by `./mvnw verify`."""
    assert test.endswith(("Test", "IT"))
    assert (ROOT / f"src/test/java/{PACKAGE}/{test.replace('.', '/')}.java").exists()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_it_is_noticed(runner, failing_anyway, mutation, tmp_path):
    for name, old, new in mutation.edits:
        changed = tmp_path / PACKAGE / name
        (original,) = [changed] if changed.exists() else ROOT.glob(f"src/main/*/{PACKAGE}/{name}")
        text = original.read_text()
        assert text.count(old) == 1, f"{name} must have this once: {old}"
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_text(text.replace(old, new))
    assert [failed for test in mutation.tests for failed in failing_anyway(test)] == []
    noticed = runner.failing(mutation.tests, tmp_path)
    print(f"{mutation.name}: noticed by {', '.join(noticed)}")
    assert noticed != []
