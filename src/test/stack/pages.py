"""The pages about deploying."""

from stack import ROOT

DOCS = ROOT / "docs"
DRAFT = DOCS / "README-deploy-section.md"


def deploy_section():
    """The README's section "Deploy"; its draft, as long as it has not become part of the README."""
    text = (DRAFT if DRAFT.is_file() else ROOT / "README.md").read_text()
    return "## Deploy\n" + text.partition("## Deploy\n")[2].partition("\n## ")[0]


def pages():
    """Each page's text and the folder that its links start from."""
    texts = {path.name: (path.read_text(), DOCS) for path in map(DOCS.joinpath, ["deploying.md", "handing-over.md", "alarms.md"])}
    return texts | {"deploy section": (deploy_section(), ROOT)}
