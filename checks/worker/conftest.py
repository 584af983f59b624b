import hashlib
import shutil
import uuid
from pathlib import Path

import pytest
from agent import Agent
from workers import Container, Jobs, Redis


@pytest.fixture(scope="session")
def redis():
    with Redis() as made:
        yield made


@pytest.fixture
def jobs(redis):
    return Jobs(redis)


@pytest.fixture
def agent():
    made = Agent()
    yield made
    made.close()


@pytest.fixture
def container(redis, jobs, agent, tmp_path):
    """Starts the workers of a container; those of one `name` are in one container."""
    made, uris = [], []

    def start(name, **options):
        uri = agent.uri(name) if name else None
        uris.extend([uri] if uri else [])
        made.append(Container(redis, tmp_path, uri, **options))
        made[-1].wait_until_ready()
        return made[-1]

    yield start
    for each in made:
        each.kill()
    # As they go with a container.
    for uri in uris:
        for folder in Path("/dev/shm").glob(f"task-protection-{hashlib.sha256(uri.encode()).hexdigest()[:16]}-*"):
            shutil.rmtree(folder)


@pytest.fixture
def name():
    """As ECS names a container in the address of its agent."""
    return uuid.uuid4().hex
