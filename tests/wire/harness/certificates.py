# SPDX-License-Identifier: MIT
"""Certificates by openssl(1), made when the tests run: an authority, and what it signs. Keys are of P-256."""

import os
import shutil
import subprocess

from harness.outcome import Failure, Skip

LIMIT_S = 20.0
SERVER_NAME = "server.test"


class Authority:
    """A certificate authority in a folder. Pairs are the paths of a certificate and of its key."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl = shutil.which("openssl")
        if not self.openssl:
            raise Skip("openssl is not installed (Debian package openssl)")
        self.path = self.make("ca", "ca.test", signed=False)[0]
        self.made = {}

    def file(self, name):
        return os.path.join(self.folder, name)

    def make(self, file, name, signed=True, days=30, rsa_bits=0, rsa_primes=2):
        """Writes <file>.pem and <file>.key, by itself or signed by the authority. Below 0 days it has ended long ago. A large key of RSA
        is found sooner where it has more primes."""
        chain, key = self.file(f"{file}.pem"), self.file(f"{file}.key")
        if rsa_bits > 0:
            self.call("genrsa", "-primes", str(rsa_primes), "-out", key, str(rsa_bits))
        else:
            self.call("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        subject = ["-key", key, "-subj", f"/CN={name}"]
        if not signed:
            self.call("req", "-x509", "-new", *subject, "-days", str(days), "-addext", f"subjectAltName=DNS:{name}", "-out", chain)
            return chain, key
        request, extensions = self.file("request"), self.file("extensions")
        self.call("req", "-new", *subject, "-out", request)
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
        self.call("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self.file("ca.key"), "-CAcreateserial",
                  "-days", str(days), "-extfile", extensions, "-out", chain)
        return chain, key

    def once(self, file, name, **wishes):
        """The same pair each time."""
        if file not in self.made:
            self.made[file] = self.make(file, name, **wishes)
        return self.made[file]

    def call(self, *arguments):
        done = subprocess.run([self.openssl, *arguments], capture_output=True, timeout=LIMIT_S, check=False)
        if done.returncode != 0:
            raise Failure(f"openssl {arguments[0]}: {done.stderr.decode().strip()}")

    def flags(self, *more):
        """What a server needs so that its TCP addresses speak TLS; `more` are names of -o."""
        chain, key = self.once("server", SERVER_NAME)
        return ["-Z", "-o", ",".join([f"ssl_chain_cert={chain}", f"ssl_key={key}", *more])]
