#!/usr/bin/env python3
"""Which rule is kept by which code and checked by which tests: docs/rules.tsv and the names of tests, put side by side.

usage: tools/requirements.py           prints docs/requirements.md
       tools/requirements.py --check   exits 1 and says what is missing
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
ORDER = "MSCTD"
ID = re.compile(r"(?<![A-Za-z0-9])(?:([MSC])_(\d\d)|([TD])(\d{1,2}))(?![A-Za-z0-9])")
RANGE = re.compile(r"(?<![A-Za-z0-9])([TD])(\d{1,2})_to_\1(\d{1,2})(?![A-Za-z0-9])")
TESTS = {
    "*.py": re.compile(r"^\s*(?:async )?def (test_\w+)", re.M),
    # A unit test is a function of cmocka's form.
    "*.c": re.compile(r"^(?:static void )?(\w+)\(void \*\*state\)", re.M),
}

HEADING = """# Requirements

Made from `docs/rules.tsv` and the names of the tests by `tools/requirements.py`. M, S and C are rules of RFC 8894 for messages,
servers and clients, as this project reads them; T are attacks and D faults of the machine that must not matter. What is not
listed is not served.

| rule | what it says | code | tests |
| --- | --- | --- | --- |"""


def rank(rule):
    return ORDER.index(rule[0]), int(rule[1:].lstrip("-"))


def read_rules():
    """Rule to (sentence, file); and what is wrong with the table itself."""
    rules, faults, last = {}, [], None
    for number, line in enumerate((ROOT / "docs/rules.tsv").read_text().splitlines(), 1):
        fields = line.split("\t")
        where = f"docs/rules.tsv:{number}"
        if len(fields) != 3 or not all(fields) or not re.fullmatch(r"[MSC]-\d\d|[TD]\d{1,2}", fields[0]):
            faults.append(f"{where}: not a rule, its sentence and its file, with tabs between them")
            continue
        rule, sentence, file = fields
        if rule in rules:
            faults.append(f"{where}: {rule} stands twice")
        if last and rank(rule) < rank(last):
            faults.append(f"{where}: {rule} stands behind {last}")
        if not file.startswith("src/") or not (ROOT / file).is_file():
            faults.append(f"{where}: {rule}: there is no {file}")
        rules[rule] = (sentence, file)
        last = rule
    return rules, faults


def read_tests():
    """(file, name) of every test, in order."""
    found = []
    for pattern, expression in TESTS.items():
        for path in (ROOT / "tests").rglob(pattern):
            file = path.relative_to(ROOT).as_posix()
            found += [(file, name) for name in expression.findall(path.read_text())]
    return sorted(set(found))


def named(name, rules):
    """The rules that a test's name names. Of a range only its ends must be rules; between them those count that are."""
    ids = {f"{a}-{b}" if a else f"{c}{int(d)}" for a, b, c, d in ID.findall(name)}
    for letter, first, last in RANGE.findall(name):
        ids |= {r for r in rules if r[0] == letter and int(first) <= rank(r)[1] <= int(last)}
    return ids


def cover(rules, tests):
    """Rule to the names of its tests; and the tests that name what is no rule."""
    covered, faults = {rule: [] for rule in rules}, []
    for file, name in tests:
        for rule in sorted(named(name, rules), key=rank):
            if rule in rules:
                covered[rule].append(name)
            else:
                faults.append(f"{file}: {name} names {rule}, which is not in docs/rules.tsv")
    return covered, faults


def row(rule, sentence, file, names):
    return f"| {rule} | {sentence} | `{file}` | {', '.join(f'`{name}`' for name in names)} |"


def main():
    rules, faults = read_rules()
    covered, unknown = cover(rules, read_tests())
    if sys.argv[1:] == ["--check"]:
        faults += unknown + [f"{rule} has no test" for rule, names in covered.items() if not names]
        print("\n".join(faults), end="\n" if faults else "")
        return 1 if faults else 0
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    print(HEADING)
    for rule, (sentence, file) in rules.items():
        print(row(rule, sentence, file, covered[rule]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
