"""Two Redis, one name: what an ElastiCache replication group's primary endpoint looks like from a function."""

from fleet import Fleet
from kit.machine import until
from machine import docker
from reader import QUEUES, Reader
from redis_server import AT_ONCE, Redis

NAME = "primary.cache.test"


class Group:
    """A primary with a replica, a fleet at the primary, and a reader that knows the name only."""

    def __init__(self, stack, network, package, front):
        self.old = stack.enter_context(Redis(network, *AT_ONCE))
        self.new = stack.enter_context(Redis(network, "--replicaof", self.old.host, "6379"))
        self.reader = stack.enter_context(Reader(network, package, front, REDIS_HOST=NAME))
        self.point_at(self.old)
        self.fleet = stack.enter_context(Fleet("2.2.0", self.old, QUEUES))
        self.fleet.send(5)
        assert self.old.cli("WAIT", "1", "10000") == "1"

    def point_at(self, redis):
        """The functions' own files of hosts stand in for the DNS."""
        # Written over and not replaced, as it is mounted.
        change = f"sed '/{NAME}/d' /etc/hosts >/tmp/hosts; echo '{redis.address} {NAME}' >>/tmp/hosts"
        for function in (self.reader.publish, self.reader.query_function):
            function.execute("sh", "-c", f"{change}; cat /tmp/hosts >/etc/hosts")

    def promote(self):
        self.new.cli("REPLICAOF", "NO", "ONE")
        self.point_at(self.new)
        self.fleet.redis = self.new  # where its ack sets are looked at

    def bring_back_old_as_replica(self):
        docker("start", self.old.name)
        until("the old primary answers", self.old.answers)
        self.old.cli("REPLICAOF", self.new.host, "6379")
        until("it follows the new one", lambda: "master_link_status:up" in self.old.cli("INFO", "replication"))
