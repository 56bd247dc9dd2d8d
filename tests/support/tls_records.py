# SPDX-License-Identifier: MIT
"""Records of TLS that no library would send: after a handshake of Python's ssl its keys are taken over from the key log, and records of any
kind are encrypted by libcrypto. AES-128-GCM only. Standard library only: tests/wire and bench both stand on this.

    context.keylog_filename = path
    ... a handshake, nothing said yet ...
    writer = Writer13(path, hello_random(what it has sent), hello_random(what it has received))
    socket.sendall(writer.record(DATA, b"version\\r\\n") + writer.key_update())
"""

import ctypes
import functools
import hashlib
import hmac
import socket
import ssl
import tempfile

ALERT, HANDSHAKE, DATA = 21, 22, 23
KEY_UPDATE = 24
TAG_SIZE = 16
RECORD_PLAIN_MAX = 16384
EVP_CTRL_AEAD_GET_TAG = 0x10

CRYPTO = ctypes.CDLL("libcrypto.so.3")
for _name in ("EVP_CIPHER_CTX_new", "EVP_aes_128_gcm"):
    getattr(CRYPTO, _name).restype = ctypes.c_void_p


class Cipher:
    """AES-128-GCM with one key."""

    def __init__(self, key):
        self.context = ctypes.c_void_p(CRYPTO.EVP_CIPHER_CTX_new())
        self.check(CRYPTO.EVP_EncryptInit_ex(self.context, ctypes.c_void_p(CRYPTO.EVP_aes_128_gcm()), None, key, None))

    def __del__(self):
        CRYPTO.EVP_CIPHER_CTX_free(self.context)

    @staticmethod
    def check(result):
        if result != 1:
            raise RuntimeError("libcrypto has refused")

    def seal(self, nonce, plain, head):
        out, size = ctypes.create_string_buffer(len(plain) + 1), ctypes.c_int()
        tag = ctypes.create_string_buffer(TAG_SIZE)
        self.check(CRYPTO.EVP_EncryptInit_ex(self.context, None, None, None, nonce))
        self.check(CRYPTO.EVP_EncryptUpdate(self.context, None, ctypes.byref(size), head, len(head)))
        self.check(CRYPTO.EVP_EncryptUpdate(self.context, out, ctypes.byref(size), plain, len(plain)))
        self.check(CRYPTO.EVP_EncryptFinal_ex(self.context, ctypes.create_string_buffer(TAG_SIZE), ctypes.byref(size)))
        self.check(CRYPTO.EVP_CIPHER_CTX_ctrl(self.context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag))
        return out.raw[:len(plain)] + tag.raw


def expand(secret, text, size):
    """HKDF-Expand-Label of RFC 8446, section 7.1, without a context."""
    label = b"tls13 " + text
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0" + b"\1"
    return hmac.digest(secret, info, "sha256")[:size]


def expand_1_2(secret, text, size):
    """P_hash of RFC 5246, section 5."""
    out, a = b"", text
    while len(out) < size:
        a = hmac.digest(secret, a, "sha256")
        out += hmac.digest(secret, a + text, "sha256")
    return out[:size]


def logged_secret(path, label, client_random):
    """From a key log (draft-ietf-tls-keylogfile)."""
    with open(path, encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[:2] == [label, client_random.hex()]:
                return bytes.fromhex(words[2])
    raise RuntimeError(f"no {label} in the key log")


class Writer13:
    """TLS 1.3, after the handshake, before the first record of data."""

    def __init__(self, path, client_random, _server_random):
        self.use(logged_secret(path, "CLIENT_TRAFFIC_SECRET_0", client_random))

    def use(self, secret):
        self.secret, self.sequence = secret, 0
        self.cipher, self.nonce = Cipher(expand(secret, b"key", 16)), int.from_bytes(expand(secret, b"iv", 12), "big")

    def record(self, kind, plain):
        inner = plain + bytes([kind])
        head = b"\x17\x03\x03" + (len(inner) + TAG_SIZE).to_bytes(2, "big")
        nonce = (self.nonce ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return head + self.cipher.seal(nonce, inner, head)

    def key_update(self, asks=True):
        """Its own keys change, and `asks` the other side to change its."""
        sealed = self.record(HANDSHAKE, bytes([KEY_UPDATE, 0, 0, 1, int(asks)]))
        self.use(expand(self.secret, b"traffic upd", hashlib.sha256().digest_size))
        return sealed


class Writer12:
    """TLS 1.2, the same; its Finished was the first record under these keys."""

    def __init__(self, path, client_random, server_random):
        master = logged_secret(path, "CLIENT_RANDOM", client_random)
        block = expand_1_2(master, b"key expansion" + server_random + client_random, 40)
        self.cipher, self.salt, self.sequence = Cipher(block[:16]), block[32:36], 1

    def record(self, kind, plain):
        number = self.sequence.to_bytes(8, "big")
        self.sequence += 1
        sealed = self.cipher.seal(self.salt + number, plain, number + bytes([kind]) + b"\x03\x03" + len(plain).to_bytes(2, "big"))
        return bytes([kind]) + b"\x03\x03" + (8 + len(sealed)).to_bytes(2, "big") + number + sealed


def hello_random(records):
    """Of the ClientHello or ServerHello that stands first."""
    return bytes(records[5 + 4 + 2:5 + 4 + 2 + 32])


# --- a connection ------------------------------------------------------------------------------------------------------


@functools.lru_cache
def talker_context(version):
    """Trusts anybody: who asks so much does not look. With it the path of its key log."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")  # of TLS 1.2; the server's first choice in 1.3
    path = tempfile.NamedTemporaryFile(prefix="riposte-keys-")
    context.keylog_filename = path.name
    return context, path


class Talker:
    """A connection to 127.0.0.1 whose handshake is done. `writer` makes records, `plain` is the socket; what comes is not decrypted."""

    def __init__(self, port, version=ssl.TLSVersion.TLSv1_3, limit_s=20.0):
        context, log = talker_context(version)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="server.test")
        self.plain = socket.create_connection(("127.0.0.1", port), limit_s)
        sent, received, done = b"", b"", False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            said = outgoing.read()
            sent += said
            self.plain.sendall(said)
            if not done:
                part = self.plain.recv(65536)
                if not part:
                    raise ConnectionError("the end, in a handshake")
                received += part
                incoming.write(part)
        self.hello = sent[5:5 + int.from_bytes(sent[3:5], "big")]  # the message
        writer = Writer13 if version == ssl.TLSVersion.TLSv1_3 else Writer12
        self.writer = writer(log.name, hello_random(sent), hello_random(received))

    def send(self, *records):
        self.plain.sendall(b"".join(records))

    def is_ended(self):
        """Reads to the end; False where the other side lets it wait."""
        try:
            while self.plain.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except TimeoutError:
            return False
        return True

    def close(self):
        self.plain.close()


# --- what is much work for its bytes -----------------------------------------------------------------------------------

GETS = b"get small\r\n" * (RECORD_PLAIN_MAX // 11)
ASIDES_MAX = 16  # of connection.c in src/tls
HANDSHAKE_INPUT_SIZE_MAX = 48 * 1024


def hello_fragments():
    """A hello that has no end, in records of one byte, as much as a handshake may have."""
    message = b"\x01\x00\xff\xff\x03\x03" + bytes(HANDSHAKE_INPUT_SIZE_MAX)
    return b"".join(b"\x16\x03\x01\x00\x01" + message[at:at + 1] for at in range(HANDSHAKE_INPUT_SIZE_MAX // 6 + 1))


def block_of_records(talker):
    return talker.writer.record(DATA, GETS)


def block_of_updates(talker):
    return b"".join(talker.writer.key_update() for _ in range(ASIDES_MAX)) + talker.writer.record(DATA, b"get small\r\n")


def block_of_renegotiations(talker):
    return b"".join(talker.writer.record(HANDSHAKE, talker.hello) for _ in range(ASIDES_MAX)) + talker.writer.record(DATA, b"get small\r\n")


# kind -> version, and function from a talker to its next bytes
STREAMS = {
    "records": (ssl.TLSVersion.TLSv1_3, block_of_records),
    "updates": (ssl.TLSVersion.TLSv1_3, block_of_updates),
    "renegotiations": (ssl.TLSVersion.TLSv1_2, block_of_renegotiations),
}


class StreamHog:
    """Sends blocks for ever, and throws answers away inside the kernel."""

    def __init__(self, port, kind):
        version, self.make = STREAMS[kind]
        self.talker = Talker(port, version)
        self.connection = self.talker.plain
        self.connection.setblocking(False)
        self.block, self.sent, self.received, self.rounds = b"", 0, 0, 0

    ready = property(lambda self: self.received > 0)

    def send(self):
        if not self.block:
            self.block = self.make(self.talker)
            self.rounds += 1
        taken = self.connection.send(self.block)
        self.sent += taken
        self.block = self.block[taken:]

    def receive(self, buffer):
        """False at the end."""
        taken = self.connection.recv_into(buffer, len(buffer), socket.MSG_TRUNC)
        self.received += taken
        return taken > 0


class VisitHog:
    """Connects, says the same, and comes again when it is answered, or turned away."""

    def __init__(self, port, kind):
        if kind == "handshakes":
            talker = Talker(port)
            talker.close()
            self.words = b"\x16\x03\x01" + len(talker.hello).to_bytes(2, "big") + talker.hello
        else:
            self.words = hello_fragments()
        self.port, self.sent, self.received, self.rounds = port, 0, 0, 0
        self.connect()

    ready = property(lambda self: self.received > 0)

    def connect(self):
        self.connection = socket.socket()
        self.connection.setblocking(False)
        self.connection.connect_ex(("127.0.0.1", self.port))
        self.left = self.words

    def send(self):
        if self.left:
            taken = self.connection.send(self.left)
            self.sent += taken
            self.left = self.left[taken:]

    def receive(self, buffer):
        """Always goes on, with another `connection`."""
        try:
            self.received += self.connection.recv_into(buffer, len(buffer), socket.MSG_TRUNC)
        except ConnectionResetError:
            self.received += 1
        self.connection.close()
        self.rounds += 1
        self.connect()
        return True


KINDS = (*STREAMS, "handshakes", "fragments")


def hog_of(port, kind):
    return StreamHog(port, kind) if kind in STREAMS else VisitHog(port, kind)
