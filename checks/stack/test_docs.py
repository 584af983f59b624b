"""The pages about deploying say what the template does."""

import re
from collections import Counter

import pytest
from kit import metrics
from kit.machine import ROOT
from kit.pages import DOCS, deploy_section, links, pages
from kit.template import deploy, template
from test_alarms import CAUSE, TICKET, VOICES, WAKES

# What the seed wrote; people have it in their history.
SEED_COMMANDS = [
    "aws cloudwatch list-metrics --namespace Kortix --region us-west-2",
    "aws application-autoscaling describe-scaling-policies \\\n"
    "  --service-namespace ecs \\\n"
    "  --resource-id service/suna-ecs/suna-worker-svc-8b51da8 \\\n"
    "  --region us-west-2",
    "aws ecs describe-services --cluster suna-ecs \\\n"
    "  --services suna-api-svc-5643fd4 suna-worker-svc-8b51da8 \\\n"
    "  --region us-west-2 \\\n"
    "  --query 'services[*].{name:serviceName,desired:desiredCount,running:runningCount}'",
]


def entries():
    """Each alarm's own, without the sections after it."""
    text = re.sub(r"^## .*$", "### ", (DOCS / "alarms.md").read_text(), flags=re.MULTILINE)
    return [entry for entry in re.split(r"^### ", text, flags=re.MULTILINE) if re.match(r"\w+Alarm\n", entry)]


def test_each_alarm_has_its_entry_and_each_entry_its_alarm():
    assert sorted(entry.partition("\n")[0] for entry in entries()) == sorted(deploy().alarms)


def test_each_entry_says_what_it_means_and_what_to_decide_or_a_cause_what_to_look_at_first():
    for entry in entries():
        second = "First" if VOICES[entry.partition("\n")[0]] == CAUSE else "Decide"
        assert re.findall(r"^- \*\*(\w+)\*\*", entry, re.MULTILINE) == ["Means", second, "Then"], entry


def test_the_page_tells_whom_each_alarm_reaches():
    section = (DOCS / "alarms.md").read_text().partition("## Two voices\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| .*?\| (.+?) \|$", section, re.MULTILINE)
    told = {alarm: voice for voice, alarms in rows for alarm in re.findall(r"`(\w+Alarm)`", alarms)}
    said = {WAKES: "wakes somebody", TICKET: "writes a ticket", CAUSE: "tells nobody, names the cause"}
    assert {name: told[name] for name in VOICES} == {name: said[voice] for name, voice in VOICES.items()}


def test_the_readme_lists_every_metric_with_its_unit():
    rows = re.findall(r"^\| `(Dramatiq\w+)` \| (\w+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(metrics.units().items())


def test_the_section_fits_a_screen():
    assert len(deploy_section().splitlines()) <= 50


def test_the_section_counts_the_alarms():
    count = Counter(VOICES.values())
    assert f"| alarms | {len(deploy().alarms)}, " in deploy_section()
    assert f": {count[WAKES]} wake somebody (`AlarmTopicArn`), {count[TICKET]} write tickets" in deploy_section()


@pytest.mark.parametrize("command", SEED_COMMANDS)
def test_the_seeds_commands_are_there_as_written(command):
    assert command in (DOCS / "deploying.md").read_text()


@pytest.mark.parametrize("page", pages())
def test_every_parameter_that_a_page_names_exists(page):
    text, _ = pages()[page]
    named = re.findall(r"`([A-Z][A-Za-z]+)(?:=[^`]*)?`", text)
    named += re.findall(r"\b([A-Z][A-Za-z]+)=(?:true|false|NONE|none|AWS_IAM|iam|QueueDepth|BacklogPerWorker|ARN)\b", text)
    source = template()
    known = source["Parameters"].keys() | deploy().resources.keys() | source["Outputs"].keys()
    # Words of AWS's.
    known |= {"ALARM", "DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"}
    known |= {"AlreadyAtMaxCapacity", "AlreadyAtMinCapacity", "AlreadyAtDesiredCapacity"}
    known |= {"AutoScalingAnticipatedFlapping", "TargetServicePutResourceAsUnscalable"}
    known |= {"Sum", "SampleCount", "Average", "Minimum", "Maximum", "Accept", "Authorization", "ARN", "BacklogPerWorker"}
    assert [name for name in named if name not in known and not name.startswith("Dramatiq")] == []


@pytest.mark.parametrize("page", pages())
def test_every_link_of_a_page_leads_somewhere(page):
    text, folder = pages()[page]
    for target in links(text):
        assert (folder / target).resolve().is_file(), target


@pytest.mark.parametrize("page", pages())
def test_every_command_names_the_template_since_sam_prefers_an_old_build(page):
    text, _ = pages()[page]
    blocks = "".join(re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
    commands = [line for line in blocks.splitlines() if re.match(r"sam (deploy|local|validate)\b", line)]
    assert [command for command in commands if " -t template.yaml" not in command] == []


def test_the_oldest_sam_that_the_section_allows_is_the_one_that_is_tried():
    tried = (ROOT / "checks/stack/oldest-sam.requirements").read_text()
    (named,) = re.findall(r"install-sam-cli\.html\)\n?\s*(\S+) or later", deploy_section())
    assert tried == f"aws-sam-cli=={named}\n"


def test_the_parameters_without_default_are_listed():
    text = " ".join((DOCS / "deploying.md").read_text().split())
    names = [f"`{name}`" for name, given in template()["Parameters"].items() if "Default" not in given]
    assert f"Parameters without default are {', '.join(names[:-1])} and {names[-1]}." in text


def test_the_section_says_what_the_template_does_by_default():
    section = deploy_section()
    defaults = {name: given.get("Default") for name, given in template()["Parameters"].items()}
    assert (
        "API {ApiMinCapacity} to {ApiMaxCapacity}, workers {WorkerMinCapacity} to {WorkerMaxCapacity}".format(**defaults) in section
    )
    assert "CPU or memory {CpuTarget} %, workers at {QueueTarget} messages each".format(**defaults) in section
    threshold = deploy()["WorkerBurstAlarm"]["Threshold"] * defaults["QueueTarget"]
    assert f"after one minute above {threshold} by `worker-queue-burst-scaling`" in section
    assert "log groups kept {LogRetentionDays} days".format(**defaults) in section
