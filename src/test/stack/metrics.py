"""What the Java code publishes, read from the Java code."""

import re

from stack import ROOT

CLOUDWATCH = ROOT / "src/main/java/so/suna/queuemetrics/cloudwatch"


def units():
    """Each metric's name and its unit as CloudWatch writes it."""
    constants = re.findall(r'\("(\w+)", StandardUnit\.(\w+)\)', (CLOUDWATCH / "Metric.java").read_text())
    return {name: unit.capitalize() for name, unit in constants}


def dimensions():
    """The dimensions' names, the one of the totals first."""
    return re.findall(r'dimension\("(\w+)"', (CLOUDWATCH / "Datums.java").read_text())


def per_queue():
    """How many metrics each queue gets besides the totals."""
    return len(re.findall(r"queue\.\w+\(\), at, dimensions\)", (CLOUDWATCH / "Datums.java").read_text()))
