"""The pages about deploying."""

import re

from kit.machine import ROOT

DOCS = ROOT / "docs"


def deploy_section():
    """The README's section "Deploy"."""
    readme = (ROOT / "README.md").read_text()
    return "## Deploy\n" + readme.partition("## Deploy\n")[2].partition("\n## ")[0]


def pages():
    """Each page's text and the folder that its links start from."""
    names = ["deploying.md", "handing-over.md", "alarms.md"]
    kit = ROOT / "deploy/worker/README.md"
    return {name: ((DOCS / name).read_text(), DOCS) for name in names} | {
        "README.md": (deploy_section(), ROOT),
        "deploy/worker/README.md": (kit.read_text(), kit.parent),
    }


def links(text):
    """The files to which a page links."""
    return re.findall(r"\]\((?!https:)([^)#]+)", text)
