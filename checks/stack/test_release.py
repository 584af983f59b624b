"""The archive of a release: what a user without a JDK unpacks, fills in and deploys."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from kit.machine import ROOT, loaded
from kit.template import accept, template
from test_docs import links

COMMAND = ROOT / ".ci/release"
FOLDER = "dramatiq-queue-metrics-0.0.0-test"
FILLED_IN = {"VpcId": "vpc-0", "SubnetIds": "subnet-0a,subnet-0b", "RedisHost": "cache.example", "WorkerServiceName": "w"}


@pytest.fixture(scope="module")
def archive():
    made = subprocess.run([COMMAND, "0.0.0-test"], cwd="/", capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return Path(made.stdout.splitlines()[-1])


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


def test_its_package_holds_both_handlers_and_their_libraries(unpacked):
    code_uri = template()["Globals"]["Function"]["CodeUri"]
    with zipfile.ZipFile(unpacked / code_uri) as package:
        names = package.namelist()
    for handler in ("PublishHandler", "QueryHandler"):
        assert f"so/suna/queuemetrics/{handler}.class" in names
    assert [name for name in names if re.fullmatch(r"lib/jedis-.*\.jar", name)]


def test_sam_finds_its_template_valid(unpacked):
    sam = Path(sys.executable).with_name("sam")
    checked = subprocess.run(
        [sam, "validate", "--lint", "--template", "template.yaml"], cwd=unpacked, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_its_configuration_asks_for_what_has_no_default_and_takes_it(unpacked):
    config = tomllib.loads((unpacked / "samconfig.toml").read_text())["default"]
    deploy = config["deploy"]["parameters"]
    given = dict(override.split("=") for override in deploy["parameter_overrides"])
    assert {name for name, value in given.items() if not value} == {
        name for name, definition in template()["Parameters"].items() if "Default" not in definition
    }
    accept(**{"ApiServiceName": ""} | given | FILLED_IN)
    assert (unpacked / deploy["template_file"]).is_file()


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


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(archive, tmp_path):
    release = loaded(COMMAND)
    os.utime(ROOT / "template.yaml")
    with zipfile.ZipFile(archive) as packed:
        package = packed.extract(f"{FOLDER}/target/lambda.zip", tmp_path)
    release.pack(tmp_path / "again.zip", FOLDER, Path(package))
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_a_version_that_is_no_file_name_is_refused():
    refused = subprocess.run([COMMAND, "../1.0"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.endswith("release: error: version must be letters, digits, . and -, was ../1.0\n")
