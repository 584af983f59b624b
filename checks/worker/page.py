"""Puts the rows from standard input into the table of deploy/worker/README.md, in place of those there."""

import re
import sys

from kit.machine import ROOT

PAGE = ROOT / "deploy/worker/README.md"
TABLE = re.compile(r"(<!-- rows: checks/run worker --page -->\n\|.*\n\|.*\n)(?:\|.*\n)*(<!-- end -->\n)")


def main():
    rows = sys.stdin.read()
    if rows.count("\n") != 4:
        print(f"expected 4 rows, got {rows!r}", file=sys.stderr)
        return 1
    text, found = TABLE.subn(lambda match: match[1] + rows + match[2], PAGE.read_text())
    if found != 1:
        print(f"{PAGE} must have one table between its comments, has {found}", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    print(rows, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
