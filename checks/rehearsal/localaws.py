"""A local AWS: MiniStack on the network's gateway, where the containers and this machine reach it, and nobody else."""

import contextlib
import functools
import json
import os
import shlex
import subprocess
import time
import urllib.request

import boto3
import images
from awsfront import AwsFront
from botocore.config import Config
from kit.machine import free_port, programs, run, until
from machine import RUN, Container, docker, fresh_folder
from tls import DOMAIN

REGION = "us-west-2"
BUCKET = "artifacts"
HERE = f"here.{DOMAIN}"
FUNCTION_MEMORY = "512m"  # as in template.yaml, which MiniStack pays no heed to


class LocalAws(contextlib.AbstractContextManager):
    """Checks permissions: `test` is the account's root user, a function acts as its role.

    Its functions call `front`, trust the certificates and know this machine by the name HERE.
    """

    def __init__(self, network, certificates, lambda_zip):
        self.network = network
        self.front = AwsFront(network.gateway)
        self.port = free_port(network.gateway)
        self.url = f"http://{network.gateway}:{self.port}"
        self.state = fresh_folder(f"aws-{RUN}-{self.port}")
        self.log = self.state / "log"
        # Not from the shell: neither credentials nor an address of the real AWS.
        self.environment = {
            "PATH": f"{programs('rehearsal/requirements-tests.txt')}:{os.environ['PATH']}",
            "HOME": os.environ["HOME"],
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "SAM_CLI_TELEMETRY": "0",
        }
        images.lambda_java()
        # It puts ECS tasks on the network of the container that it takes itself to run in.
        self.seat = Container(network, images.redis(), "sleep", "infinity", name="seat", options=["--entrypoint", ""])
        options = [*certificates.trusted, "--memory", FUNCTION_MEMORY, "--add-host", f"{HERE}:{network.gateway}"]
        self.process = self._start(options)
        until("MiniStack answers", self._healthy)
        self.front.target = self.url
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        self.client("s3").upload_file(str(lambda_zip), BUCKET, "lambda.zip")

    def _start(self, function_options):
        wanted = {
            "AUTH": "true",
            "AWS_ENDPOINT_URL": self.front.url,
            "BIND_HOST": self.network.gateway,
            "DOCKER_NETWORK": self.network.name,
            "GATEWAY_PORT": str(self.port),
            "HOSTNAME": self.seat.name,
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_DOCKER_FLAGS": shlex.join(function_options),
            "LAMBDA_STRICT": "1",
            "MINISTACK_HOSTNAME": RUN,
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(self.state),
            "TMPDIR": str(self.state),
        }
        program = [programs("rehearsal/requirements-emulators.txt") / "python", "ministack_mended.py"]
        here = os.path.dirname(__file__)
        with (self.log).open("w") as log:
            return subprocess.Popen(program, cwd=here, env=self.environment | wanted, stdout=log, stderr=log)

    def _healthy(self):
        assert self.process.poll() is None, (self.log).read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5) as answer:
                return json.load(answer)["auth"]
        except OSError:
            return False

    @functools.cache  # noqa: B019 - there are few, and they live as long as the tests
    def client(self, service):
        """A boto3 client of the account's root user."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}),
        )

    def run(self, *command, **options):
        """A command such as `aws` or `sam` that meets this AWS and no other."""
        options = {"env": self.environment} | options
        return run(*command, **options)

    def statistics(self, metric, dimensions, namespace="Kortix", minute=None):
        """What CloudWatch kept of a metric in the minute of that time, else in the last ten minutes.

        A list of Timestamp, Unit, SampleCount, Average, Sum, Minimum, Maximum.
        """
        now = time.time()
        first, last = (now - 600, now + 60) if minute is None else (minute // 60 * 60, minute // 60 * 60 + 60)
        return self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=first,
            EndTime=last,
            Period=60,
            Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
        )["Datapoints"]

    def __exit__(self, *_):
        self.front.close()
        self.process.terminate()
        self.process.wait(timeout=60)
        # It respawns tasks while it removes them.
        left = docker("ps", "--all", "--quiet", "--filter", f"label=ministack.instance={RUN}:{self.port}").split()
        if left:
            docker("rm", "--force", "--volumes", *left)
        self.seat.remove()
