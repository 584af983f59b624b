#!/usr/bin/env python3
"""Makes the code wrong in each way that mutations.py names, and prints which tests notice. Fails if none does, or if a
mutation no longer fits the code. Needs a JDK 25 in JAVA_HOME or on the PATH. Works in target/mutations; src stays as it is.

check.py [WORD]...  only the mutations whose name contains one of the words"""

import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

from mutations import MUTATIONS

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "target/mutations"
PACKAGE = "so/suna/queuemetrics"
SECONDS_FOR_TESTS = 180


class Failed(Exception):
    """The check itself could not be made."""


def program(name):
    home = os.environ.get("JAVA_HOME")
    return str(Path(home, "bin", name)) if home else name


def run(*command, **options):
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise Failed(f"{Path(command[0]).name} {command[1]} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def libraries():
    """The tests' class path, and JUnit's own way to run tests without Maven's seconds."""
    file = WORK / "classpath"
    version = xml.parse(ROOT / "pom.xml").findtext(".//{*}junit.version")
    run("./mvnw", "-q", "-B", "dependency:build-classpath", "dependency:copy", f"-Dmdep.outputFile={file}",
        f"-Dartifact=org.junit.platform:junit-platform-console-standalone:{version}", f"-DoutputDirectory={WORK}")
    return f"{file.read_text()}:{WORK}/junit-platform-console-standalone-{version}.jar"


def compile_java(files, classes, path):
    """Plainly, without the checks of the build: the tests must notice by themselves."""
    run(program("javac"), "-proc:none", "-nowarn", "-d", str(classes), "-classpath", path, *map(str, files))


def compile_trees(classes, path, *trees):
    files = (file for tree in trees for file in (ROOT / tree / "java").rglob("*.java") if file.name != "package-info.java")
    compile_java(files, classes, path)
    shutil.copytree(ROOT / trees[0] / "resources", classes, dirs_exist_ok=True)


def failing(tests, path):
    """The names of the tests that failed until JUnit gave up, which it does soon after the first."""
    with tempfile.TemporaryDirectory(dir=WORK) as reports:
        selected = [f"--select-class={PACKAGE.replace('/', '.')}.{test}" for test in tests]
        command = [program("java"), "-XX:TieredStopAtLevel=1", "-classpath", path, "org.junit.platform.console.ConsoleLauncher",
                   "execute", "--disable-banner", "--details=none", "--fail-fast", f"--reports-dir={reports}", *selected]
        with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as java:
            try:
                said, _ = java.communicate(timeout=SECONDS_FOR_TESTS)
            except subprocess.TimeoutExpired:
                java.terminate()  # So that it ends the servers that it started, unless that hangs too.
                try:
                    java.wait(10)
                except subprocess.TimeoutExpired:
                    java.kill()
                raise Failed(f"expected {' '.join(tests)} to end within {SECONDS_FOR_TESTS} s, whatever is wrong with the code") from None
        report = Path(reports, "TEST-junit-jupiter.xml")
        if not report.exists() or not xml.parse(report).findall("testcase"):
            raise Failed(f"no test ran of {' '.join(tests)}:\n{said[-4000:]}")
        return [f"{case.get('classname').rsplit('.', 1)[1]}.{case.get('name').split('(')[0]}"
                for case in xml.parse(report).findall("testcase")
                if case.find("failure") is not None or case.find("error") is not None]


def mutated(mutation, directory):
    """The files that the mutation changes, in a directory of their own."""
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
    return files


def noticed_by(mutation, path):
    with tempfile.TemporaryDirectory(dir=WORK) as directory:
        try:
            java = [file for file in mutated(mutation, Path(directory)) if file.suffix == ".java"]
            if java:
                compile_java(java, directory, path)
            return failing(mutation.tests, f"{directory}:{path}")
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
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    tests = sorted({test for mutation in chosen for test in mutation.tests})
    check_that_verify_runs(tests)
    path = libraries()
    compile_trees(WORK / "classes", path, "src/main")
    compile_trees(WORK / "test-classes", f"{WORK}/classes:{path}", "src/test", "src/local")
    path = f"{WORK}/test-classes:{WORK}/classes:{path}"
    if broken := failing(tests, path):
        raise Failed(f"without any mutation these tests must pass, but failed: {summary(broken)}")

    survived = 0
    width = max(len(mutation.name) for mutation in chosen)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for mutation, noticed in zip(chosen, pool.map(lambda each: noticed_by(each, path), chosen)):
            survived += not noticed
            print(f"{mutation.name:{width}}  {summary(noticed) or 'NOT NOTICED by ' + ' '.join(mutation.tests)}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} mutations noticed")
    return 1 if survived or not chosen else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failed as failure:
        sys.exit(str(failure))
