import hashlib
import shutil
import uuid
from pathlib import Path

import pytest
from agent import Agent
from kit.redis_server import RedisServer
from workers import Workers


@pytest.fixture(scope="session")
def redis():
    with RedisServer() as made:
        yield made


@pytest.fixture
def jobs(redis):
    with Workers(redis) as made:
        yield made


@pytest.fixture
def agent():
    made = Agent()
    yield made
    made.close()


@pytest.fixture
def container(jobs, agent):
    """Starts the workers of a container; those of one `name` are in one container."""
    uris = []

    def start(name, **options):
        uris.append(agent.uri(name) if name else "")
        return jobs.start(uris[-1], **options)

    yield start
    jobs.kill()
    # As they go with a container.
    for uri in filter(None, uris):
        for folder in Path("/dev/shm").glob(f"task-protection-{hashlib.sha256(uri.encode()).hexdigest()[:16]}-*"):
            shutil.rmtree(folder)


@pytest.fixture
def name():
    """As ECS names a container in the address of its agent."""
    return uuid.uuid4().hex
