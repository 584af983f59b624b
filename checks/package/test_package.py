"""target/lambda.zip, and the archive of a release: what a user without a JDK unpacks, fills in and deploys."""

import os
import re
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from kit.machine import ROOT, loaded, run
from kit.pages import links

COMMAND = ROOT / ".ci/release"
FOLDER = "dramatiq-queue-metrics-0.0.0-test"
PACKAGE = "target/lambda.zip"
MOST_BYTES = 14_000_000


@pytest.fixture(scope="module")
def archive():
    """Built from a copy of the sources, in a hostile shell."""
    return Path(run(ROOT / "checks/kit/hostile-shell", COMMAND, "0.0.0-test", cwd="/").splitlines()[-1])


@pytest.fixture(scope="module")
def unpacked(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder / FOLDER


def test_it_holds_one_folder_with_all_that_a_deployment_needs(archive, unpacked):
    assert archive == ROOT / f"target/{FOLDER}.zip"
    assert [path.name for path in unpacked.parent.iterdir()] == [FOLDER]
    assert {path.name for path in unpacked.iterdir()} == {
        "LICENSE", "README.md", "deploy", "docs", "events", "samconfig.toml", "target", "template.yaml",
    }  # fmt: skip
    assert (unpacked / "template.yaml").read_bytes() == (ROOT / "template.yaml").read_bytes()


def test_its_package_has_the_same_bytes_as_one_that_was_built_in_another_directory_and_shell(unpacked):
    assert (unpacked / PACKAGE).read_bytes() == (ROOT / PACKAGE).read_bytes()


def test_the_package_holds_both_handlers_and_their_libraries_with_the_rights_that_lambda_needs():
    with zipfile.ZipFile(ROOT / PACKAGE) as package:
        entries = {entry.filename: entry for entry in package.infolist()}
    for handler in ("PublishHandler", "QueryHandler"):
        assert f"so/suna/queuemetrics/{handler}.class" in entries
    assert [name for name in entries if re.fullmatch(r"lib/jedis-.*\.jar", name)]
    rights = {name: entry.external_attr >> 16 & 0o777 for name, entry in entries.items()}
    assert rights == {name: 0o755 if entry.is_dir() else 0o644 for name, entry in entries.items()}


def test_the_package_is_small():
    rooms = Counter()
    with zipfile.ZipFile(ROOT / PACKAGE) as package:
        for entry in package.infolist():
            rooms[entry.filename if entry.filename.startswith("lib/") else "classes"] += entry.compress_size
    assert (ROOT / PACKAGE).stat().st_size <= MOST_BYTES, rooms.most_common()


def test_the_links_of_its_pages_lead_somewhere_in_it(unpacked):
    pages = [*unpacked.glob("docs/*.md"), unpacked / "README.md"]
    dangling = {link for page in pages for link in links(page.read_text()) if not (page.parent / link).resolve().is_file()}
    # How to develop and to measure is for those who have a checkout.
    assert [link for link in dangling if link != "CONTRIBUTING.md" and not link.startswith("../checks/")] == []


def test_its_script_can_be_started(archive):
    with zipfile.ZipFile(archive) as packed:
        modes = {name.partition("/")[2]: packed.getinfo(name).external_attr >> 16 for name in packed.namelist()}
    assert modes["deploy/deployment-settings.py"] == 0o100755
    assert modes["template.yaml"] == 0o100644


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(archive, unpacked, tmp_path):
    os.utime(ROOT / "template.yaml")
    loaded(COMMAND).pack(tmp_path / "again.zip", FOLDER, unpacked / PACKAGE)
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_a_version_that_is_no_file_name_is_refused():
    refused = subprocess.run([COMMAND, "../1.0"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.endswith("release: error: version must be letters, digits, . and -, was ../1.0\n")
