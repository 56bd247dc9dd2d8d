# SPDX-License-Identifier: MIT
"""Everything about the machine that shapes a result, and whether it is quiet enough to measure on."""

import datetime
import glob
import os
import platform
import time

from harness.peers import ROOT
from harness.usage import read_text
from process import ask

QUIET_BUSY_SHARE_MAX = 0.05
QUIET_LOAD_MAX = 0.5
QUIET_LOOK_S = 1.0

SYSCTLS = ("net/core/somaxconn", "net/core/rmem_default", "net/core/wmem_default", "net/ipv4/tcp_rmem",
           "net/ipv4/tcp_wmem", "net/ipv4/tcp_tw_reuse", "net/ipv4/tcp_congestion_control",
           "net/ipv4/ip_local_port_range", "kernel/io_uring_disabled", "kernel/sched_autogroup_enabled",
           "vm/overcommit_memory")
BOOT_WORDS = ("mitigations", "isolcpus", "nohz_full", "rcu_nocbs", "spectre_v2", "retbleed", "nosmt", "preempt",
              "threadirqs", "idle", "intel_idle", "processor", "transparent_hugepage")


def first_line(path):
    return read_text(path).strip().split("\n", 1)[0]


def cpu_description():
    """Model, and what says how it is used."""
    fields = {}
    for line in read_text("/proc/cpuinfo").split("\n\n", 1)[0].splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    return {
        "model": fields.get("model name") or fields.get("CPU implementer", "unknown"),
        "family_model_stepping": "/".join(fields.get(name, "?") for name in ("cpu family", "model", "stepping")),
        "architecture": platform.machine(),
        "online": os.cpu_count(),
        "allowed": sorted(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in fields.get("flags", "").split(),
        "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none",
        "caches": {f"L{first_line(f'{path}/level')} {first_line(f'{path}/type')}": first_line(f"{path}/size")
                   for path in sorted(glob.glob("/sys/devices/system/cpu/cpu0/cache/index*"))},
        "smt": first_line("/sys/devices/system/cpu/smt/active") or "unknown",
    }


def describe(placement):
    """For the JSON; plain data."""
    boot = [word for word in read_text("/proc/cmdline").split() if word.split("=")[0] in BOOT_WORDS]
    memory_kib = next((int(line.split()[1]) for line in read_text("/proc/meminfo").splitlines()
                       if line.startswith("MemTotal:")), 0)
    return {
        "host": platform.node(),
        "began": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "kernel": f"{platform.system()} {platform.release()} {platform.version()}",
        "boot_parameters": boot,
        "distribution": distribution(),
        "cpu": cpu_description(),
        "mitigations": {os.path.basename(path): first_line(path)
                        for path in sorted(glob.glob("/sys/devices/system/cpu/vulnerabilities/*"))},
        "memory_bytes": memory_kib * 1024,
        "transparent_hugepage": first_line("/sys/kernel/mm/transparent_hugepage/enabled"),
        "sysctl": {name.replace("/", "."): first_line(f"/proc/sys/{name}").replace("\t", " ") for name in SYSCTLS},
        "load_average_before": [round(number, 2) for number in os.getloadavg()],
        "server_cpus": list(placement.server_cpus),
        "load_cpus": list(placement.load_cpus),
    }


def distribution():
    for line in read_text("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "unknown"


def commit():
    """The commit of this tree, with "-dirty" when files that git knows differ from it; "unknown" without git."""
    name = ask(["git", "-C", ROOT, "rev-parse", "--short=10", "HEAD"])
    if not name.isalnum():
        return "unknown"
    changed = ask(["git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no"])
    return f"{name}-dirty" if changed else name


def memory_available():
    for line in read_text("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    return 0


def busy_ticks(cpus):
    """(busy, all) ticks of these CPUs: everything but idle and iowait is busy."""
    busy = total = 0
    for line in read_text("/proc/stat").splitlines():
        fields = line.split()
        if fields and fields[0].startswith("cpu") and fields[0][3:].isdigit() and int(fields[0][3:]) in cpus:
            ticks = [int(field) for field in fields[1:9]]
            total += sum(ticks)
            busy += sum(ticks) - ticks[3] - ticks[4]
    return busy, total


def look_for_noise(placement):
    """(busy share of the CPUs that will be used, sentence when the machine is not quiet or "")."""
    cpus = set(placement.server_cpus + placement.load_cpus)
    before = busy_ticks(cpus)
    time.sleep(QUIET_LOOK_S)
    after = busy_ticks(cpus)
    share = (after[0] - before[0]) / max(1, after[1] - before[1])
    load = os.getloadavg()[0]
    if share > QUIET_BUSY_SHARE_MAX:
        return share, (f"the machine is not quiet: its CPUs were {100 * share:.0f} % busy before the start "
                       f"(load average {load:.1f})")
    if load > QUIET_LOAD_MAX:
        return share, f"the machine was not quiet a minute ago: load average {load:.1f}"
    return share, ""
