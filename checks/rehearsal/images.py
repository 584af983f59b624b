"""The images: those of their makers where they can be pulled, else stand-ins built here, and then it says so."""

import contextlib
import fcntl
import functools
import hashlib
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from kit.machine import ROOT, jdk25, programs, run
from machine import LABEL, docker, fresh_folder

REDIS = "public.ecr.aws/docker/library/redis:7"
PYTHON = "public.ecr.aws/docker/library/python:3.11-slim"
LAMBDA = "public.ecr.aws/lambda/java:25"
# The names under which MiniStack and SAM look for it.
LAMBDA_NAMES = [LAMBDA, f"{LAMBDA}-{'arm64' if platform.machine() == 'aarch64' else 'x86_64'}"]

STAND_IN_DEBIAN = "dramatiq-queue-metrics/debian:redis-python"
STAND_IN_LABEL = "dramatiq-queue-metrics.stand-in"
STAND_IN = ROOT / "checks/rehearsal/stand-in"
MODULES = "java.se,jdk.crypto.ec,jdk.httpserver,jdk.jfr,jdk.management,jdk.net,jdk.unsupported,jdk.zipfs"


@functools.cache
def redis():
    """Name of an image of Debian with redis-server 7."""
    with _one_at_a_time():
        if _pulled(REDIS):
            return REDIS
        return _debian(REDIS)


@functools.cache
def python():
    """Name of an image with Python 3.11, in which `python3` runs."""
    with _one_at_a_time():
        return PYTHON if _pulled(PYTHON) else _debian(PYTHON)


def worker(version, *sources):
    """Name of an image with this version of Dramatiq and the sources in /app."""
    folder = fresh_folder("worker")
    (site,) = programs(f"kit/requirements-dramatiq-{version}.txt").parent.glob("lib/python3.*/site-packages")
    shutil.copytree(site, folder / "site")
    for source in sources:
        shutil.copy(source, folder)
    (folder / "Dockerfile").write_text(
        f"""
        FROM {python()}
        COPY site /site
        COPY *.py /app/
        RUN python3 -m compileall -q /site
        ENV PYTHONPATH=/site:/app
        WORKDIR /app
        """
    )
    return docker("build", "--quiet", "--label", LABEL, folder)


@functools.cache
def lambda_java():
    """Name of the image in which Lambda runs Java 25."""
    base = redis()
    with _one_at_a_time():
        if _pulled(LAMBDA):
            for name in LAMBDA_NAMES:
                docker("tag", LAMBDA, name)
        else:
            _say(f"{LAMBDA} cannot be pulled; a stand-in with Lambda's runtime client and emulator takes its name")
            made_from = _stand_in_hash(base)
            if _label(LAMBDA) != made_from:
                _build_stand_in(base, made_from)
        return LAMBDA


def is_stand_in(image):
    return bool(_label(image))


def _say(what):
    print(f"NOTE: {what}", flush=True)


@contextlib.contextmanager
def _one_at_a_time():
    # Two runs share the images, as they share the Docker daemon.
    with (Path(tempfile.gettempdir()) / "dramatiq-queue-metrics-images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _exists(image):
    return bool(docker("images", "--quiet", image))


def _label(image):
    return _exists(image) and docker("inspect", "--format", f'{{{{index .Config.Labels "{STAND_IN_LABEL}"}}}}', image)


def _pulled(image):
    """Whether the maker's image is here. One that was pulled before is good without asking again."""
    if _exists(image) and not _label(image):
        return True
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, timeout=300).returncode == 0
    return False


def _debian(instead_of):
    """Debian 12 with redis-server 7.0 and Python 3.11."""
    if not _exists(STAND_IN_DEBIAN):
        _say(f"{instead_of} cannot be pulled; Debian 12 stands in for it")
        _build_debian()
    return STAND_IN_DEBIAN


def _build_debian():
    if not shutil.which("debootstrap"):
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "debootstrap")
    # The mirror that this machine is set to.
    mirrors = re.findall(r"^ *\d+ (http\S+/debian)/? \S+/main ", run("apt-cache", "policy"), re.MULTILINE)
    assert mirrors, "apt-cache policy names no Debian mirror"
    folder = fresh_folder("debian")
    run("debootstrap", "--variant=minbase", "--include=redis-server,python3", "bookworm", folder / "root", mirrors[0])
    with subprocess.Popen(["tar", "-C", folder / "root", "-c", "."], stdout=subprocess.PIPE) as packed:
        docker("import", "--change", f"LABEL {STAND_IN_LABEL}=debian", "-", STAND_IN_DEBIAN, stdin=packed.stdout)
    assert packed.returncode == 0, "tar failed"
    shutil.rmtree(folder)


def _stand_in_hash(base):
    parts = [base, MODULES, (jdk25() / "release").read_text()]
    parts += [file.read_text() for file in sorted(STAND_IN.iterdir())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _build_stand_in(base, made_from):
    import samcli  # Its wheel holds the emulator.

    folder = fresh_folder("stand-in")
    for file in STAND_IN.iterdir():
        shutil.copy(file, folder)
    java = jdk25() / "bin/jlink"
    small = ["--strip-debug", "--no-man-pages", "--no-header-files", "--generate-cds-archive"]
    run(java, "--output", folder / "lang", *small, "--add-modules", MODULES)
    run(
        ROOT / "mvnw", "-q", "-B", "-f", folder / "pom.xml",
        "dependency:3.11.0:copy-dependencies", f"-DoutputDirectory={folder / 'lib'}",
    )  # fmt: skip
    machine = "arm64" if platform.machine() == "aarch64" else "x86_64"
    shutil.copy(Path(samcli.__file__).parent / f"local/rapid/aws-lambda-rie-{machine}", folder / "aws-lambda-rie")
    tags = [part for name in LAMBDA_NAMES for part in ("--tag", name)]
    docker("build", "--quiet", *tags, "--build-arg", f"BASE={base}", "--label", f"{STAND_IN_LABEL}={made_from}", folder)
    # SAM goes on with what it made of the former image.
    for name in LAMBDA_NAMES[1:]:
        subprocess.run(["docker", "rmi", name.replace("java:25-", "java:25-rapid-")], capture_output=True, check=False)
    shutil.rmtree(folder)
