#!/usr/bin/env -S PYTHONPATH=checks python3
"""Makes the code wrong in each way that mutations.py names, and prints which tests notice. Fails if none does, or if a
mutation no longer fits the code. Needs a JDK 25. Works in target/mutations; src stays as it is.

check.py [WORD]...  only the mutations whose name contains one of the words"""

import concurrent.futures
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree as xml
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kit.java import class_path, compile_trees
from kit.machine import ROOT, jdk25
from mutations import MUTATIONS

WORK = ROOT / "target/mutations"
PACKAGE = "so/suna/queuemetrics"
CLASSES = [WORK / "test-classes", WORK / "classes"]
SECONDS_FOR_TESTS = 180
# Tests wait for time-outs as well as compute.
RUNNERS = max(2, os.cpu_count() or 2)


class Failed(RuntimeError):
    """The check itself could not be made."""


def libraries():
    """The tests' class path, and JUnit's own way to run tests without Maven's seconds."""
    version = xml.parse(ROOT / "pom.xml").findtext(".//{*}junit.version")
    junit = f"org.junit.platform:junit-platform-console-standalone:{version}"
    path = class_path(WORK / "classpath", "dependency:copy", f"-Dartifact={junit}", f"-DoutputDirectory={WORK}")
    return f"{path}:{WORK}/junit-platform-console-standalone-{version}.jar"


class Runner:
    """A JVM, see Runner.java."""

    def __init__(self, path, log):
        self.path = path
        java = [jdk25() / "bin/java", "-XX:TieredStopAtLevel=1", "-classpath", path, Path(__file__).with_name("Runner.java")]
        self.process = subprocess.Popen(java, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def failing(self, tests, directory):
        """The names of the tests that failed until JUnit gave up, which it does soon after the first."""
        classes = [str(each) for each in (directory, *CLASSES)]
        path = ":".join([*classes, self.path])
        # Without the checks of the build: the tests must notice by themselves.
        if sources := [str(file) for file in directory.rglob("*.java")]:
            status, said = self.run("javac", path, "-proc:none", "-nowarn", "-d", classes[0], "-classpath", path, *sources)
            if status != 0:
                raise Failed(f"javac: {said}")
        names = [f"--select-class={PACKAGE.replace('/', '.')}.{test}" for test in tests]
        options = ["--fail-fast", "--fail-if-no-tests", "--details=none", "--class-path", ":".join(classes), *names]
        status, said = self.run("junit", path, "execute", "--disable-banner", *options)
        # 0: all passed; 1: a test failed.
        if status not in (0, 1):
            raise Failed(f"no test ran of {' '.join(tests)}: {said}")
        failed = re.findall(r"(?:Class|Method)Source \[className = '[\w.]*?(\w+)'(?:, methodName = '(\w+)')?", said)
        if bool(failed) != bool(status):
            raise Failed(f"expected the names of failed tests, JUnit said {said}")
        return [".".join(filter(None, each)) for each in failed]

    def run(self, tool, path, *arguments):
        """Its exit status, and what it said."""
        late = threading.Timer(SECONDS_FOR_TESTS, self.end)
        late.start()
        self.process.stdin.write(json.dumps({"tool": tool, "arguments": arguments, "path": path}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        late.cancel()
        if not answer:
            raise Failed(f"{tool} must end within {SECONDS_FOR_TESTS} s, whatever is wrong with the code; see {WORK}/log")
        return json.loads(answer).values()

    def end(self):
        self.process.terminate()  # So that it ends the servers that it started, unless that hangs too.
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


@contextmanager
def runners(path):
    """What runs tests on the first runner that is free."""
    free = queue.SimpleQueue()
    with (WORK / "log").open("w") as log, ExitStack() as made:
        for _ in range(RUNNERS):
            runner = Runner(path, log)
            made.callback(runner.end)
            free.put(runner)

        def failing(tests, directory):
            runner = free.get()
            try:
                return runner.failing(tests, directory)
            finally:
                free.put(runner)

        yield failing


def mutate(mutation, directory):
    """Writes the files that the mutation changes to a directory of their own."""
    files = set()
    for name, old, new in mutation.edits:
        original = next(ROOT.glob(f"src/main/*/{PACKAGE}/{name}"), None)
        if original is None:
            raise Failed(f"expected a file {name} below src/main, found none")
        file = directory / PACKAGE / name
        text = (file if file in files else original).read_text()
        if text.count(old) != 1:
            raise Failed(f"{name} must have this once, has it {text.count(old)} times: {old}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(old, new))
        files.add(file)


def noticed_by(mutation, failing):
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        try:
            mutate(mutation, Path(directory))
            return failing(mutation.tests, Path(directory))
        except Failed as failure:
            raise Failed(f"{mutation.name}: {failure}") from None


def check_that_verify_runs(tests):
    """By the names that Maven's two test plugins look for; so what is noticed here is noticed by `./mvnw verify`."""
    for test in tests:
        if not test.endswith(("Test", "IT")) or not (ROOT / f"src/test/java/{PACKAGE}/{test.replace('.', '/')}.java").exists():
            raise Failed(f"./mvnw verify runs no test {test}")


def summary(tests):
    names = list(dict.fromkeys(tests))
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def main(words):
    chosen = [each for each in MUTATIONS if not words or any(word in each.name for word in words)]
    if not chosen:
        raise Failed(f"no mutation has {' or '.join(words)} in its name")
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "none").mkdir(parents=True)
    tests = sorted({test for mutation in chosen for test in mutation.tests})
    check_that_verify_runs(tests)
    path = libraries()
    compile_trees(CLASSES[1], path, "src/main")
    compile_trees(CLASSES[0], f"{CLASSES[1]}:{path}", "src/test", "src/local")

    survived = 0
    width = max(len(mutation.name) for mutation in chosen)
    with runners(path) as failing, concurrent.futures.ThreadPoolExecutor(RUNNERS) as pool:
        if broken := [name for names in pool.map(lambda test: failing([test], WORK / "none"), tests) for name in names]:
            raise Failed(f"without any mutation these tests must pass, but failed: {summary(broken)}")
        for mutation, noticed in zip(chosen, pool.map(lambda each: noticed_by(each, failing), chosen), strict=True):
            survived += not noticed
            print(f"{mutation.name:{width}}  {summary(noticed) or 'NOT NOTICED by ' + ' '.join(mutation.tests)}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} mutations noticed")
    return 1 if survived else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as failure:
        sys.exit(str(failure))
