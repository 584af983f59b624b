"""Scripts of deploy/, run in this process: starting them and every aws command would take a hundred times as long."""

import json
import runpy
import subprocess
import sys
from collections import namedtuple

import pytest

Done = namedtuple("Done", "returncode stdout stderr")


class Refusal(Exception):
    """What the aws command prints when it fails."""


@pytest.fixture
def script(monkeypatch, capsys):
    """Runs a script for which `aws` answers in place of the aws command, as JSON or with nothing."""

    def run(path, aws, *arguments):
        def command(words, *, capture_output, text, check):
            assert (words[0], capture_output, text, check) == ("aws", True, True, False)
            try:
                answer = aws(*words[1:])
                return subprocess.CompletedProcess(words, 0, json.dumps(answer) if answer else "", "")
            except Refusal as refusal:
                return subprocess.CompletedProcess(words, 254, "", f"\n{refusal}\n")

        def no_other(*words, **_):
            raise AssertionError(f"only subprocess.run may start a command, got {words}")

        monkeypatch.setattr(subprocess, "run", command)
        # The caller's account must never be asked.
        monkeypatch.setattr(subprocess, "Popen", no_other)
        # The signals are pytest's own.
        monkeypatch.setattr("signal.signal", lambda *_: None)
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(path), run_name="__main__")
        return Done(ended.value.code, *capsys.readouterr())

    return run
