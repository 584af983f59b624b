"""Certificates of the caches' own domain, and a Redis that speaks TLS with them."""

from kit.certificates import Authority
from kit.machine import until
from redis_server import Redis

DOMAIN = "cache.test"
# Where both Amazon's image and the stand-in have Java's.
TRUST_STORE = "/var/lang/lib/security/cacerts"


class Certificates(Authority):
    """One of the wildcard kind for the domain, as ElastiCache has."""

    def __init__(self, folder):
        super().__init__(folder, f"*.{DOMAIN}")

    @property
    def trusted(self):
        """Options of a function's container."""
        return ["--volume", f"{self.java_store}:{TRUST_STORE}:ro"]


class TlsRedis(Redis):
    """Speaks TLS only, on 6379, under the names given; everybody needs the password, as with ElastiCache's AUTH."""

    def __init__(self, network, certificates, names, password):
        self.password = password
        here = ["--volume", f"{certificates.folder}:/tls:ro"]
        aliases = [part for name in names for part in ("--network-alias", name)]
        files = {"cert": "chain.pem", "key": "key.pem", "ca-cert": "root.pem"}
        secured = [part for kind, file in files.items() for part in (f"--tls-{kind}-file", f"/tls/{file}")]
        secured += ["--port", "0", "--tls-port", "6379", "--tls-auth-clients", "no", "--requirepass", password]
        super().__init__(network, *secured, options=[*here, *aliases], wait=False)
        until(f"{self.name} answers PING", self.answers)

    def cli(self, *arguments, **options):
        login = ["--tls", "--cacert", "/tls/root.pem", "--no-auth-warning", "-a", self.password]
        return super().cli(*login, *arguments, **options)
