"""What a change and a removal leave of the stack; last of the tests that share it."""

import json
import re
import shutil

import suna
from deployment import known_to_ministack
from machine import RUN, fresh_folder
from samcli.yamlhelper import yaml_dump

TOKEN = "a-token-of-more-than-16-letters"


def test_an_open_url_answers_the_token_and_nothing_else(aws, stack, url):
    stack.update(QueryAuthType="NONE", QueryToken=TOKEN)
    path = "api/metrics/queue"
    unauthorized = (401, {"detail": "Unauthorized"})
    assert url(path) == unauthorized
    assert url(path, "--header", "Authorization: Bearer not-the-token") == unauthorized
    assert url(path, "--header", f"Authorization: Bearer {TOKEN}")[0] == 200
    # The emulator opens the URL without them too; AWS does not.
    policy = aws.client("lambda").get_policy(FunctionName=stack.output("QueryFunctionName"))["Policy"]
    allowed = {statement["Action"]: statement["Condition"] for statement in json.loads(policy)["Statement"]}
    assert allowed == {
        "lambda:InvokeFunctionUrl": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        "lambda:InvokeFunction": {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
    }


def made_by_the_stack(aws):
    """What there is of each kind of which nobody else makes any here."""
    client = aws.client
    return {
        "functions": client("lambda").list_functions()["Functions"],
        "rules": client("events").list_rules()["Rules"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": client("cloudwatch").list_dashboards()["DashboardEntries"],
        "log groups": client("logs").describe_log_groups()["logGroups"],
        "roles": [role for role in client("iam").list_roles()["Roles"] if "queue-metrics" in role["RoleName"]],
    }


def test_a_deletion_leaves_the_services_and_nothing_of_the_stack(aws, stack):
    before = made_by_the_stack(aws)
    assert all(before.values()), before
    stack.delete()
    assert made_by_the_stack(aws) == {kind: [] for kind in before}
    assert suna.running(aws) == {suna.API: 2, suna.WORKER: 2}


def test_whoever_fills_in_the_releases_samconfig_deploys_it_by_sam_deploy_alone(aws, source, stack):
    unpacked = shutil.copytree(source, fresh_folder(f"filled-in-{RUN}"), dirs_exist_ok=True)
    template, _ = known_to_ministack(unpacked / "template.yaml")
    (unpacked / "template.yaml").write_text(yaml_dump(template))
    config = (unpacked / "samconfig.toml").read_text()
    names = re.findall(r'"(\w+)="', config)
    assert names == ["VpcId", "SubnetIds", "RedisHost", "WorkerServiceName"]
    for name in names:
        config = config.replace(f'"{name}="', f'"{name}={stack.parameters[name]}"')
    # There is nobody to confirm it.
    config = config.replace("confirm_changeset = true", "confirm_changeset = false")
    (unpacked / "samconfig.toml").write_text(config)
    aws.run("sam", "deploy", cwd=unpacked)
    (made,) = aws.client("cloudformation").describe_stacks(StackName="queue-metrics")["Stacks"]
    assert made["StackStatus"] == "CREATE_COMPLETE"
    aws.run("sam", "delete", "--no-prompts", cwd=unpacked)
