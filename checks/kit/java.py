"""The project's Java, compiled plainly: without the checks of the build, and apart from target/, which other checks use."""

import shutil

from kit.machine import ROOT, jdk25, run


def class_path(file, *goals):
    """All libraries of the tests. Maven writes them to the file, and does the other goals too."""
    run(ROOT / "mvnw", "-q", "-B", "dependency:build-classpath", f"-Dmdep.outputFile={file}", *goals)
    return file.read_text()


def compile_trees(classes, path, *trees):
    """Trees such as "src/main", and the resources beside them."""
    files = (file for tree in trees for file in (ROOT / tree / "java").rglob("*.java") if file.name != "package-info.java")
    run(jdk25() / "bin/javac", "-proc:none", "-nowarn", "-d", classes, "-classpath", path, *files)
    for tree in trees:
        if (ROOT / tree / "resources").exists():
            shutil.copytree(ROOT / tree / "resources", classes, dirs_exist_ok=True)
