"""Tables of the source, as tests need them."""

import re

import kurier

CODES = {name: int(number) for name, number in re.findall(
    r"^E\((\w+), (\d+),", (kurier.ROOT / "src" / "base" / "errors.def").read_text(), re.M)}
FAIL_INFO = {int(number): info for number, info in re.findall(
    r"^E\(\w+, (\d+), (\w+),", (kurier.ROOT / "src" / "base" / "errors.def").read_text(), re.M)}
CAUSES = set(re.findall(r'^CAUSE\("([^"]+)"', (kurier.ROOT / "src" / "diagnose" / "catalogue.def").read_text(), re.M))


def code_table():
    """Rows of src/notifier/intune_codes.c: text, code, hresult, step, cause, is final."""
    text = (kurier.ROOT / "src" / "notifier" / "intune_codes.c").read_text()
    rows = re.findall(r'\{"(\w*)",\s*E_(\w+),\s*(0x[0-9A-F]{8}),\s*(\d),\s*"([^"]+)",\s*(true|false)\}', text)
    assert len(rows) == 26
    return rows
