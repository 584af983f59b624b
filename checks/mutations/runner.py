"""The project, compiled, and JVMs that run its tests; see Runner.java. Works in target/mutations."""

import json
import re
import shutil
import subprocess
import threading
import xml.etree.ElementTree as xml
from pathlib import Path

from kit.java import class_path, compile_trees
from kit.machine import ROOT, jdk25

WORK = ROOT / "target/mutations"
CLASSES = [WORK / "test-classes", WORK / "classes"]
LIBRARIES = WORK / "classpath"
PACKAGE = "so/suna/queuemetrics"
SECONDS_FOR_TESTS = 180


def build():
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    version = xml.parse(ROOT / "pom.xml").findtext(".//{*}junit.version")
    # JUnit's own way to run tests without Maven's seconds.
    junit = f"org.junit.platform:junit-platform-console-standalone:{version}"
    path = class_path(LIBRARIES, "dependency:copy", f"-Dartifact={junit}", f"-DoutputDirectory={WORK}")
    LIBRARIES.write_text(f"{path}:{WORK}/junit-platform-console-standalone-{version}.jar")
    compile_trees(CLASSES[1], path, "src/main")
    compile_trees(CLASSES[0], f"{CLASSES[1]}:{path}", "src/test", "src/local")


class Runner:
    def __init__(self):
        self.libraries = LIBRARIES.read_text()
        java = [jdk25() / "bin/java", "-XX:TieredStopAtLevel=1", "-classpath", self.libraries]
        java.append(Path(__file__).with_name("Runner.java"))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": (WORK / "log").open("a"), "text": True}
        self.process = subprocess.Popen(java, cwd=ROOT, **pipes)

    def failing(self, tests, directory):
        """The names of the tests that failed until JUnit gave up, soon after the first, with what a directory has changed."""
        classes = [str(each) for each in (directory, *CLASSES)]
        path = ":".join([*classes, self.libraries])
        # Without the checks of the build: the tests must notice by themselves.
        if sources := [str(file) for file in directory.rglob("*.java")]:
            status, said = self.run("javac", path, "-proc:none", "-nowarn", "-d", classes[0], "-classpath", path, *sources)
            assert status == 0, said
        names = [f"--select-class={PACKAGE.replace('/', '.')}.{test}" for test in tests]
        options = ["--fail-fast", "--fail-if-no-tests", "--details=none", "--class-path", ":".join(classes), *names]
        status, said = self.run("junit", path, "execute", "--disable-banner", *options)
        failed = re.findall(r"(?:Class|Method)Source \[className = '[\w.]*?(\w+)'(?:, methodName = '(\w+)')?", said)
        # 0: all passed; 1: a test failed.
        assert status == bool(failed), f"JUnit ended with {status} and said {said}"
        return [".".join(filter(None, each)) for each in failed]

    def run(self, tool, path, *arguments):
        """Its exit status, and what it said."""
        late = threading.Timer(SECONDS_FOR_TESTS, self.end)
        late.start()
        self.process.stdin.write(json.dumps({"tool": tool, "arguments": arguments, "path": path}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        late.cancel()
        assert answer, f"{tool} must end within {SECONDS_FOR_TESTS} s, whatever is wrong with the code; see {WORK}/log"
        return json.loads(answer).values()

    def end(self):
        self.process.terminate()  # So that it ends the servers that it started, unless that hangs too.
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


if __name__ == "__main__":
    build()
