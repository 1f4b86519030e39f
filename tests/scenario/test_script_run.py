"""script/run on a terminal: what it shows, and that Ctrl-C ends it, once or twice in a row, and leaves nothing behind."""

import os
import pty
import select
import signal
import time

import pytest

import kurier

BUILT = kurier.ROOT / "build" / "kurier"


class Terminal:
    """script/run on a terminal of its own."""

    def __init__(self, folder, *options):
        self.environment = dict(os.environ, TMPDIR=str(folder), KURIER_HOME=str(folder / "home"), KURIER_LISTEN=f"127.0.0.1:{kurier.free_port()}")
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(kurier.ROOT)
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell ignores it in what it starts in the background
            os.execve("script/run", ["script/run", *options], self.environment)

    def read(self, until, seconds=240):
        """Reads until the text is there, or the terminal has ended when it is None."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and (until is None or until not in self.text):
            if not select.select([self.fd], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                piece = b""
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        assert until is None or until in self.text, self.text

    def press_ctrl_c(self):
        os.write(self.fd, b"\x03")

    def wait(self):
        self.read(None, 40)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        return status


@pytest.mark.skipif(not BUILT.exists(), reason="script/build was not run: script/run would build for minutes")
@pytest.mark.parametrize("presses", [1, 2])
def test_run_delivers_and_ends_with_ctrl_c(folder, presses):
    for _ in range(2):  # twice: in a new home, and in the one that is there
        terminal = Terminal(folder)
        terminal.read("kurier delivery list --home")
        assert "has its certificate" in terminal.text and "5 delivery" in terminal.text
        terminal.press_ctrl_c()
        if presses == 2:
            terminal.read("event=stopping")
            terminal.press_ctrl_c()
        assert terminal.wait() == 0, terminal.text
        assert "event=stopped" in terminal.text and "Stopped. The home stays at" in terminal.text
        assert presses == 2 or "event=role_died" not in terminal.text
        assert [p.name for p in folder.iterdir()] == ["home"]
    assert "they agree" in kurier.run("audit", "--home", str(folder / "home")).stdout
    assert len(kurier.run("cert", "list", "--json", "--home", str(folder / "home")).stdout.splitlines()) == 2


@pytest.mark.skipif(not BUILT.exists(), reason="script/build was not run: script/run would build for minutes")
def test_run_with_a_double_of_intune_shows_a_whole_delivery(folder):
    for _ in range(2):
        terminal = Terminal(folder, "--intune-double")
        terminal.read("kurier delivery list --home")
        assert "Its challenge comes from Intune" in terminal.text and "has its certificate" in terminal.text
        for shown in ("2 request", "3 policy", "4 issue", "5 delivery", "6 report", "validate", "success", "200 Success"):
            assert shown in terminal.text, terminal.text
        terminal.press_ctrl_c()
        assert terminal.wait() == 0, terminal.text
        assert "event=role_died" not in terminal.text
        assert [p.name for p in folder.iterdir()] == ["home"]
