"""What cfn-lint says of the templates; `sam validate --lint` is the same call."""

import pytest
from cfnlint.api import lint
from kit.machine import ROOT


@pytest.mark.parametrize("path", ["template.yaml", "deploy/deployment-settings.yaml"])
def test_cfn_lint_finds_nothing(path):
    assert [str(match) for match in lint((ROOT / path).read_text(), regions=["us-west-2"])] == []
