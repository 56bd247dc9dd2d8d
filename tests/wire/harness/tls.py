# SPDX-License-Identifier: MIT
"""TLS over a socket, with the records in one's hands: what Python's ssl has for the wire can be cut, held back or changed.

A TlsSocket has those methods of a socket that the tests use. An end that the other side did not say (close_notify) is
told from one that it did.
"""

import functools
import socket
import ssl
import threading

from harness.certificates import SERVER_NAME

READ_SIZE = 1 << 16


class Truncated(ConnectionError):
    """The stream ended without close_notify."""


@functools.lru_cache
def client_context(authority=None, own=None, version=None, alpn=()):
    """The same for the same wishes. Trusts the authority alone; None: anybody. own: certificate and key of the client. version: only that one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 1 << 7)  # some builds of Python take any end for one that was said
    if authority:
        context.load_verify_locations(authority.path)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own:
        context.load_cert_chain(*own)
    if version:
        context.minimum_version = context.maximum_version = version
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsSocket:
    """A client. `plain` is connected and has its time-out; cut: a function from bytes to the pieces that are sent. One
    thread may send while another receives.
    """

    def __init__(self, plain, context, name=SERVER_NAME, session=None, cut=None, shake=True):
        self.plain, self.cut = plain, cut or (lambda data: [data])
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name, session=session)
        self.sent_size = 0  # of the wire
        self.early = b""  # decrypted before it was asked for
        self.said_end = False
        self.state_lock = threading.Lock()  # of what ssl has; not held while the wire is waited for
        self.wire_lock = threading.Lock()  # records leave in the order in which they were made
        if shake:
            self.shake()

    # --- the wire ------------------------------------------------------------------------------------------------

    def records(self):
        """Takes what waits for the wire."""
        return self.outgoing.read()

    def flush(self):
        if not self.outgoing.pending:
            return
        with self.wire_lock:
            with self.state_lock:
                data = self.records()
            for piece in self.cut(data) if data else []:
                self.plain.sendall(piece)
                self.sent_size += len(piece)

    def feed(self):
        """Takes what the wire has, at least a byte. False at its end."""
        data = self.plain.recv(READ_SIZE)
        with self.state_lock:
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()
        return bool(data)

    def until_done(self, step, *arguments):
        """Calls step until it wants nothing more from the wire."""
        while True:
            try:
                with self.state_lock:
                    result = step(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.feed()
            except ssl.SSLError:
                self.flush_quietly()
                raise

    def flush_quietly(self):
        """An alert for whoever still listens."""
        try:
            self.flush()
        except OSError:
            pass

    def shake(self):
        self.until_done(self.tls.do_handshake)

    # --- as a socket ---------------------------------------------------------------------------------------------

    def sendall(self, data):
        """Records of up to 16 KiB."""
        view = memoryview(data)
        while view:
            with self.state_lock:
                view = view[self.tls.write(view):]
        self.flush()

    def recv(self, size=READ_SIZE):
        """What there is, at least a byte; b"" at an end that was said. Truncated at one that was not."""
        if self.early:
            data, self.early = self.early[:size], self.early[size:]
            return data
        while True:
            try:
                return self.until_done(self.tls.read, size)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLEOFError:
                raise Truncated("the end came without close_notify") from None
            except ssl.SSLSyscallError:
                # Once it has said its end OpenSSL skips what is no data (a ticket), and stops for it: each time, a record.
                if not self.said_end or not self.incoming.pending:
                    raise Truncated("the end came without close_notify") from None
            except ssl.SSLError as error:
                if error.reason == "UNEXPECTED_EOF_WHILE_READING":  # what older versions of Python have in SSLEOFError's place
                    raise Truncated("the end came without close_notify") from None
                raise

    def say_end(self):
        """close_notify: nothing more will be sent, what comes can still be read."""
        try:
            while data := self.tls.read(READ_SIZE):
                self.early += data
        except ssl.SSLError:
            pass  # all of what was received is read: unwrap() would take it for a fault
        self.said_end = True
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # the other side has not said its own yet
        self.flush()

    def shutdown(self, how):
        if how == socket.SHUT_WR:
            self.say_end()
        self.plain.shutdown(how)

    def close(self):
        """With close_notify, where it still goes."""
        if self.plain.fileno() >= 0 and not self.said_end:
            self.plain.setblocking(False)
            try:
                self.say_end()
            except (OSError, ValueError):
                pass
        self.plain.close()

    def cut_off(self):
        """Without a word."""
        self.plain.close()

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def setsockopt(self, *arguments):
        self.plain.setsockopt(*arguments)

    def getsockname(self):
        return self.plain.getsockname()

    def fileno(self):
        return self.plain.fileno()
