#!/usr/bin/env python3
"""tools/reports.py BUILD FOLDER: prints what sanitizers wrote into the folder; fails when there is anything.

A confined role can start no symbolizer, so its report says where in the program only; the names are found here."""

import pathlib
import re
import subprocess
import sys

# "#1 0x55d0 (/path/kurier-front+0x5a4d8) (BuildId: ...)" and, of the thread sanitizer, "#1 <null> <null> (kurier-front+0x5a4d8)"
FRAME = re.compile(r"^(\s*#\d+ ).*\(([^()]+)\+(0x[0-9a-f]+)\)")


def named(build, line):
    found = FRAME.match(line)
    if not found:
        return line
    number, program, offset = found.groups()
    name = pathlib.Path(program).name
    for path in (build / name, build / "tests" / name, build / "fuzzers" / name):
        if path.is_file():
            done = subprocess.run(["llvm-symbolizer", "--obj", str(path), "--output-style=GNU", "-f", "-p", offset], capture_output=True, text=True)
            return number + done.stdout.strip().replace("\n", "\n       ") if done.returncode == 0 else line
    return line


def main():
    build = pathlib.Path(sys.argv[1])
    reports = [path for path in sorted(pathlib.Path(sys.argv[2]).rglob("*")) if path.is_file() and path.stat().st_size > 0]
    for path in reports:
        print(f"== {path.name}")
        for line in path.read_text(errors="replace").splitlines():
            print(named(build, line))
    print(f"{len(reports)} reports of sanitizers")
    return 1 if reports else 0


if __name__ == "__main__":
    sys.exit(main())
