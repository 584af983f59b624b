"""Certificates of the caches' own domain, made on the spot, and a trust store for Java that trusts their issuer."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from kit.machine import jdk25, run, until
from redis_server import Redis

DOMAIN = "cache.test"
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
# Where both Amazon's image and the stand-in have Java's.
TRUST_STORE = "/var/lang/lib/security/cacerts"


@dataclass(frozen=True)
class Certificates:
    folder: Path

    @property
    def issuer(self):
        return self.folder / "issuer.pem"

    @property
    def trusted(self):
        """Options of a function's container."""
        return ["--volume", f"{self.folder / 'cacerts'}:{TRUST_STORE}:ro"]


def make_certificates(folder):
    """One of the wildcard kind for the domain, as ElastiCache has."""
    issuer = ["-subj", "/CN=Rehearsal", "-keyout", "issuer.key", "-out", "issuer.pem", "-days", "2"]
    run("openssl", "req", "-x509", *NEW_KEY, *issuer, cwd=folder)
    run("openssl", "req", *NEW_KEY, "-subj", f"/CN={DOMAIN}", "-keyout", "server.key", "-out", "server.csr", cwd=folder)
    (folder / "names").write_text(f"subjectAltName=DNS:*.{DOMAIN}\n")
    signed = ["-CA", "issuer.pem", "-CAkey", "issuer.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    run("openssl", "x509", "-req", "-in", "server.csr", *signed, "-out", "server.pem", cwd=folder)
    shutil.copyfile(jdk25() / "lib/security/cacerts", folder / "cacerts")
    import_it = ["-importcert", "-noprompt", "-alias", "rehearsal", "-file", "issuer.pem"]
    run(jdk25() / "bin/keytool", *import_it, "-keystore", "cacerts", "-storepass", "changeit", cwd=folder)
    return Certificates(folder)


class TlsRedis(Redis):
    """Speaks TLS only, on 6379, under the names given; everybody needs the password, as with ElastiCache's AUTH."""

    def __init__(self, network, certificates, names, password):
        self.password = password
        here = ["--volume", f"{certificates.folder}:/tls:ro"]
        aliases = [part for name in names for part in ("--network-alias", name)]
        files = {"cert": "server.pem", "key": "server.key", "ca-cert": "issuer.pem"}
        secured = [part for kind, file in files.items() for part in (f"--tls-{kind}-file", f"/tls/{file}")]
        secured += ["--port", "0", "--tls-port", "6379", "--tls-auth-clients", "no", "--requirepass", password]
        super().__init__(network, *secured, options=[*here, *aliases], wait=False)
        until(f"{self.name} answers PING", self.answers)

    def cli(self, *arguments, **options):
        login = ["--tls", "--cacert", "/tls/issuer.pem", "--no-auth-warning", "-a", self.password]
        return super().cli(*login, *arguments, **options)
