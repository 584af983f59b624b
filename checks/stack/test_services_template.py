"""The template for those who own the services: their deployment settings and the workers' task definition."""

import pytest
from kit.template import Refused, deploy_plain

GIVEN = {
    "VpcId": "vpc-0",
    "SubnetIds": "subnet-0a,subnet-0b",
    "SecurityGroupIds": "sg-0",
    "ListenerArn": "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener/app/lb/0/0",
    "ApiTaskDefinition": "api:3",
    "WorkerImage": "suna:1",
    "WorkerLogGroupName": "workers",
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "TaskRoleArn": "arn:aws:iam::123456789012:role/task",
}


@pytest.fixture(scope="module")
def services():
    return deploy_plain("deploy/deployment-settings.yaml", **GIVEN)


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("ApiService", {"DeploymentConfiguration": {"MinimumHealthyPercent": 50, "MaximumPercent": 200}}),
        ("WorkerService", {"DeploymentConfiguration": {"MinimumHealthyPercent": 50, "MaximumPercent": 200}}),
        # Scaling decides how many run.
        ("ApiService", {"HealthCheckGracePeriodSeconds": 60, "DesiredCount": None}),
        # Left out, the grace period is 0; ECS refuses it for a service without load balancer.
        ("WorkerService", {"HealthCheckGracePeriodSeconds": None, "LoadBalancers": None, "DesiredCount": None}),
        ("ApiTargetGroup", {"TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]}),
        ("ApiTargetGroup", {"HealthCheckPath": "/api/health"}),
        (
            "ApiService",
            {"LoadBalancers": [{"ContainerName": "api", "ContainerPort": "8000", "TargetGroupArn": "<ApiTargetGroup>"}]},
        ),
        ("ApiListenerRule", {"Actions": [{"Type": "forward", "TargetGroupArn": "<ApiTargetGroup>"}]}),
        ("TaskProtectionPolicy", {"Roles": ["task"]}),
    ],
)
def test_the_template_sets_what_a_service_needs(services, resource, expected):
    assert {name: services[resource].get(name) for name in expected} == expected


def test_the_templates_workers_fetch_no_more_than_they_run_and_have_the_120_s_that_fargate_allows_to_finish(services):
    (container,) = services["WorkerTaskDefinition"]["ContainerDefinitions"]
    assert container["Command"] == ["dramatiq", "--processes", "4", "--threads", "4", "run_agent_background"]
    assert container["Environment"] == [{"Name": "dramatiq_queue_prefetch", "Value": "4"}]
    assert container["StopTimeout"] == 120


def test_the_templates_task_role_may_protect_tasks_of_the_cluster_and_nothing_else(services):
    (statement,) = services["TaskProtectionPolicy"]["PolicyDocument"]["Statement"]
    tasks = "arn:aws:ecs:us-west-2:123456789012:task/suna-ecs/*"
    assert statement == {"Effect": "Allow", "Action": "ecs:UpdateTaskProtection", "Resource": tasks}


def test_a_service_waits_for_what_it_needs(services):
    waits = {name: services.resources[name]["DependsOn"] for name in ("ApiService", "WorkerService")}
    assert waits == {"ApiService": "ApiListenerRule", "WorkerService": "TaskProtectionPolicy"}


def test_the_template_refuses_a_task_role_with_a_path_whose_name_it_cannot_tell():
    with pytest.raises(Refused, match="^TaskRoleArn must be the ARN of a role without a path$"):
        deploy_plain("deploy/deployment-settings.yaml", **GIVEN | {"TaskRoleArn": "arn:aws:iam::123456789012:role/a/task"})
