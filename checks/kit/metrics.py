"""What the Java code publishes, read from the Java code."""

import re

from kit.machine import ROOT

MAIN = ROOT / "src/main/java/so/suna/queuemetrics"


def _constants():
    """Name, field and unit of each."""
    pattern = r'\(\s*"(Dramatiq\w+)", "(\w+)", "[^"]+", Unit\.(\w+)\)'
    return re.findall(pattern, (MAIN / "dramatiq/Metric.java").read_text())


def units():
    """Each metric's name and its unit as CloudWatch writes it."""
    return {name: unit.capitalize() for name, _, unit in _constants()}


def fields():
    """Each metric's name and its field in the answer to a query; those that come from ECS are not answered."""
    return {name: field for name, field, _ in _constants() if name in of_redis()}


def dimensions():
    """The dimensions' names, the one of the totals first."""
    return re.findall(r'dimension\("(\w+)"', (MAIN / "cloudwatch/Datums.java").read_text())


def per_queue():
    """How many metrics each queue gets besides the totals: in the order of the code, all before the first of the broker."""
    return list(units()).index("DramatiqActiveBrokers")


def of_workers():
    """The names of the metrics that come from ECS, at least in part: in the order of the code, the last."""
    names = list(units())
    return names[names.index("DramatiqRunningWorkers") :]


def of_redis():
    return [name for name in units() if name not in of_workers()]
