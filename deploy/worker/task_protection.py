"""Keeps ECS from stopping a worker's task while one of its messages runs.

Copy this file beside your actors and add the middleware to your broker:

    broker.add_middleware(TaskProtection(), before=dramatiq.middleware.TimeLimit)

It switches ECS task scale-in protection on when a worker process of the container begins to work, renews it, and
switches it off once every process has been idle for a few seconds. It works with Dramatiq 1.18 and 2.2, needs nothing
but the standard library, and does nothing without ECS_AGENT_URI, which ECS sets in every container.

The task's role needs ecs:UpdateTaskProtection. If ECS refuses or does not answer, messages run all the same, and a
warning says why.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import logging
import os
import stat
import tempfile
import threading
import time
from urllib.parse import urlsplit

import dramatiq

MAX_MINUTES = "TASK_PROTECTION_MAX_MINUTES"

log = logging.getLogger(__name__)


class TaskProtection(dramatiq.Middleware):
    """Each worker process has one, with a thread that talks to ECS for all processes of its container."""

    # The message that begins the work waits this long for ECS at most. A later answer still counts.
    WAIT_SECONDS = 1
    IDLE_SECONDS = 5
    TICK_SECONDS = 1
    # 1 to 2,880: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
    # If nobody renews it any more, the task stays for this long.
    EXPIRES_MINUTES = 10
    RENEW_SECONDS = 300
    RETRY_SECONDS = 10
    ANSWER_SECONDS = 5
    # After the maximum, the time in which ECS may stop a task that is never idle.
    PAUSE_SECONDS = 120
    WARN_AGAIN_SECONDS = 600

    def __init__(self):
        self._agent = os.environ.get("ECS_AGENT_URI", "")
        self._max_seconds = 60 * _max_minutes(os.environ.get(MAX_MINUTES) or "2880")
        self._changed = threading.Condition()
        self._keeper = None
        self._stopping = False
        # Threads, not a count: a message that another middleware skips ends without having begun here.
        self._running = set()
        self._last_run = float("-inf")
        # Whether a message need not wait, since ECS knows of the work of this process, or has not answered in time.
        self._settled = False
        self._broken = False

    # Dramatiq imports the broker after it has forked, so each process makes its own thread and opens its own files.
    def before_worker_boot(self, broker, worker):
        if not self._agent or self._keeper:
            return
        try:
            container = _Container(self._agent)
        except OSError as error:
            log.warning("Task protection is off, because its files cannot be made: %s", error)
            return
        self._stopping = False
        self._keeper = threading.Thread(target=self._keep, args=(container,), name="task-protection", daemon=True)
        self._keeper.start()

    def after_worker_shutdown(self, broker, worker):
        # Protection stays as it is: either the task ends now, or another process sees that nobody works any more.
        keeper, self._keeper = self._keeper, None
        if keeper:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            keeper.join(self.WAIT_SECONDS)

    def before_process_message(self, broker, message):
        if self._keeper:
            with self._changed:
                self._running.add(threading.get_ident())
                if not self._settled:
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._settled, self.WAIT_SECONDS)
                    # If there was no answer, later messages need not wait for it, too.
                    self._settled = True

    def after_process_message(self, broker, message, *, result=None, exception=None):
        with self._changed:
            if threading.get_ident() in self._running:
                self._running.discard(threading.get_ident())
                self._last_run = time.monotonic()

    def after_skip_message(self, broker, message):
        self.after_process_message(broker, message)

    def _keep(self, container):
        with container:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping or (self._running and not self._settled), self.TICK_SECONDS)
                    if self._stopping:
                        return
                self._tick(container)

    def _tick(self, container):
        settled = True
        try:
            with container.agreement() as agreed:
                # Not before: it may have changed while another process had the agreement.
                settled = self._works()
                container.mark(settled)
                self._tell(agreed, settled or container.others_work())
            self._broken = False
        except Exception:  # Whatever it is must not stop the thread.
            if not self._broken:
                log.exception("Task protection failed. It tries again every second and does not repeat this.")
            self._broken = True
        with self._changed:
            self._settled = settled
            self._changed.notify_all()

    def _works(self):
        with self._changed:
            working = bool(self._running) or time.monotonic() < self._last_run + self.IDLE_SECONDS
            self._settled = self._settled and working
            return working

    def _tell(self, agreed, busy):
        """Tells ECS what is due, if anything is."""
        now = time.monotonic()
        if busy != agreed["busy"]:
            agreed["busy"], agreed["next"] = busy, 0
        if now < agreed["next"]:
            return
        protected = now < agreed["protected_until"]
        if not busy:
            agreed["since"] = 0
            if protected:
                self._switch(agreed, False)
        elif protected and agreed["since"] and now >= agreed["since"] + self._max_seconds:
            if self._switch(agreed, False):
                agreed["since"], agreed["next"] = 0, now + self.PAUSE_SECONDS
                log.info("Task protection pauses for %d s, because it was on for %s.", self.PAUSE_SECONDS, MAX_MINUTES)
        else:
            agreed["since"] = agreed["since"] if protected else 0
            self._switch(agreed, True)

    def _switch(self, agreed, on):
        """Whether ECS has done it."""
        now = time.monotonic()
        expires = now + 60 * self.EXPIRES_MINUTES
        agreed["next"] = now + self.RETRY_SECONDS
        done, why = _put(self._agent, self.ANSWER_SECONDS, on, self.EXPIRES_MINUTES)
        if not done:
            if done is None:
                # ECS may still do it, even after the next request. So that one is said twice.
                agreed["unsure"] = True
                agreed["protected_until"] = max(agreed["protected_until"], expires if on else 0)
            self._warn(agreed, on, why)
            return False
        if agreed["failing"]:
            log.info("Task protection works again.")
        agreed["failing"] = False
        agreed["protected_until"] = expires if on or agreed["unsure"] else 0
        if on:
            agreed["since"] = agreed["since"] or now
            if not agreed["unsure"]:
                agreed["next"] = min(now + self.RENEW_SECONDS, agreed["since"] + self._max_seconds)
        agreed["unsure"] = False
        return True

    def _warn(self, agreed, on, why):
        now = time.monotonic()
        if not agreed["failing"] or now >= agreed["warn_again"]:
            switched = "on" if on else "off"
            log.warning("Task protection could not be switched %s: %s. Messages run all the same.", switched, why)
            agreed["warn_again"] = now + self.WARN_AGAIN_SECONDS
        agreed["failing"] = True


def _max_minutes(text):
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{MAX_MINUTES} must be a whole number of minutes, at least 1, was {text!r}")
    return int(text)


def _put(agent, seconds, on, expires_minutes):
    """Whether ECS has done it, None if it may have, and what the agent answered."""
    wanted = {"ProtectionEnabled": on} | ({"ExpiresInMinutes": expires_minutes} if on else {})
    try:
        url = urlsplit(agent)
        # Not urllib.request, which would go through the container's proxy.
        with contextlib.closing(http.client.HTTPConnection(url.hostname, url.port, timeout=seconds)) as connection:
            path = url.path.rstrip("/") + "/task-protection/v1/state"
            connection.request("PUT", path, json.dumps(wanted), {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read(65_536).decode(errors="replace")
    except Exception as error:  # Besides those of the network, whatever a wrong address raises.
        return None, f"no answer from {agent} ({type(error).__name__})"
    said = f"status {response.status}: {' '.join(body.split())}"[:500]
    if response.status != 200:
        # 504 is the agent's answer if ECS did not answer within 4 s.
        return (False if response.status < 500 else None), said
    with contextlib.suppress(ValueError, TypeError):
        answer = dict(json.loads(body))
        if "protection" in answer:
            return True, said
        # Such as DEPLOYMENT_BLOCKED.
        if "failure" in answer:
            return False, said
    return None, said


class _Container:
    """What the processes of a container share, in files: whether any works, and what was agreed with ECS.

    A process that works holds a shared lock, which the kernel takes back if the process is killed. Times are of the
    monotonic clock, which all processes share.
    """

    NOTHING = {
        "busy": False, "next": 0, "protected_until": 0, "since": 0, "unsure": False, "failing": False, "warn_again": 0,
    }  # fmt: skip
    RECORD_BYTES = 512
    POLL_SECONDS = 0.02

    def __init__(self, agent):
        # ECS gives each container an address of its own, so containers with one /tmp do not meet.
        folder = _private_folder("task-protection-" + hashlib.sha256(agent.encode()).hexdigest()[:16])
        self._work = os.open(f"{folder}/work", os.O_RDWR | os.O_CREAT, 0o600)
        self._agreed = os.open(f"{folder}/agreed", os.O_RDWR | os.O_CREAT, 0o600)
        # Now, since a record that cannot be written later would leave protection on.
        os.posix_fallocate(self._agreed, 0, self.RECORD_BYTES)
        self._marked = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._work)
        os.close(self._agreed)

    def mark(self, working):
        """Shows the other processes whether this one works."""
        if working != self._marked:
            fcntl.flock(self._work, fcntl.LOCK_SH if working else fcntl.LOCK_UN)
            self._marked = working

    def others_work(self):
        """Asked only by a process that does not work."""
        free = _lock(self._work)
        if free:
            fcntl.flock(self._work, fcntl.LOCK_UN)
        return not free

    @contextlib.contextmanager
    def agreement(self):
        """The record that one process at a time may read and change."""
        # Another may wait for ECS. In flock gevent could run no messages meanwhile.
        while not _lock(self._agreed):
            time.sleep(self.POLL_SECONDS)
        try:
            record = json.loads(os.pread(self._agreed, self.RECORD_BYTES, 0).strip(b"\0") or b"{}")
            agreed = self.NOTHING | record
            try:
                yield agreed
            finally:
                # In one write of one length, so that a process that is killed leaves a whole record.
                os.pwrite(self._agreed, json.dumps(agreed).encode().ljust(self.RECORD_BYTES), 0)
        finally:
            fcntl.flock(self._agreed, fcntl.LOCK_UN)


def _lock(file):
    """Whether nobody else has locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private_folder(name):
    """A folder that only this user may use; in memory if possible, since the root file system may be read-only.

    :raises OSError: if there is none
    """
    for parent in ("/dev/shm", tempfile.gettempdir()):
        folder = os.path.join(parent, f"{name}-{os.geteuid()}")
        with contextlib.suppress(OSError):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            found = os.lstat(folder)
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077:
                return folder
    raise OSError("neither /dev/shm nor the folder for temporary files lets a private folder be made")
