"""How a test runs the real clients of Debian: strongSwan's pki and certmonger."""

import os
import subprocess


def chain_file(server, folder, openssl):
    """RA, CA and root certificates as PEM files: ra, list of the CAs, a bundle of these."""
    paths = []
    for i, certificate in enumerate(server.ca_certificates()):
        path = folder / f"chain{i}.pem"
        path.write_bytes(openssl("x509", "-inform", "DER", data=certificate.dump()))
        paths.append(str(path))
    bundle = folder / "bundle.pem"
    bundle.write_text("".join(open(p).read() for p in paths[1:]))
    return paths[0], paths[1:], str(bundle)


def verify(openssl, paths, certificate, key=None):
    untrusted = [a for p in paths[:-1] for a in ("-untrusted", p)]
    openssl("verify", "-CAfile", paths[-1], *untrusted, str(certificate))
    if key is not None:
        assert openssl("x509", "-in", str(certificate), "-noout", "-pubkey") == openssl("pkey", "-in", str(key), "-pubout")


# ---- strongSwan -----------------------------------------------------------------------------------------------------


def pki(*args, check=True, before=()):
    done = subprocess.run([*before, "pki", *args], capture_output=True, timeout=60)
    if check:
        assert done.returncode == 0, done.stderr.decode()
    return done


def strongswan(server, folder, paths, key, password=None, cipher="aes", extra=(), check=True, url=None, before=()):
    ra, cas, _ = paths
    trust = [a for p in cas for a in ("--cacert", p)]
    challenge = ["--password", password] if password else []
    return pki("--scep", "--url", url or server.url(), "--in", str(key), "--dn", "CN=swan,O=Example", "--san", "swan.example.org", *challenge,
               "--cacert-enc", ra, "--cacert-sig", ra, *trust, "--cipher", cipher, "--interval", "1", "--maxpolltime", "4",
               "--outform", "pem", *extra, check=check, before=before)


# ---- certmonger -----------------------------------------------------------------------------------------------------

CERTMONGER = """
/usr/sbin/certmonger -s -n -f -d 1 -p pid >certmonger.log 2>&1 & daemon=$!
sleep 1
getcert add-scep-ca -s -c kurier -u {url} -R {bundle}
for i in $(seq 40); do getcert list-cas -s -c kurier -v 2>/dev/null | grep -q 'is-default\\|ca-type' && break; sleep 0.1; done
sleep 1
{commands}
kill $daemon
"""


def certmonger(server, folder, bundle, commands, url=None, before=()):
    work = folder / "certmonger"
    environment = dict(os.environ)
    for name in ("CONFIG", "REQUESTS", "CAS", "LOCAL_CA"):
        (work / name).mkdir(parents=True, exist_ok=True)
        environment[f"CERTMONGER_{name}_DIR"] = str(work / name)
    environment["CERTMONGER_TMPDIR"] = str(work)
    script = CERTMONGER.format(url=url or server.url(), bundle=bundle, commands=commands)
    done = subprocess.run([*before, "dbus-run-session", "--", "bash", "-c", script], cwd=work, env=environment, capture_output=True,
                          text=True, timeout=150)
    return work, done.stdout + done.stderr


def certmonger_requests_resubmits_and_rekeys(server, folder, openssl, bundle, cas, **where):
    """first, second and third, each a certificate with its key, in the folder that is returned."""
    challenge = server.challenge("--device", "monger")
    work, text = certmonger(server, folder, bundle, f"""
getcert request -s -c kurier -f $PWD/cert.pem -k $PWD/key.pem -N CN=monger,O=Example -D monger.example.org -L {challenge} -I one -w -v
cp cert.pem first.pem; cp key.pem first.key
getcert resubmit -s -i one -w -v; cp cert.pem second.pem; cp key.pem second.key
getcert rekey -s -i one -w -v; cp cert.pem third.pem; cp key.pem third.key
getcert list -s
""", **where)
    assert "status: MONITORING" in text, text
    for name in ("first", "second", "third"):
        verify(openssl, cas, work / f"{name}.pem", work / f"{name}.key")
    return work
