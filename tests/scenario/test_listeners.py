"""Several listeners, IPv4 and IPv6, and what a reload does to them; warnings at start."""

import signal
import socket
import time

import kurier


def get_caps(family, address, port):
    with socket.socket(family) as s:
        s.settimeout(5)
        s.connect((address, port))
        s.sendall(b"GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n")
        return s.recv(4096)


def listen_on(*addresses):
    lines = "".join(f"  - address: '{a}'\n    purposes: [scep, documents]\n" for a in addresses)

    def change(text):
        begin = text.index("listen:\n")
        end = text.index("\n\n", begin)
        return text[:begin] + "listen:\n" + lines.rstrip("\n") + text[end:]

    return change


def start_as_configured(server):
    """Without --listen, which stands in the place of the file's listeners."""
    import subprocess
    server.log_path = server.home.parent / "listen.log"
    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen([kurier.PROGRAM, "serve", "--home", str(server.home)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    for _ in range(500):
        if "event=ready " in server.log():
            return
        assert server.process.poll() is None, server.log()
        time.sleep(0.02)


def test_ipv4_and_ipv6_listeners_come_and_go_with_a_reload(make_server):
    server = make_server(init=["--ca-key", "rsa:2048"])
    first, second, third = (kurier.free_port() for _ in range(3))
    original = server.config_path.read_text()
    server.config_path.write_text(listen_on(f"127.0.0.1:{first}", f"[::1]:{second}")(original))
    start_as_configured(server)
    assert b"SCEPStandard" in get_caps(socket.AF_INET, "127.0.0.1", first)
    assert b"SCEPStandard" in get_caps(socket.AF_INET6, "::1", second)
    server.config_path.write_text(listen_on(f"127.0.0.1:{first}", f"127.0.0.1:{third}")(original))
    server.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        try:
            get_caps(socket.AF_INET6, "::1", second)
        except OSError:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the listener that was taken away still answers")
    assert b"SCEPStandard" in get_caps(socket.AF_INET, "127.0.0.1", third)
    assert b"SCEPStandard" in get_caps(socket.AF_INET, "127.0.0.1", first)


def test_T2_a_static_challenge_is_told_at_every_start(make_server, keys):
    server = make_server(init=["--ca-key", "rsa:2048"],
                         config=lambda t: t.replace('static_challenge: ""', 'static_challenge: "for-the-old-router"'))
    assert "for-the-old-router" in server.config_path.read_text()
    server.start()
    assert "event=static_challenge" in server.log() and "for-the-old-router" not in server.log()
    first = server.enrol(keys[0], "for-the-old-router", subject="CN=router-1")
    second = server.enrol(keys[1], "for-the-old-router", subject="CN=router-2")
    assert first.status == second.status == 0
    again = server.enrol(keys[0], "for-the-old-router", subject="CN=router-1", transaction_id="2")
    assert again.certificate.dump() == first.certificate.dump()
    server.command("cert", "revoke", f"{first.certificate.serial_number:036x}")
    fresh = server.enrol(keys[0], "for-the-old-router", subject="CN=router-1", transaction_id="3")
    assert fresh.status == 0 and fresh.certificate.serial_number != first.certificate.serial_number
