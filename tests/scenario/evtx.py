"""A small writer of Windows event logs (.evtx), for tests: one file, chunks of 64 KiB, binary XML without templates.

The form is described in the documentation of libevtx ("Windows XML Event Log (EVTX) format"). Events are dictionaries:
provider, id, level, time (Unix seconds), computer, channel, and data, a list of (name, text).
"""

import struct
import zlib

CHUNK = 65536
RECORDS_AT = 512


def filetime(seconds):
    return int((seconds + 11644473600) * 10_000_000)


def iso(seconds):
    import datetime
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


class Fragment:
    """Binary XML at a place in a chunk: names are written where they are used first, and pointed to after that."""

    def __init__(self, at, names):
        self.at, self.names, self.out = at, names, bytearray()
        self.out += b"\x0f\x01\x01\x00"

    def here(self):
        return self.at + len(self.out)

    def name(self, text):
        known = self.names.get(text)
        if known is not None:
            self.out += struct.pack("<I", known)
            return
        self.names[text] = self.here() + 4
        self.out += struct.pack("<I", self.here() + 4)
        value = 0
        for c in text:
            value = (value * 65599 + ord(c)) & 0xffffffff
        self.out += struct.pack("<IHH", 0, value & 0xffff, len(text)) + text.encode("utf-16-le") + b"\0\0"

    def value(self, text):
        octets = text.encode("utf-16-le")
        self.out += b"\x05\x01" + struct.pack("<H", len(octets) // 2) + octets

    def element(self, name, attributes=(), content=None):
        """content: a text, or a function that writes elements."""
        self.out += b"\x41" if attributes else b"\x01"
        self.out += struct.pack("<H", 0xffff)
        size_at = len(self.out)
        self.out += bytes(4)
        self.name(name)
        if attributes:
            list_at = len(self.out)
            self.out += bytes(4)
            for i, (key, value) in enumerate(attributes):
                self.out += b"\x46" if i + 1 < len(attributes) else b"\x06"
                self.name(key)
                self.value(value)
            self.out[list_at:list_at + 4] = struct.pack("<I", len(self.out) - list_at - 4)
        if content is None:
            self.out += b"\x03"
        else:
            self.out += b"\x02"
            if callable(content):
                content()
            else:
                self.value(content)
            self.out += b"\x04"
        self.out[size_at:size_at + 4] = struct.pack("<I", len(self.out) - size_at - 4)


def event_xml(at, names, event, number):
    f = Fragment(at, names)

    def system():
        f.element("Provider", [("Name", event["provider"])])
        f.element("EventID", content=str(event["id"]))
        f.element("Level", content=str(event.get("level", 2)))
        f.element("TimeCreated", [("SystemTime", iso(event["time"]))])
        f.element("EventRecordID", content=str(number))
        f.element("Channel", content=event.get("channel", event["provider"] + "/Admin"))
        f.element("Computer", content=event.get("computer", "LAPTOP-1"))

    def data():
        for name, text in event.get("data", ()):
            f.element("Data", [("Name", name)] if name else [], text)

    def whole():
        f.element("System", content=system)
        f.element("EventData", content=data)

    f.element("Event", [("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event")], whole)
    f.out += b"\x00"
    return bytes(f.out)


def chunk(events, first):
    """As many of the events as fit, from number @first on: the chunk and how many."""
    records, names, count, last_at = bytearray(), {}, 0, RECORDS_AT
    for event in events:
        at = RECORDS_AT + len(records)
        tried = dict(names)
        xml = event_xml(at + 24, tried, event, first + count)
        size = -(-(24 + len(xml) + 4) // 8) * 8
        if at + size > CHUNK:
            break
        records += b"\x2a\x2a\0\0" + struct.pack("<IQQ", size, first + count, filetime(event["time"])) + xml
        records += bytes(size - 24 - len(xml) - 4) + struct.pack("<I", size)
        names, last_at, count = tried, at, count + 1
    head = bytearray(RECORDS_AT)
    last = first + count - 1
    head[:8] = b"ElfChnk\0"
    head[8:48] = struct.pack("<QQQQII", first, last, first, last, 128, last_at)
    head[48:56] = struct.pack("<II", RECORDS_AT + len(records), zlib.crc32(records))
    head[124:128] = struct.pack("<I", zlib.crc32(bytes(head[:120]) + bytes(head[128:512])))
    return bytes(head) + bytes(records) + bytes(CHUNK - RECORDS_AT - len(records)), count


def write(events):
    """The file's octets."""
    events = list(events)
    chunks, done = [], 0
    while done < len(events):
        octets, count = chunk(events[done:], done + 1)
        assert count > 0, "an event larger than a chunk"
        chunks.append(octets)
        done += count
    head = bytearray(4096)
    head[:8] = b"ElfFile\0"
    head[8:44] = struct.pack("<QQQIHHHH", 0, max(len(chunks) - 1, 0), done + 1, 128, 1, 3, 4096, len(chunks))
    head[124:128] = struct.pack("<I", zlib.crc32(bytes(head[:120])))
    return bytes(head) + b"".join(chunks)
