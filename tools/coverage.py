#!/usr/bin/env python3
"""tools/coverage.py BUILD PROFILE-FOLDER: line coverage of src/ by room; fails below 95 % of the parsers' lines or 85 % of all.

Of every parser it names the lines that nothing ran. A parser is what reads octets that somebody else wrote."""

import pathlib
import subprocess
import sys

PARSERS = (
    "der/", "pki/", "scep/", "diagnose/",
    "front/http_parse.c", "front/http_chunks.c", "front/http_request.c", "front/query.c", "front/api_json.c",
    "config/load.c", "config/value.c", "config/accept.c", "config/text.c",
    "ipc/codec.c", "ipc/messages.c", "ipc/address.c", "journal/record.c",
    "signer/attributes_check.c", "signer/body_check.c", "signer/crl_check.c",
    "ledger/bound.c", "ledger/statement.c",
    "notifier/json.c", "notifier/verdict.c", "notifier/webhook.c", "notifier/intune_messages.c", "notifier/intune_codes.c",
    "profile/mobileconfig_read.c", "profile/xml.c",
)


def export(build, folder):
    raw = [str(p) for p in pathlib.Path(folder).glob("*.profraw")]
    listing = pathlib.Path(folder) / "list"
    listing.write_text("\n".join(raw))
    merged = str(pathlib.Path(folder) / "merged.profdata")
    subprocess.run(["llvm-profdata", "merge", "-sparse", "-failure-mode=all", "-f", str(listing), "-o", merged], check=True, stderr=subprocess.DEVNULL)
    programs = [p for d in (build, build / "tests", build / "fuzzers") for p in sorted(d.iterdir()) if p.is_file() and p.stat().st_mode & 0o111]
    command = ["llvm-cov", "export", "-format=lcov", "-instr-profile", merged, str(programs[0])]
    for program in programs[1:]:
        command += ["-object", str(program)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def lines_of(text, root):
    """{file below src/: {line: how often it ran}}"""
    files = {}
    current = {}
    for row in text.splitlines():
        kind, _, value = row.partition(":")
        if kind == "SF":
            path = pathlib.Path(value).resolve()
            current = files.setdefault(str(path.relative_to(root)), {}) if root in path.parents else {}
        elif kind == "DA":
            line, count = value.split(",")[:2]
            current[int(line)] = current.get(int(line), 0) + int(count)
    return files


def ranges(numbers):
    spans = []
    for n in sorted(numbers):
        if spans and spans[-1][1] == n - 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def share(files):
    counts = [count for lines in files for count in lines.values()]
    return 100 * sum(count > 0 for count in counts) / len(counts), len(counts)


def main():
    root = pathlib.Path(__file__).resolve().parents[1] / "src"
    files = lines_of(export(pathlib.Path(sys.argv[1]), sys.argv[2]), root)
    missed = {name: [line for line, count in lines.items() if count == 0] for name, lines in files.items()}
    print("Lines of parsers that nothing ran:")
    for name in sorted(files, key=lambda n: -len(missed[n])):
        if name.startswith(PARSERS) and missed[name]:
            print(f"  {share([files[name]])[0]:5.1f} %  {name}: {ranges(missed[name])}")
    print("Other files with the most:")
    for name in sorted((n for n in files if not n.startswith(PARSERS)), key=lambda n: -len(missed[n]))[:30]:
        print(f"  {share([files[name]])[0]:5.1f} %  {name} ({len(missed[name])} of {len(files[name])} lines)")
    for room in sorted({name.split("/")[0] for name in files}):
        print("{:12} {:5.1f} %  of {} lines".format(room, *share([lines for name, lines in files.items() if name.split("/")[0] == room])))
    is_good = True
    for what, wanted, chosen in (("parsers", 95, [v for k, v in files.items() if k.startswith(PARSERS)]), ("all", 85, list(files.values()))):
        found, count = share(chosen)
        is_good = is_good and found >= wanted
        print(f"{what:12} {found:5.1f} %  of {count} lines, wanted {wanted} %: {'well' if found >= wanted else 'TOO FEW'}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
