#!/usr/bin/env python3
"""Lists what takes the room in target/lambda.zip, largest first. Fails where the whole is above the limit, or where an
entry has other rights than Lambda needs and every build gives."""

import os
import sys
import zipfile

PACKAGE = "target/lambda.zip"
MOST_BYTES = 14_000_000


def rights(entry):
    return entry.external_attr >> 16 & 0o777


def main():
    rooms = {}
    failures = []
    with zipfile.ZipFile(PACKAGE) as package:
        for entry in package.infolist():
            room = entry.filename if entry.filename.startswith("lib/") else "classes"
            rooms[room] = rooms.get(room, 0) + entry.compress_size
            wanted = 0o755 if entry.is_dir() else 0o644
            if rights(entry) != wanted:
                failures.append(f"{entry.filename} must have the rights {wanted:o}, has {rights(entry):o}")
    for room, size in sorted(rooms.items(), key=lambda item: -item[1]):
        print(f"{size:>10,}  {room}")
    size = os.path.getsize(PACKAGE)
    print(f"{size:>10,}  {PACKAGE}, at most {MOST_BYTES:,}")
    if size > MOST_BYTES:
        failures.append(f"{PACKAGE} must have at most {MOST_BYTES:,} bytes, has {size:,}")
    for failure in failures:
        print("FAILED: " + failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
