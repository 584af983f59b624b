import pytest
import scripts


@pytest.fixture
def script(monkeypatch, capsys):
    return scripts.runner(monkeypatch, capsys)
