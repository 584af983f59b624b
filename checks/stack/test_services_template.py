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


@pytest.mark.parametrize("service", ["ApiService", "WorkerService"])
def test_the_template_lets_half_go_and_twice_as_many_run(services, service):
    assert services[service]["DeploymentConfiguration"] == {"MinimumHealthyPercent": 50, "MaximumPercent": 200}


def test_the_template_gives_the_api_60_s_to_start_and_the_workers_none(services):
    assert services["ApiService"]["HealthCheckGracePeriodSeconds"] == 60
    # Left out it is 0; ECS refuses it for a service without load balancer.
    assert services["WorkerService"].keys() & {"HealthCheckGracePeriodSeconds", "LoadBalancers"} == set()


def test_the_template_drains_a_target_for_30_s(services):
    assert services["ApiTargetGroup"]["TargetGroupAttributes"] == [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]


def test_the_templates_workers_run_4_processes_of_4_threads_and_fetch_no_more_than_they_run(services):
    (container,) = services["WorkerTaskDefinition"]["ContainerDefinitions"]
    assert container["Command"] == ["dramatiq", "--processes", "4", "--threads", "4", "run_agent_background"]
    assert container["Environment"] == [{"Name": "dramatiq_queue_prefetch", "Value": "4"}]


def test_the_templates_workers_have_the_120_s_that_fargate_allows_to_finish(services):
    (container,) = services["WorkerTaskDefinition"]["ContainerDefinitions"]
    assert container["StopTimeout"] == 120


def test_the_templates_task_role_may_protect_tasks_of_the_cluster_and_nothing_else(services):
    policy = services["TaskProtectionPolicy"]
    assert policy["Roles"] == ["task"]
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "ecs:UpdateTaskProtection",
            "Resource": "arn:aws:ecs:us-west-2:123456789012:task/suna-ecs/*",
        }
    ]
    assert services.resources["WorkerService"]["DependsOn"] == "TaskProtectionPolicy"


def test_the_template_refuses_a_task_role_with_a_path_whose_name_it_cannot_tell():
    with pytest.raises(Refused, match="^TaskRoleArn must be the ARN of a role without a path$"):
        deploy_plain("deploy/deployment-settings.yaml", **GIVEN | {"TaskRoleArn": "arn:aws:iam::123456789012:role/a/task"})


@pytest.mark.parametrize("service", ["ApiService", "WorkerService"])
def test_the_template_leaves_the_number_of_tasks_to_scaling(services, service):
    assert "DesiredCount" not in services[service]


def test_the_templates_api_is_reached_through_the_target_group(services):
    (balancer,) = services["ApiService"]["LoadBalancers"]
    assert balancer == {"ContainerName": "api", "ContainerPort": "8000", "TargetGroupArn": "<ApiTargetGroup>"}
    assert services["ApiListenerRule"]["Actions"] == [{"Type": "forward", "TargetGroupArn": "<ApiTargetGroup>"}]
    assert services.resources["ApiService"]["DependsOn"] == "ApiListenerRule"
    assert services["ApiTargetGroup"]["HealthCheckPath"] == "/api/health"
