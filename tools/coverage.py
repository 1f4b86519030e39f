#!/usr/bin/env python3
"""tools/coverage.py BUILD PROFILE-FOLDER: line coverage of src/ by room; fails below 95 % of the parsers' lines or 85 % of all."""

import json
import pathlib
import subprocess
import sys

PARSERS = ("der/", "pki/", "scep/", "front/http_parse.c", "front/http_chunks.c", "front/query.c", "config/load.c", "config/value.c",
           "config/accept.c", "ipc/codec.c", "diagnose/")


def export(build, folder):
    raw = [str(p) for p in pathlib.Path(folder).glob("*.profraw")]
    listing = pathlib.Path(folder) / "list"
    listing.write_text("\n".join(raw))
    merged = str(pathlib.Path(folder) / "merged.profdata")
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-failure-mode=all", "-f", str(listing), "-o", merged], check=True, stderr=subprocess.DEVNULL)
    programs = [p for d in (build, build / "tests", build / "fuzzers") for p in sorted(d.iterdir()) if p.is_file() and p.stat().st_mode & 0o111]
    command = ["llvm-cov", "export", "-summary-only", "-instr-profile", merged, str(programs[0])]
    for program in programs[1:]:
        command += ["-object", str(program)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    build = pathlib.Path(sys.argv[1])
    root = pathlib.Path(__file__).resolve().parents[1] / "src"
    lines = {}
    for file in export(build, sys.argv[2])["data"][0]["files"]:
        path = pathlib.Path(file["filename"]).resolve()
        if root in path.parents:
            summary = file["summary"]["lines"]
            lines[str(path.relative_to(root))] = (summary["covered"], summary["count"])
    rooms = {}
    for name, (covered, count) in lines.items():
        room = rooms.setdefault(name.split("/")[0], [0, 0])
        room[0] += covered
        room[1] += count
    for name, (covered, count) in sorted(lines.items(), key=lambda item: item[1][0] - item[1][1])[:30]:
        print(f"  {100 * covered / count:5.1f} %  {name} ({count - covered} of {count} lines not run)")
    for room, (covered, count) in sorted(rooms.items()):
        print(f"{room:12} {100 * covered / count:5.1f} %  of {count} lines")
    is_good = True
    for what, wanted, chosen in (("parsers", 95, [v for k, v in lines.items() if k.startswith(PARSERS)]), ("all", 85, list(lines.values()))):
        share = 100 * sum(c for c, _ in chosen) / sum(n for _, n in chosen)
        is_good = is_good and share >= wanted
        print(f"{what:12} {share:5.1f} %  wanted {wanted} %")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
