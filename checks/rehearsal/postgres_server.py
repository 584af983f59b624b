"""A real PostgreSQL in a container of its own: the programs that the Java tests embed."""

import platform
import zipfile

import images
from kit.machine import ROOT, run, until
from machine import RUN, WORK, Container, fresh_folder

VERSION = "14.22.0"
MACHINE = {"x86_64": "amd64", "aarch64": "arm64v8"}[platform.machine()]
PROGRAMS = f"io.zonky.test.postgres:embedded-postgres-binaries-linux-{MACHINE}:{VERSION}"
PASSWORD = "of-the-database"

# As nobody, since PostgreSQL refuses root.
START = f"""
set -e
install -d -o 65534 -g 65534 /data /tmp/run
echo {PASSWORD} >/tmp/password
as_nobody() {{ setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }}
as_nobody /postgres/bin/initdb -D /data -U queries --pwfile=/tmp/password --auth-host=scram-sha-256 >/dev/null
echo 'host all all all scram-sha-256' >>/data/pg_hba.conf
exec setpriv --reuid=65534 --regid=65534 --clear-groups /postgres/bin/postgres -D /data -h '*' -k /tmp/run -c fsync=off
"""


class Postgres(Container):
    def __init__(self, network):
        mounted = ["--volume", f"{_programs()}:/postgres:ro", "--entrypoint", ""]
        super().__init__(network, images.redis(), "sh", "-c", START, name="postgres", options=mounted)
        self.url = f"postgresql://queries:{PASSWORD}@{self.host}:5432/postgres"
        until("PostgreSQL is ready", lambda: "ready to accept connections" in self.logs())


def _programs():
    """Unpacked once for all runs."""
    unpacked = WORK / f"postgres-{VERSION}"
    if not unpacked.exists():
        folder = fresh_folder(f"postgres-{RUN}")
        copied = [f"-Dartifact={PROGRAMS}", f"-DoutputDirectory={folder}"]
        run(ROOT / "mvnw", "-q", "-B", "dependency:3.11.0:copy", *copied)
        (jar,) = folder.glob("*.jar")
        with zipfile.ZipFile(jar) as packed:
            (archive,) = [name for name in packed.namelist() if name.endswith(".txz")]
            packed.extract(archive, folder)
        run("tar", "-xJf", folder / archive, "-C", folder)
        try:
            folder.rename(unpacked)
        except OSError:
            if not unpacked.exists():  # Else another run was first.
                raise
    return unpacked
