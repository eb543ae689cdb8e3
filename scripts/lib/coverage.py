"""Prints the share of lines that tests ran, for each crate: coverage.py SUMMARY.json ROOT.

SUMMARY.json is what `cargo llvm-cov report --json --summary-only` writes. A file belongs to the innermost directory with a
Cargo.toml.
"""

import json
import pathlib
import sys


def crate_of(file, root):
    """The directory of the file's crate, relative to the root."""
    for parent in file.parents:
        if (parent / "Cargo.toml").exists():
            return str(parent.relative_to(root))
    raise SystemExit(f"{file} belongs to no crate")


def main(summary, root):
    root = pathlib.Path(root).resolve()
    lines = {}
    for report in json.loads(pathlib.Path(summary).read_text())["data"]:
        for file in report["files"]:
            crate = crate_of(pathlib.Path(file["filename"]).resolve(), root)
            counts = file["summary"]["lines"]
            for name in (crate, "all"):
                covered, count = lines.get(name, (0, 0))
                lines[name] = (covered + counts["covered"], count + counts["count"])
    if not lines:
        raise SystemExit(f"{summary} names no file")
    for name, (covered, count) in sorted(lines.items(), key=lambda item: (item[0] == "all", item[0])):
        print(f"{name:<20} {covered:>7} of {count:>7} lines {100 * covered / max(count, 1):>6.1f} %")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
