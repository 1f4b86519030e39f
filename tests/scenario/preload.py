"""The libraries of tests/preload: how a test tells them what to do."""

import mmap
import struct
import subprocess

import kurier

MEMORY, INPUT, OUTPUT = 1, 2, 4


class Plan:
    """tests/preload/failing.c and the file through which it is told what fails."""

    FORM = struct.Struct("32sIiqqqq")

    def __init__(self, folder):
        source = kurier.ROOT / "tests/preload/failing.c"
        self.library, self.path = folder / "failing.so", folder / "plan"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(self.library), str(source), "-ldl"], check=True)
        self.library.chmod(0o755)
        self.path.write_bytes(bytes(self.FORM.size))
        self.path.chmod(0o666)
        with open(self.path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), self.FORM.size)

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "KURIER_FAILPLAN": str(self.path)}

    def arm(self, role, calls, error, left, is_always=False):
        # In two steps: a role that runs must not see one half of each plan.
        struct.pack_into("I", self.memory, 32, 0)
        self.memory[:] = self.FORM.pack(role.encode(), 0, error, left, 0, is_always, 0)
        struct.pack_into("I", self.memory, 32, calls)

    def disarm(self):
        struct.pack_into("I", self.memory, 32, 0)

    @property
    def hits(self):
        return self.FORM.unpack(self.memory[:])[4]

    @property
    def counted(self):
        return self.FORM.unpack(self.memory[:])[6]


class Clock:
    """tests/preload/clock.c and the file through which it is told how far ahead the time of day is."""

    FORM = struct.Struct("qq32s")

    def __init__(self, folder):
        source = kurier.ROOT / "tests/preload/clock.c"
        self.library, path = folder / "clock.so", folder / "ahead"
        subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(self.library), str(source), "-ldl"], check=True)
        self.library.chmod(0o755)
        path.write_bytes(bytes(self.FORM.size))
        path.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(self.library), "KURIER_CLOCKPLAN": str(path)}
        with open(path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), self.FORM.size)

    def set(self, ahead_s, apart_s=0, role=""):
        """For everybody, and another time for one role."""
        self.memory[:] = self.FORM.pack(int(ahead_s), int(apart_s), role.encode())
