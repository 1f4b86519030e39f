"""The administration over HTTP: NDES's challenge page as device managers scrape it, the API, accounts and what they cost."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import statistics
import tempfile
import threading
import time

import pytest

import kurier
import web

CAPABILITIES = "/scep?operation=GetCACaps"


@pytest.fixture(scope="module")
def server():
    path = pathlib.Path(tempfile.mkdtemp(prefix="kurier-test-"))
    path.chmod(0o755)
    made = web.WebServer(path / "home", more="admin:\n  wrong_passwords_per_minute: 1000\n").start()
    yield made
    made.stop()
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_web(folder):
    made = []

    def make(**kwargs):
        made.append(web.WebServer(folder / f"home{len(made)}", **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.kill()


# ---- the challenge page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
@pytest.mark.sanitized
def test_a_scraper_gets_a_challenge_that_enrols_once(make_web, keys, encoding):
    server = make_web(more=f"admin:\n  challenge_page: {encoding}\n").start()
    for i, path in enumerate(("/certsrv/mscep_admin/", "/certsrv/mscep_admin", "/CertSrv/mscep_admin/",
                              "/certsrv/mscep_admin/mscep_admin.dll")):
        status, headers, body = server.page(path=path)
        assert status == 200 and headers["cache-control"] == "no-store"
        assert headers["content-type"] == ("text/html; charset=UTF-8" if encoding == "utf-8" else "text/html")
        assert body[:2] == (b"<H" if encoding == "utf-8" else b"<\0")  # no byte order mark
        text = web.decode(body)
        challenge = web.SCRAPER.search(text).group(1)
        bold = re.findall(r"<B> (.*?) </B>", text)
        assert len(bold) == 2 and bold[1] == challenge
        assert bold[0] == thumbprint(server)
        assert "This password can be used only once and will expire within 60 minutes." in text
        assert server.enrol(keys[i], challenge, subject=f"CN=scraped-{i}").status == 0
        assert server.enrol(keys[i + 5], challenge, subject=f"CN=again-{i}").status == 2
    server.stop()


def thumbprint(server):
    import hashlib
    digest = hashlib.md5(server.ca_certificates()[1].dump()).hexdigest().upper()
    return " ".join(digest[i:i + 8] for i in range(0, 32, 8))


def test_the_page_tells_an_account_without_the_profile(server):
    status, _, body = server.page("network")
    assert status == 200
    text = web.decode(body)
    assert "You do not have sufficient permission to enroll with SCEP." in text
    assert web.SCRAPER.search(text) is None


@pytest.mark.sanitized
def test_a_full_password_cache_is_told_and_empties(make_web, keys):
    server = make_web(more="admin:\n  page_outstanding: 3\n").start()
    challenges = [server.scrape() for _ in range(3)]
    status, _, body = server.page()
    assert status == 200 and "The password cache is full." in web.decode(body)
    # Challenges made elsewhere do not count, and are not held up.
    assert server.order({})[0] == 201 and server.challenge()
    assert server.enrol(keys[0], challenges[1], subject="CN=one").status == 0
    time.sleep(1.1)
    challenges.append(server.scrape())
    assert "The password cache is full." in web.decode(server.page()[2])
    # A restart neither loses a challenge nor forgets how many there are.
    server.stop()
    server.start()
    assert "The password cache is full." in web.decode(server.page()[2])
    for i, challenge in enumerate((challenges[0], challenges[2], challenges[3])):
        assert server.enrol(keys[i + 1], challenge, subject=f"CN=kept-{i}").status == 0
    server.stop()


def test_a_thousand_challenges_are_open_and_survive_a_restart(make_web, keys):
    server = make_web(more="admin:\n  requests_per_minute: 100000\n").start()
    server.scrape()  # the password is known from here on
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        challenges = list(pool.map(lambda i: server.scrape(), range(999)))
    print(f"999 challenges in {time.monotonic() - begun:.1f} s")
    assert len(set(challenges)) == 999
    assert "The password cache is full." in web.decode(server.page()[2])
    server.stop()
    server.start()
    assert "The password cache is full." in web.decode(server.page()[2])
    for i in range(0, 999, 111):
        assert server.enrol(keys[i % 12], challenges[i], subject=f"CN=of-a-thousand-{i}").status == 0
    assert server.command("audit").returncode == 0
    server.stop()


def test_other_methods_make_no_challenge(server):
    before = len(server.json_lines("delivery", "list", "--state", "offered"))
    for method in ("HEAD", "POST"):
        status, headers, _ = server.request(method, "/certsrv/mscep_admin/", headers=web.basic("jamf", web.PASSWORD),
                                            body=b"" if method == "POST" else None)
        assert status == 405 and headers["allow"] == "GET"
    assert len(server.json_lines("delivery", "list", "--state", "offered")) == before


# ---- the API --------------------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_an_order_binds_what_it_says(server, keys):
    status, headers, made = server.order({"profile": "routers", "device": "Büro 7", "subject": "CN=r7,O=Example",
                                          "sans": ["DNS:r7.example"], "ttl": "2h", "uses": 2})
    assert status == 201
    assert made["scep_url"] == f"http://127.0.0.1:{server.port}/scep/routers"
    path = "/scep/routers"
    delivery = server.trace("Büro 7")[0]
    assert delivery["delivery"] == made["delivery_id"] and delivery["challenge_id"] == made["challenge_id"]
    assert delivery["arrival"] is None
    assert delivery["events"][0]["detail"] == made["challenge_id"] + " by mdm"
    expires = time.mktime(time.strptime(made["expires_at"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert abs(expires - time.time() - 7200) < 60
    challenge = made["challenge"]
    assert server.enrol(keys[0], challenge, "CN=other", ["r7.example"], path=path).fail_text.endswith("[KUR-1409]")
    assert server.enrol(keys[0], challenge, "CN=r7,O=Example", [], path=path).fail_text.endswith("[KUR-1410]")
    assert server.enrol(keys[0], challenge, "CN=r7,O=Example", ["r7.example"]).fail_text.endswith("[KUR-1408]")
    assert server.enrol(keys[0], challenge, "CN=r7,O=Example", ["r7.example"], path=path).status == 0
    assert server.enrol(keys[1], challenge, "CN=r7,O=Example", ["r7.example"], path=path).status == 0
    assert server.enrol(keys[2], challenge, "CN=r7,O=Example", ["r7.example"], path=path).status == 2


def test_what_is_left_out_is_the_profiles(server, keys):
    status, _, made = server.order({})
    assert status == 201 and made["scep_url"] == f"http://127.0.0.1:{server.port}/scep"
    assert server.enrol(keys[0], made["challenge"], "CN=anything", ["a.example"]).status == 0
    status, _, made = server.order({"sans": []})  # bound to none
    assert server.enrol(keys[1], made["challenge"], "CN=none", ["a.example"]).fail_text.endswith("[KUR-1410]")
    assert server.enrol(keys[1], made["challenge"], "CN=none").status == 0


@pytest.mark.parametrize("body, what", [
    ("", "KUR-1935"), ("[]", "KUR-1935"), ('{"device":', "KUR-1935"), ('{"divice":"x"}', "KUR-1935"),
    ('{"device":"a","device":"b"}', "KUR-1935"), ('{"ttl":1}', "KUR-1935"), ('{"uses":0}', "KUR-1935"),
    ('{"device":"a\\u0000b"}', "KUR-1935"), ('{"device":"a\\r\\nevent=x"}', "KUR-1935"), ('{"sans":["a"]}', "KUR-1211"),
    ('{"subject":"nonsense"}', "KUR-1210"), ('{"profile":"nowhere"}', "KUR-1933"), ("[" * 50000, "KUR-1935"),
    ('{"device":"' + "x" * 1025 + '"}', "KUR-1935"), (b'{"device":"\xff"}', "KUR-1935")])
@pytest.mark.sanitized
def test_T30_bad_orders_are_told_in_json(server, body, what):
    status, headers, answer = server.order(body)
    assert headers["content-type"] == "application/json"
    assert answer["code"] == what and set(answer) == {"code", "what", "remedy"}
    assert status == (403 if what == "KUR-1933" else 400)
    assert not re.search(r"jansson|openssl|/tmp|/home|\.c:|0x[0-9a-f]{6}", json.dumps(answer), re.I)


def test_other_addresses_methods_and_types(server):
    for path in ("/", "/api", "/api/v1/challenges/x", "/api/v2/challenges", "/scep", "/ca/default.crt", "/crl/default.crl",
                 "/API/V1/challenges", "/api/v1/deliveries/x/confirm", "/api/v1/deliveries/-1/confirm"):
        status, _, answer = server.api(path, {})
        assert (status, answer["code"]) == (404, "KUR-1938"), path
    status, headers, answer = server.api("/api/v1/challenges", {}, headers={"Content-Type": "text/plain"})
    assert (status, answer["code"]) == (415, "KUR-1936")
    status, headers, answer = server.request("GET", "/api/v1/challenges", headers={"Authorization": "Bearer x"})
    assert status == 405 and headers["allow"] == "POST"
    status, headers, answer = server.order("x" * 300000)
    assert status == 413


def test_nothing_of_it_is_on_a_listener_for_devices(server):
    for port in (server.port, server.own):
        for path in ("/certsrv/mscep_admin/", "/api/v1/challenges", "/certsrv/mscep_admin/mscep_admin.dll"):
            headers = dict(web.basic("jamf", web.PASSWORD), **{"Content-Type": "application/json"})
            assert server.request("GET", path, headers=headers, port=port)[0] == 404
            assert server.request("POST", path, "{}", headers, port=port)[0] == 404


# ---- who asks -------------------------------------------------------------------------------------------------------


def timed(call):
    begun = time.monotonic()
    return call(), time.monotonic() - begun


WRONG = [("jamf", "wrong"), ("jamf", ""), ("jamf", web.PASSWORD[:-1]), ("jamf", web.PASSWORD + "\0"), ("jamf", web.PASSWORD + "x"),
         ("nobody", web.PASSWORD), ("", web.PASSWORD), ("mdm", web.PASSWORD), ("Jamf", web.PASSWORD), ("jamf", "x" * 1500)]


@pytest.mark.sanitized
def test_T1_wrong_passwords_and_unknown_accounts_cost_the_same(server):
    with concurrent.futures.ThreadPoolExecutor(len(WRONG)) as pool:
        answers = list(pool.map(lambda w: timed(lambda: server.page(*w)), WRONG))
    for wrong, ((status, headers, body), took) in zip(WRONG, answers):
        assert (status, body) == (401, b"401 Unauthorized\n"), wrong
        assert headers["www-authenticate"].startswith('Basic realm="kurier"')
        assert took >= 1.0


FIELDS = ["Basic", "Basic ", "Basic !!!!", "Basic amFtZg==", "Bearer", "Bearer x", "Bearer  ", "Digest x",
          "Bearer " + web.TOKEN["hash"], "Bearer " + web.TOKEN["token"][:-1], "Bearer " + web.TOKEN["token"] + "A",
          "Negotiate TlRMTVNTUAAB"]


@pytest.mark.sanitized
def test_T1_other_credentials_are_refused(server):
    with concurrent.futures.ThreadPoolExecutor(len(FIELDS)) as pool:
        answers = list(pool.map(lambda f: server.order({}, token=None, headers={"Authorization": f}), FIELDS))
    for field, (status, headers, answer) in zip(FIELDS, answers):
        assert (status, answer["code"]) == (401, "KUR-1930"), field
        assert "Bearer" in headers["www-authenticate"] and "Basic" in headers["www-authenticate"]


def test_credentials_twice_are_refused(server):
    raw = (f"POST /api/v1/challenges HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
           f"Authorization: Bearer {web.TOKEN['token']}\r\nAuthorization: Bearer x\r\nContent-Length: 2\r\n\r\n{{}}").encode()
    assert kurier.http(server.local, "POST", "/", raw=raw)[0] == 401


def test_both_kinds_of_credentials_serve_both(server):
    token = {"Authorization": f"bearer {web.TOKEN['token']}"}
    assert web.SCRAPER.search(web.decode(server.request("GET", "/certsrv/mscep_admin/", headers=token)[2]))
    assert server.order({}, token=None, headers=web.basic("jamf", web.PASSWORD))[0] == 201
    assert server.order({"profile": "routers"}, token=None, headers=web.basic("jamf", web.PASSWORD))[0] == 403
    assert server.order({}, token=None, headers=web.basic("network", web.PASSWORD))[2]["scep_url"].endswith("/scep/routers")


def test_loopback_without_tls_will_do(server):
    assert server.page(port=server.local)[0] == 200
    assert server.order({}, port=server.local)[0] == 201


@pytest.mark.sanitized
def test_T26_names_of_accounts_do_not_reach_the_log(server):
    offset = server.log_path.stat().st_size
    evil = "x\nevent=ready\x1b[2J" + web.PASSWORD
    assert server.page(evil, "y")[0] == 401
    status, _, _ = server.order({"device": "a b \"quoted\" c=d", "subject": "CN=a\\\\0Ab"})
    text = server.log_path.read_bytes()[offset:]
    assert b"account=unknown" in text and web.PASSWORD.encode() not in text
    assert all(line.startswith(b"event=") for line in text.splitlines())
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text)


def test_T2_no_secret_is_in_the_log_or_in_the_home(make_web):
    server = make_web().start()
    challenge = server.scrape()
    made = server.order({"device": "secretive"})[2]["challenge"]
    server.page("jamf", "a wrong secret")
    server.order({}, token="kurier_WRONGSECRET")
    server.stop()
    kept = b"".join(p.read_bytes() for p in server.home.rglob("*") if p.is_file())
    for secret in (challenge, made, web.PASSWORD, web.TOKEN["token"], "a wrong secret", "kurier_WRONGSECRET"):
        assert secret not in server.log()
        assert secret.encode() not in kept


# ---- how often ------------------------------------------------------------------------------------------------------


@pytest.mark.sanitized
def test_wrong_passwords_have_a_limit_and_right_tokens_pass(make_web):
    server = make_web().start()
    assert server.page()[0] == 200  # the password is known
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: server.page("jamf", f"wrong {i}"), range(20)))
    statuses = sorted(a[0] for a in answers)
    assert statuses == [401] * 10 + [429] * 10
    retry = [int(a[1]["retry-after"]) for a in answers if a[0] == 429]
    assert all(1 <= r <= 61 for r in retry)
    status, headers, answer = server.order({}, token="wrong")
    assert status == 429 and answer["code"] == "KUR-1931" and int(headers["retry-after"]) >= 1
    assert server.order({})[0] == 201       # a right token
    assert server.page()[0] == 200          # a password that was right a moment ago
    assert server.page("network")[0] == 429  # one that nobody has seen yet
    server.stop()


def test_sources_behind_a_trusted_proxy_are_apart(make_web):
    server = make_web(more="trusted_proxies: [127.0.0.1]\nadmin:\n  wrong_passwords_per_minute: 2\n").start()

    def wrong(source, account):
        return server.page(account, "wrong", headers={"X-Forwarded-For": source})[0]

    assert [wrong("192.0.2.1", "nobody") for _ in range(3)] == [401, 401, 429]
    assert wrong("192.0.2.2", "nobody") == 401
    server.wait_for("source=192.0.2.1")
    # An account is guarded wherever they come from.
    assert [wrong(f"198.51.100.{i}", "jamf") for i in range(3)] == [401, 401, 429]
    server.stop()


def test_an_account_has_its_rate(make_web):
    server = make_web(more="admin:\n  requests_per_minute: 5\n").start()
    answers = [server.order({}) for _ in range(7)]
    assert [a[0] for a in answers] == [201] * 5 + [429] * 2
    assert 1 <= int(answers[6][1]["retry-after"]) <= 61 and answers[6][2]["code"] == "KUR-1931"
    assert server.page()[0] == 200  # another account
    server.stop()


def test_devices_do_not_wait_for_passwords(make_web):
    """scrypt runs beside the event loop: while thirty wrong passwords are checked, a device is answered at once."""
    server = make_web(more="admin:\n  wrong_passwords_per_minute: 1000\n").start()
    stop = threading.Event()
    took = []

    def measure():
        while not stop.is_set():
            took.append(timed(lambda: kurier.http(server.port, "GET", CAPABILITIES))[1])
            time.sleep(0.02)

    thread = threading.Thread(target=measure)
    thread.start()
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        statuses = [a[0] for a in pool.map(lambda i: server.page("jamf", f"wrong {i}"), range(40))]
    stop.set()
    thread.join()
    assert set(statuses) <= {401, 503} and statuses.count(401) >= 20 // kurier.SLOWER  # beyond the queue: come again
    assert statistics.median(took) < 0.1 * kurier.SLOWER, statistics.median(took)
    tasks = os.listdir(f"/proc/{server.role_pids()['kurier-front']}/task")
    assert len(tasks) == 2 + (kurier.BUILD.name == "threads")  # that sanitizer has a thread of its own
    server.stop()


def test_a_reload_takes_an_account_away(make_web):
    server = make_web().start()
    assert server.page()[0] == 200 and server.order({})[0] == 201
    text = server.config_path.read_text()
    server.config_path.write_text(re.sub(r"  jamf:\n    password: .*\n", "", text).replace(web.TOKEN["hash"], "0" * 64))
    server.reload()
    assert server.page()[0] == 401  # though it was right a moment ago
    assert server.order({})[0] == 401
    server.config_path.write_text(text.replace("$scrypt$ln=15", "$scrypt$ln=9"))
    told = server.reload(expect="event=reload_refused")
    assert "code=KUR-1934" in told
    server.stop()


def test_a_ledger_that_is_gone_is_a_503_and_comes_back(make_web):
    server = make_web().start()
    assert server.order({})[0] == 201
    for _ in range(3):
        os.kill(server.role_pids()["kurier-ledger"], 9)
        deadline = time.monotonic() + 10
        status, headers, answer = server.order({})
        while status != 201 and time.monotonic() < deadline:
            assert status == 503 and int(headers["retry-after"]) >= 1 and "detail" not in answer
            time.sleep(0.1)
            status, headers, answer = server.order({})
        assert status == 201
    server.stop()


# ---- the commands ---------------------------------------------------------------------------------------------------


def test_account_commands_print_what_the_configuration_takes(folder):
    import hashlib
    import subprocess
    token = json.loads(kurier.run("account", "token", "--json").stdout)
    assert hashlib.sha256(token["token"].encode()).hexdigest() == token["hash"]
    plain = kurier.run("account", "token").stdout.split()
    assert plain[0] == "token" and plain[2] == "hash" and plain[1] != token["token"]

    def hash_of(text):
        return subprocess.run([kurier.PROGRAM, "account", "hash"], input=text, capture_output=True, text=True)

    done = hash_of("geheim\n")
    assert re.fullmatch(r"\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}\n", done.stdout)
    assert done.stdout != hash_of("geheim\n").stdout
    assert hash_of("").returncode != 0 and hash_of("x" * 1025).returncode != 0
    assert kurier.run("account").returncode == 2 and kurier.run("account", "other").returncode == 2
