"""Three PostgreSQL nodes under Patroni, strictly synchronous, and one etcd, on loopback.

usage: cluster.py FOLDER FIRST_PORT PROGRAMS

FOLDER is empty, FIRST_PORT the first of 11 free ports, PROGRAMS where postgres is. Commands come
by standard input, one a line, and each is answered with one line: "ok ..." or "error ...".

  up               start everything; until three nodes replicate
  wait             until three nodes replicate again
  kill-postgres    kill -9 the primary's postmaster; answers with the node's number
  kill-node        kill -9 everything of the primary's node; answers with the node's number
  start N          start node N again

When standard input ends, everything is ended: whoever started this cannot leave it behind.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request

FOLDER, FIRST_PORT, PROGRAMS = sys.argv[1], int(sys.argv[2]), sys.argv[3]
NODES = (1, 2, 3)
ETCD_CLIENT, ETCD_PEER = FIRST_PORT, FIRST_PORT + 1
PR_SET_CHILD_SUBREAPER = 36
PATIENCE_S = 90

# No proxy, no PG* and no PATRONI_* from outside.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": FOLDER, "LANG": "C.UTF-8"}
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
patroni_of, etcd = {}, None


def postgres_port(node):
    return FIRST_PORT + 1 + node


def rest_port(node):
    return FIRST_PORT + 4 + node


def data_of(node):
    return f"{FOLDER}/n{node}/data"


def configuration(node):
    return f"""
scope: daicho
namespace: /test/
name: n{node}
restapi: {{listen: "127.0.0.1:{rest_port(node)}", connect_address: "127.0.0.1:{rest_port(node)}"}}
etcd3: {{hosts: "127.0.0.1:{ETCD_CLIENT}"}}
bootstrap:
  dcs:
    ttl: 5
    loop_wait: 1
    retry_timeout: 2
    maximum_lag_on_failover: 1048576
    primary_start_timeout: 0
    synchronous_mode: true
    synchronous_mode_strict: true
    postgresql:
      use_pg_rewind: true
      remove_data_directory_on_rewind_failure: true
      parameters:
        max_connections: 60
        shared_buffers: 32MB
        synchronous_commit: "on"
        wal_retrieve_retry_interval: 200ms
        wal_sender_timeout: 5s
        wal_receiver_timeout: 5s
  initdb: [{{encoding: UTF8}}, {{locale: C.UTF-8}}, no-sync]
postgresql:
  listen: 127.0.0.1:{postgres_port(node)}
  connect_address: 127.0.0.1:{postgres_port(node)}
  data_dir: {data_of(node)}
  bin_dir: {PROGRAMS}
  pgpass: {FOLDER}/n{node}/pgpass
  parameters: {{unix_socket_directories: ""}}
  authentication:
    superuser: {{username: postgres, password: test}}
    replication: {{username: replicator, password: test}}
    rewind: {{username: rewinder, password: test}}
  basebackup: [{{checkpoint: fast}}, no-sync]
  pg_hba:
  - host replication replicator 127.0.0.1/32 trust
  - host all all 127.0.0.1/32 trust
watchdog: {{mode: "off"}}
"""


def reap():
    """Patroni takes a killed postmaster that nobody has reaped yet for a running one."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            time.sleep(0.05)


def spawn(name, *command):
    with open(f"{FOLDER}/{name}.log", "ab") as log:
        child = subprocess.Popen(
            command, env=ENVIRONMENT, cwd=FOLDER, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
    child.returncode = 0  # reap() sees to it
    return child.pid


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(") ", 1)[1][0] != "Z"
    except (OSError, TypeError):
        return False


def postgres_processes(node):
    """Every server process has its data folder as working directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/cwd") == data_of(node) and "/postgres" in os.readlink(f"/proc/{pid}/exe"):
                found.append(int(pid))
        except OSError:
            pass
    return found


def postmaster(node):
    with open(f"{data_of(node)}/postmaster.pid") as file:
        pid = int(file.readline())
    if pid not in postgres_processes(node):
        raise RuntimeError(f"node {node} has no postmaster")
    return pid


def ask(node, path):
    try:
        with direct.open(f"http://127.0.0.1:{rest_port(node)}/{path}", timeout=2) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def leader():
    for node in NODES:
        for member in (ask(node, "cluster") or {}).get("members", []):
            if member["role"] == "leader":
                return int(member["name"][1:])
    return None


def is_whole():
    primary = leader()
    seen = (ask(primary, "patroni") or {}) if primary else {}
    members = (ask(primary, "cluster") or {}).get("members", []) if primary else []
    roles = sorted(member["role"] for member in members if member["state"] in ("running", "streaming"))
    standbys = [standby for standby in seen.get("replication", []) if standby["state"] == "streaming"]
    return (
        len(roles) == len(NODES)
        and "sync_standby" in roles
        and len(standbys) == len(NODES) - 1
        and any(standby["sync_state"] == "sync" for standby in standbys)
    )


def wait():
    end = time.monotonic() + PATIENCE_S
    while not is_whole():
        if time.monotonic() > end:
            raise RuntimeError(f"not whole after {PATIENCE_S} s; logs are in {FOLDER}")
        time.sleep(0.2)


def start(node):
    patroni_of[node] = spawn(f"patroni{node}", "/usr/bin/python3", "/usr/bin/patroni", f"{FOLDER}/n{node}/patroni.yml")


def up():
    global etcd
    url, peer = f"http://127.0.0.1:{ETCD_CLIENT}", f"http://127.0.0.1:{ETCD_PEER}"
    etcd = spawn(
        "etcd", "etcd", "--name", "e", "--data-dir", f"{FOLDER}/etcd", "--log-level", "warn",
        "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
        "--initial-advertise-peer-urls", peer, "--initial-cluster", f"e={peer}",
    )
    end = time.monotonic() + 20
    while True:  # or Patroni sleeps for five seconds
        try:
            if b"true" in direct.open(f"{url}/health", timeout=1).read():
                break
        except OSError:
            pass
        if time.monotonic() > end:
            raise RuntimeError("etcd does not answer")
        time.sleep(0.1)
    for node in NODES:
        os.mkdir(f"{FOLDER}/n{node}")
        with open(f"{FOLDER}/n{node}/patroni.yml", "w") as file:
            file.write(configuration(node))
        start(node)
    wait()


def kill(pids, with_signal):
    for pid in pids:
        try:
            os.kill(pid, with_signal)
        except OSError:
            pass


def down():
    kill(patroni_of.values(), signal.SIGKILL)
    for node in NODES:
        try:
            kill([postmaster(node)], signal.SIGQUIT)
        except (OSError, RuntimeError, ValueError):
            pass
    left = []
    for _ in range(50):
        left = [pid for node in NODES for pid in postgres_processes(node)]
        if not left:
            break
        time.sleep(0.1)
    kill(left, signal.SIGKILL)
    if etcd:
        kill([etcd], signal.SIGKILL)


def act(words):
    if words[0] == "up":
        up()
    elif words[0] == "wait":
        wait()
    elif words[0] == "start":
        if is_running(patroni_of[int(words[1])]):
            raise RuntimeError("it is running")
        start(int(words[1]))
    elif words[0] in ("kill-postgres", "kill-node"):
        node = leader()
        if node is None:
            raise RuntimeError("there is no primary")
        if words[0] == "kill-postgres":
            kill([postmaster(node)], signal.SIGKILL)
        else:
            kill([patroni_of[node], *postgres_processes(node)], signal.SIGKILL)
        return node
    else:
        raise RuntimeError(f"unknown command {words[0]}")
    return ""


if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit("PR_SET_CHILD_SUBREAPER was refused")
threading.Thread(target=reap, daemon=True).start()
try:
    for line in sys.stdin:
        try:
            print("ok", act(line.split()), flush=True)
        except Exception as error:  # whatever it is, the test has to hear of it
            print("error", repr(error), flush=True)
finally:
    down()
