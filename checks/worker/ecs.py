"""Stands in for an ECS service by the rules that AWS documents for protected tasks:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

import time
import uuid

STOP_TIMEOUT_SECONDS = 5


class Task:
    def __init__(self, container, name):
        self.container, self.name = container, name
        self.told_to_stop_at = None

    def stop(self):
        self.told_to_stop_at = time.monotonic()
        self.container.begin_shutdown()


class Service:
    """Stops no protected task, neither to scale in nor to replace the tasks of an older deployment."""

    def __init__(self, start, agent, desired):
        """`start`: makes a container of that name."""
        self.start, self.agent = start, agent
        self.tasks, self.outdated, self.killed = [], set(), 0
        self.desired = desired
        self.start_missing()

    def start_missing(self):
        # maximumPercent 200: beside those that are to go.
        while len(self.current()) < self.desired:
            name = uuid.uuid4().hex
            self.tasks.append(Task(self.start(name), name))

    def current(self):
        """The tasks of the newest deployment that were not told to stop."""
        return [task for task in self.running() if task not in self.outdated and task.told_to_stop_at is None]

    def running(self):
        return [task for task in self.tasks if not task.container.has_left()]

    def deploy(self):
        self.outdated = set(self.running())
        self.start_missing()

    def is_settled(self):
        """Takes each step that can be taken; whether nothing but what is wanted runs."""
        surplus = len(self.current()) - self.desired
        for task in [task for task in self.outdated if self.may_stop(task)]:
            task.stop()
        for task in [task for task in self.current() if self.may_stop(task)][: max(0, surplus)]:
            task.stop()
        for task in self.running():
            if task.told_to_stop_at and time.monotonic() > task.told_to_stop_at + STOP_TIMEOUT_SECONDS:
                task.container.kill()
                self.killed += 1
        return len(self.running()) == len(self.current()) == self.desired

    def may_stop(self, task):
        return task.told_to_stop_at is None and not self.agent.protected.get(task.name)
