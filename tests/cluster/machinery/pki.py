"""The cluster's certificates and the kubeconfigs made of them."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 30


class Authority:
    """A certificate authority with a folder of its own: ``ca.crt``, and ``<name>.crt`` and ``<name>.key`` of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = self.key("ca")
        self._subject = _name("himalia-test")
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = self._builder(self._subject, self._key).add_extension(usage, critical=True)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._write("ca", builder)

    def key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """A new private key, kept as ``<name>.key``."""
        key = ec.generate_private_key(ec.SECP256R1())
        formats = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        file = self.folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *formats))
        return key

    def certificate(
        self, name: str, user: str, groups: Iterable[str] = (), names: Iterable[str] = ()
    ) -> None:
        """Certify a new key for a client, and for a server that goes by ``names`` (host names and addresses)."""
        builder = self._builder(_name(user, groups), self.key(name))
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if known := [_alternative(word) for word in names]:
            builder = builder.add_extension(x509.SubjectAlternativeName(known), critical=False)
        self._write(name, builder)

    def kubeconfig(self, file: Path, name: str, server: str) -> None:
        """Write how the bearer of the certificate ``name`` reaches the API server; it names no other file."""
        cluster = {"server": server, "certificate-authority-data": self._base64("ca.crt")}
        user = {
            "client-certificate-data": self._base64(f"{name}.crt"),
            "client-key-data": self._base64(f"{name}.key"),
        }
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
            "current-context": "test",
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(config))

    def _base64(self, name: str) -> str:
        return base64.b64encode((self.folder / name).read_bytes()).decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(subject_name=subject, issuer_name=self._subject)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        start, end = now - datetime.timedelta(minutes=5), now + datetime.timedelta(days=DAYS)
        return builder.not_valid_before(start).not_valid_after(end)

    def _write(self, name: str, builder: x509.CertificateBuilder) -> None:
        certificate = builder.sign(self._key, hashes.SHA256())
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _name(user: str, groups: Iterable[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _alternative(word: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(word))
    except ValueError:
        return x509.DNSName(word)
