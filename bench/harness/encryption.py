# SPDX-License-Identifier: MIT
"""Peers that speak TLS 1.3 with AES-128-GCM and a certificate of P-256, and how the generator is told to."""

import os
import shutil

from process import ask

CIPHERS = "TLS_AES_128_GCM_SHA256"
GENERATOR_ARGUMENTS = ("--tls", "--tls-no-verify", "--tls-version", "1.3", "--tls-ciphers", CIPHERS)


def is_here():
    return shutil.which("openssl") is not None


def certificate(folder):
    """Writes one that is signed by itself; the paths of it and of its key, which servers read after they gave rights away."""
    chain, key = os.path.join(folder, "server.pem"), os.path.join(folder, "server.key")
    if not os.path.exists(chain):
        ask(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj",
             "/CN=localhost", "-days", "30", "-out", chain])
        os.chmod(key, 0o644)
    return chain, key


def memcached_arguments(start):
    """-Z, as memcached and riposte have it."""
    chain, key = certificate(start.folder)
    return ["-Z", "-o", f"ssl_chain_cert={chain},ssl_key={key}"]


def nginx_lines(start):
    chain, key = certificate(start.folder)
    return (f"        ssl_certificate {chain};\n        ssl_certificate_key {key};\n        ssl_protocols TLSv1.3;\n"
            "        ssl_session_tickets on;\n")
