"""Certificates made on the spot, and a trust store for Java that trusts their root."""

import shutil
import ssl
from pathlib import Path

from kit.machine import jdk25, run

# As key, certificate and what signs it; RSA, as most of AWS' are.
NEW = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30")
AUTHORITY = ("-addext", "keyUsage=keyCertSign")


class Authority:
    """A certificate for a name, which may be a wildcard, under an intermediate and a root, as AWS has them.

    `root`, `chain` and `key` are files of the folder, and `java_store`: what the JDK trusts, and the root.
    """

    def __init__(self, folder, name):
        self.folder = Path(folder)
        self.root, self.chain, self.key = (self.folder / file for file in ("root.pem", "chain.pem", "key.pem"))
        self.java_store = self.folder / "cacerts"
        common, names = name.removeprefix("*."), ["-addext", f"subjectAltName=DNS:{name}"]
        self._make("root", "checks' root", *AUTHORITY)
        self._make("mid", "checks' intermediate", *AUTHORITY, "-CA", "root.pem", "-CAkey", "root.key")
        leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", "mid.pem", "-CAkey", "mid.key"]
        self._make("leaf", common, *names, *leaf)
        (self.folder / "leaf.key").rename(self.key)
        self.chain.write_text("".join((self.folder / f"{each}.pem").read_text() for each in ("leaf", "mid")))
        shutil.copyfile(jdk25() / "lib/security/cacerts", self.java_store)
        imported = ["-importcert", "-noprompt", "-alias", "checks", "-file", self.root]
        run(jdk25() / "bin/keytool", *imported, "-keystore", self.java_store, "-storepass", "changeit")

    def _make(self, file, common, *options):
        run("openssl", *NEW, "-keyout", f"{file}.key", "-out", f"{file}.pem", "-subj", f"/CN={common}", *options, cwd=self.folder)

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context
