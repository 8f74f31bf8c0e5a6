"""places.py - a name server and a certificate authority for systems in a directory.

The name server listens where a chroot's /etc/resolv.conf says, on a loopback address of its own. May touch: loopback.
"""

import contextlib
import datetime
import os
import socket
import ssl
import struct
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "login.roomkey.test"


class Names:
    """Every name is 127.0.0.1, said over TCP only: over UDP the answer is cut off, as a long one would be."""

    def __init__(self):
        for last in range(2, 250):  # another run on this machine may have the first
            self.address = f"127.0.77.{last}"
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                self.udp.bind((self.address, 53))
                self.tcp = socket.create_server((self.address, 53))
                break
            except OSError:
                self.udp.close()
        self.asked = {"udp": 0, "tcp": 0}
        for work in (self._udp, self._tcp):
            threading.Thread(target=work, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in (self.tcp, self.udp):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
            sock.close()

    @staticmethod
    def answer(query, cut_off):
        end = query.index(b"\0", 12) + 5  # the one question: a name, a type, a class
        wants_v4 = query[end - 4:end - 2] == b"\0\1"
        records = b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 60, 4) + bytes([127, 0, 0, 1]) if wants_v4 and not cut_off else b""
        flags = 0x8180 | (0x0200 if cut_off else 0)
        return query[:2] + struct.pack(">HHHHH", flags, 1, bool(records), 0, 0) + query[12:end] + records

    def _udp(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self.udp.recvfrom(4096)
                if not query:  # the socket was shut down
                    return
                self.asked["udp"] += 1
                self.udp.sendto(self.answer(query, cut_off=True), peer)

    def _tcp(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.tcp.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, sock.makefile("rb") as stream, contextlib.suppress(OSError):
            while True:
                head = stream.read(2)
                if len(head) < 2:
                    return
                query = stream.read(struct.unpack(">H", head)[0])
                self.asked["tcp"] += 1
                reply = self.answer(query, cut_off=False)
                sock.sendall(struct.pack(">H", len(reply)) + reply)


def authority(directory):
    """(an SSLContext for NAME, the certificate of the authority that vouches for it, as PEM)"""
    now = datetime.datetime.now(datetime.timezone.utc)

    def certificate(subject, issuer, key, signer, *extensions):
        names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]) for text in (subject, issuer)]
        made = (x509.CertificateBuilder().subject_name(names[0]).issuer_name(names[1]).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
                .not_valid_after(now + datetime.timedelta(days=2)))
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = certificate("tests", "tests", ca_key, ca_key, (x509.BasicConstraints(True, None), True))
    leaf = certificate(NAME, "tests", key, ca_key, (x509.SubjectAlternativeName([x509.DNSName(NAME)]), False))
    path = os.path.join(directory, "server.pem")
    with open(path, "wb") as file:
        file.write(leaf + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                            serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, ca
