"""What a fault is, what was seen of it, and the page that tells it."""

from collections.abc import Callable
from dataclasses import dataclass

from kit import metrics
from kit.machine import ROOT

PAGE = ROOT / "docs/faults.md"
OF_REDIS, OF_WORKERS = metrics.of_redis(), metrics.of_workers()
COUNTS_OF_WORKERS = ["DramatiqRunningWorkers", "DramatiqDesiredWorkers"]

EVERYTHING = "everything"
ONLY_WORKERS = "only the running and desired workers"
ALL_BUT_WORKERS = "all but the three of the workers"
NOTHING = "nothing"
PUBLISHED = {
    frozenset(OF_REDIS + OF_WORKERS): EVERYTHING,
    frozenset(COUNTS_OF_WORKERS): ONLY_WORKERS,
    frozenset(OF_REDIS): ALL_BUT_WORKERS,
    frozenset(): NOTHING,
}

HEADER = ["fault", "published meanwhile", "the tick", "ends within", "right again", "who is told, if it lasts"]
# ./mvnw -q -Psimulate -Ddocs=docs/faults.md fills the last column, and RingsTest checks it.


@dataclass(frozen=True)
class Fault:
    """`strike`, `heal` and `fill` are given the world; `says` is what the failed tick names, empty where it succeeds."""

    name: str
    strike: Callable
    published: str = EVERYTHING
    says: str = ""
    within: int = 3
    heal: Callable = lambda world: None
    fill: Callable = lambda world: world.fill()


@dataclass(frozen=True)
class Seen:
    """Of one tick: the metrics that reached CloudWatch, what it failed with, Lambda's own count of errors and duration."""

    metrics: frozenset
    error: str | None
    errors: int
    seconds: float

    @property
    def published(self):
        return PUBLISHED.get(self.metrics, f"{sorted(self.metrics)}")


def row(fault, during, after):
    """As the page has it but for the last cell: all that is seen, but of the time only that it was within the bound."""
    at_once = during.published == EVERYTHING and not during.error
    cells = [
        fault.name,
        during.published,
        f"fails: …{fault.says}…" if during.error else "succeeds",
        f"{fault.within} s" if during.seconds <= fault.within else f"{during.seconds:.1f} s",
        "at once" if at_once else "next tick" if after.published == EVERYTHING else "NOT",
    ]
    return f"| {' | '.join(cells)} |"


def table(rows):
    told = {name_of(line): line.rpartition(" | ")[2] for line in lines_of_the_page()}
    whole = [f"{row} {told.get(name_of(row), 'nobody |')}" for row in rows]
    return "\n".join([f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|", *whole]) + "\n"


def lines_of_the_page():
    return [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]


def rows_of_the_page():
    return [f"{line.rpartition(' | ')[0]} |" for line in lines_of_the_page()]


def name_of(line):
    return line.split("|")[1].strip()


def write(rows):
    text = PAGE.read_text().partition("\n| ")[0]
    PAGE.write_text(f"{text.rstrip()}\n\n{table(rows)}")


def wrong(datums, content, workers, began, ended):
    """Datums that cannot come from a read between the two instants, in seconds since the epoch, as texts."""
    first, last = (content.truth(round(instant * 1000), workers) for instant in (began, ended))
    said = []
    for datum in datums:
        name, value = datum["MetricName"], datum["Value"]
        # Only the age grows meanwhile.
        if not first[name] - 1e-6 <= value <= last[name] + 1e-6:
            said.append(f"{name} was published as {value}, was {first[name]} to {last[name]}")
    stamps = {in_seconds(datum["Timestamp"]) for datum in datums}
    if not stamps <= {end_of_the_minute_before(began), end_of_the_minute_before(ended)}:
        said.append(f"published for {sorted(stamps)}, read between {began} and {ended}")
    return said


def end_of_the_minute_before(instant):
    """What a tick's datums are stamped with: CloudWatch counts them at the next evaluation, not a minute later."""
    return round(instant // 60 * 60 - 0.001, 3)


def in_seconds(timestamp):
    """CBOR has dates, JSON has not; both in whole milliseconds."""
    return round(timestamp.timestamp() if hasattr(timestamp, "timestamp") else float(timestamp), 3)
