# SPDX-License-Identifier: MIT
"""The part of Kubernetes' API (1.29: v1, apps/v1, policy/v1) that a manifest of ours may use: names, and what stands behind them.

A type is a Python type, a set of words, a pattern, [type] for a list of them, {type} written as Map(type) for names of one's own, or
a dict of fields; a field whose name ends in ! must be there. https://kubernetes.io/docs/reference/kubernetes-api/
"""

import re

QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")
NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
PORT_NAME = re.compile(r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$")


class Map:
    def __init__(self, value):
        self.value = value


META = {"name!": NAME, "namespace": NAME, "labels": Map(str), "annotations": Map(str)}
POD_META = {key.rstrip("!"): value for key, value in META.items()}
SELECTOR = {"matchLabels": Map(str)}
SECCOMP = {"type!": {"Localhost", "RuntimeDefault", "Unconfined"}, "localhostProfile": str}
PROBE = {"httpGet": {"path": str, "port!": (int, PORT_NAME), "scheme": {"HTTP", "HTTPS"}}, "tcpSocket": {"port!": (int, PORT_NAME)},
         "initialDelaySeconds": int, "periodSeconds": int, "timeoutSeconds": int, "successThreshold": int, "failureThreshold": int}
HANDLER = {"exec": {"command!": [str]}, "sleep": {"seconds!": int}}
CONTAINER = {
    "name!": NAME, "image!": str, "imagePullPolicy": {"Always", "IfNotPresent", "Never"}, "command": [str], "args": [str],
    "ports": [{"name": PORT_NAME, "containerPort!": int, "protocol": {"TCP", "UDP"}}],
    "resources": {"requests": Map(QUANTITY), "limits": Map(QUANTITY)},
    "securityContext": {"allowPrivilegeEscalation": bool, "readOnlyRootFilesystem": bool, "runAsNonRoot": bool, "runAsUser": int,
                        "capabilities": {"add": [str], "drop": [str]}, "seccompProfile": SECCOMP},
    "startupProbe": PROBE, "livenessProbe": PROBE, "readinessProbe": PROBE,
    "lifecycle": {"preStop": HANDLER, "postStart": HANDLER},
}
POD = {
    "automountServiceAccountToken": bool, "terminationGracePeriodSeconds": int, "containers!": [CONTAINER],
    "securityContext": {"runAsNonRoot": bool, "runAsUser": int, "runAsGroup": int, "fsGroup": int, "seccompProfile": SECCOMP},
}
KINDS = {
    ("v1", "Service"): {"clusterIP": str, "selector": Map(str), "type": {"ClusterIP", "NodePort", "LoadBalancer"},
                        "ports!": [{"name": PORT_NAME, "port!": int, "targetPort": (int, PORT_NAME)}]},
    ("policy/v1", "PodDisruptionBudget"): {"maxUnavailable": (int, str), "minAvailable": (int, str), "selector!": SELECTOR},
    ("apps/v1", "StatefulSet"): {"serviceName!": NAME, "replicas": int, "podManagementPolicy": {"OrderedReady", "Parallel"},
                                 "selector!": SELECTOR, "template!": {"metadata!": POD_META, "spec!": POD}},
}


def faults_of(document):
    """What is wrong with one document; a sentence each."""
    kind = (document.get("apiVersion"), document.get("kind"))
    if kind not in KINDS:
        return [f"{kind} is no kind that is known here"]
    return faults({"apiVersion!": str, "kind!": str, "metadata!": META, "spec!": KINDS[kind]}, document, kind[1])


def faults(wanted, value, where):
    if isinstance(wanted, dict):
        return faults_of_fields(wanted, value, where)
    if isinstance(wanted, list):
        if not isinstance(value, list) or not value:
            return [f"{where} is no list"]
        return [fault for i, one in enumerate(value) for fault in faults(wanted[0], one, f"{where}[{i}]")]
    if isinstance(wanted, Map):
        if not isinstance(value, dict):
            return [f"{where} is no map"]
        return [fault for name, one in value.items() for fault in faults(wanted.value, one, f"{where}.{name}")]
    if isinstance(wanted, tuple):
        found = [faults(one, value, where) for one in wanted]
        return [] if [] in found else found[0]
    return [] if is_a(wanted, value) else [f"{where} is {value!r}"]


def is_a(wanted, value):
    if isinstance(wanted, set):
        return value in wanted
    if isinstance(wanted, re.Pattern):
        return isinstance(value, str) and wanted.match(value) is not None
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def faults_of_fields(wanted, value, where):
    if not isinstance(value, dict):
        return [f"{where} has no fields"]
    known = {name.rstrip("!"): one for name, one in wanted.items()}
    found = [f"{where}.{name[:-1]} is missing" for name in wanted if name.endswith("!") and name[:-1] not in value]
    for name, one in value.items():
        found += faults(known[name], one, f"{where}.{name}") if name in known else [f"{where}.{name} is not known"]
    return found
