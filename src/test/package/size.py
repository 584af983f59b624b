#!/usr/bin/env python3
"""Lists what takes the room in target/lambda.zip, largest first; fails where the whole is above the limit."""

import os
import sys
import zipfile

PACKAGE = "target/lambda.zip"
MOST_BYTES = 14_000_000


def main():
    rooms = {}
    with zipfile.ZipFile(PACKAGE) as package:
        for entry in package.infolist():
            room = entry.filename if entry.filename.startswith("lib/") else "classes"
            rooms[room] = rooms.get(room, 0) + entry.compress_size
    for room, size in sorted(rooms.items(), key=lambda item: -item[1]):
        print(f"{size:>10,}  {room}")
    size = os.path.getsize(PACKAGE)
    print(f"{size:>10,}  {PACKAGE}, at most {MOST_BYTES:,}")
    return 0 if size <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
