"""kurier enroll against a server that is not Kurier: Debian's scepserver, which listens on every address, in a namespace of its own."""

import os
import shutil
import subprocess

import pytest

import kurier

SCRIPT = """
set -eu
ip link set lo up
scepserver ca -init -depot depot >/dev/null
scepserver -depot depot -port 2016 -challenge secret >server.log 2>&1 &
for i in $(seq 50); do curl -s -o /dev/null 'http://127.0.0.1:2016/scep?operation=GetCACaps' && break; sleep 0.1; done
{program} enroll http://127.0.0.1:2016/scep --challenge secret --subject CN=des,O=X --trust-on-first-use --out device; status=$?
kill $!
exit $status
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")
@pytest.mark.skipif(shutil.which("scepserver") is None, reason="scepserver is not installed")
def test_single_des_in_an_answer_is_explained(folder):
    script = SCRIPT.replace("{program}", kurier.PROGRAM).replace("set -eu", "set -u")
    done = subprocess.run(["unshare", "--net", "bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "single DES" in done.stderr and "KUR-1319" in done.stderr, done.stdout + done.stderr
    assert not (folder / "device" / "cert.pem").exists()
