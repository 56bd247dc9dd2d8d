# SPDX-License-Identifier: MIT
"""TLS, what takes minutes (--apart): 100,000 handshakes leave no memory behind; testssl.sh finds nothing above LOW."""

import json
import os

from harness.http import http_start
from harness.outcome import check, check_equal
from harness.registry import test
from programs.tls_clients import load

TLS = ("tls",)
HANDSHAKES_COUNT = 100_000
GROWN_KIB_MAX = 1024
# Of testssl.sh: what this certificate is, rather than what the server does.
CERTIFICATE_FINDINGS = ("cert", "chain_of_trust", "OCSP", "CAA", "CRL", "DNS", "overall_grade", "grade", "engine_problem", "scan")


@test(families=TLS, limit_s=1200, apart=True)
def a_hundred_thousand_handshakes_leave_no_memory_behind(lab):
    """Half of them full, half resumed, after 10,000 that warm up; what is resident afterwards is what was before."""
    server = lab.start()
    part = HANDSHAKES_COUNT // 20
    for flags in ((), ("--tls-resume",)):
        load(lab, server, "-n", str(part), "-c", "16", "--churn", "1", *flags)
    before = server.resident_kib()
    for index in range(20):
        load(lab, server, "-n", str(part), "-c", "16", "--churn", "1", *(("--tls-resume",) if index % 2 else ()))
    grown = server.resident_kib() - before
    check(server.program.is_sanitized or grown < GROWN_KIB_MAX, f"{grown} KiB more after {HANDSHAKES_COUNT} handshakes")


@test(families=TLS, limit_s=900, apart=True, engines=("uring",))
def testssl_finds_nothing_above_low(lab):
    """Protocols, ciphers, forward secrecy, preferences and known weaknesses, on the port of HTTP."""
    testssl = lab.need("testssl", "testssl.sh")
    server = http_start(lab)
    path = os.path.join(lab.new_folder(), "findings.json")
    done = lab.run(testssl, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--add-ca", lab.program.authority.path,
                   "--jsonfile", path, "-p", "-s", "-f", "-P", "-S", "-U", f"127.0.0.1:{server.http_port}", limit_s=850)
    with open(path, encoding="utf-8") as file:
        findings = json.load(file)
    check(len(findings) > 20, f"only {len(findings)} findings: {done.stdout.decode()[-300:]}")
    bad = [f"{each['id']}: {each['severity']}: {each['finding']}" for each in findings
           if each["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL") and not each["id"].startswith(CERTIFICATE_FINDINGS)]
    check_equal([], bad, "findings above LOW")
