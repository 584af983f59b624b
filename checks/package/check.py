#!/usr/bin/env -S PYTHONPATH=checks python3
"""Builds target/lambda.zip again, from a copy of the sources and in a hostile shell, and fails unless both have the same bytes.
Lists what takes the room in it, largest first, and fails if it is too large or an entry has other rights than Lambda needs."""

import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

from kit.machine import ROOT

PACKAGE = "target/lambda.zip"
MOST_BYTES = 14_000_000


def built_again():
    """The deployment package of a release, which is built from a copy."""
    release = [ROOT / "checks/kit/hostile-shell", ROOT / ".ci/release", "0.0.0-again"]
    archive = Path(subprocess.run(release, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
    try:
        with zipfile.ZipFile(archive) as packed:
            return packed.read(f"{archive.stem}/{PACKAGE}")
    finally:
        archive.unlink()


def rights(entry):
    return entry.external_attr >> 16 & 0o777


def main():
    subprocess.run([ROOT / "checks/kit/package"], check=True)
    package = ROOT / PACKAGE
    failures, rooms = [], Counter()
    if built_again() != package.read_bytes():
        failures.append(f"{PACKAGE} must have the same bytes if it is built in another directory and shell")
    with zipfile.ZipFile(package) as opened:
        for entry in opened.infolist():
            rooms[entry.filename if entry.filename.startswith("lib/") else "classes"] += entry.compress_size
            wanted = 0o755 if entry.is_dir() else 0o644
            if rights(entry) != wanted:
                failures.append(f"{entry.filename} must have the rights {wanted:o}, has {rights(entry):o}")
    for room, size in rooms.most_common():
        print(f"{size:>10,}  {room}")
    size = package.stat().st_size
    print(f"{size:>10,}  {PACKAGE}, at most {MOST_BYTES:,}")
    if size > MOST_BYTES:
        failures.append(f"{PACKAGE} must have at most {MOST_BYTES:,} bytes, has {size:,}")
    for failure in failures:
        print("FAILED: " + failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
