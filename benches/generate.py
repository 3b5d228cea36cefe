#!/usr/bin/env python3
"""Writes a cluster of any size for measurements: node snapshots and manifests, the same bytes for the same arguments.

usage: benches/generate.py DIR [--nodes N] [--pods N] [--services N] [--deployments N] [--per-file N]
"""

import argparse
import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What kubeadm installs: CoreDNS, kube-proxy, the kubelet's units and files.
STOCK = ROOT / "testdata/clusters/stock-kubeadm"
NAMESPACES = 200
# The shapes of pods that differ in what the resolver sees: dnsPolicy, dnsConfig, hostNetwork, image.
SHAPES = [
    "",
    "  dnsPolicy: ClusterFirst\n",
    '  dnsConfig:\n    options:\n    - name: ndots\n      value: "2"\n',
    "  hostNetwork: true\n  dnsPolicy: ClusterFirstWithHostNet\n",
    "  dnsPolicy: Default\n",
    '  dnsPolicy: None\n  dnsConfig:\n    nameservers:\n    - 10.96.0.10\n    searches:\n    - corp.example\n',
]
IMAGES = ["docker.io/library/nginx:1.27", "docker.io/library/alpine:3.20", "registry.example/team/app:{}", "docker.io/library/redis:7-alpine"]

NODE = """apiVersion: v1
kind: Node
metadata:
  name: {name}
  labels:
    kubernetes.io/hostname: {name}
    kubernetes.io/os: linux
spec:
  podCIDR: 10.{a}.{b}.0/24
status:
  addresses:
  - address: 172.16.{c}.{d}
    type: InternalIP
  - address: {name}
    type: Hostname
  nodeInfo:
    containerRuntimeVersion: containerd://1.7.22
    kernelVersion: 6.8.0-45-generic
    kubeletVersion: v1.31.2
    osImage: Ubuntu 24.04.1 LTS
"""

POD = """apiVersion: v1
kind: Pod
metadata:
  name: app-{app}-{hash:010x}-{index:05x}
  namespace: team-{namespace}
  uid: {index:08x}-0000-4000-8000-{index:012x}
  labels:
    app.kubernetes.io/name: app-{app}
    pod-template-hash: "{hash:010x}"
  ownerReferences:
  - apiVersion: apps/v1
    kind: ReplicaSet
    name: app-{app}-{hash:010x}
    controller: true
spec:
{shape}  containers:
  - name: main
    image: {image}
    env:
    - name: DATABASE_HOST
      value: db-{db}.data.svc.cluster.local
    ports:
    - containerPort: 8080
      name: http
    resources:
      requests:
        cpu: 100m
        memory: 128Mi
  nodeName: {node}
  serviceAccountName: default
status:
  phase: Running
  podIP: 10.{a}.{b}.{c}
"""

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-{app}
  namespace: team-{namespace}
spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app.kubernetes.io/name: app-{app}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app-{app}
    spec:
{shape}      containers:
      - name: main
        image: {image}
"""

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: app-{app}
  namespace: team-{namespace}
spec:
  clusterIP: 10.{a}.{b}.{c}
  selector:
    app.kubernetes.io/name: app-{app}
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: http
"""


def shape(app, indent=""):
    return "".join(f"{indent}{line}\n" for line in SHAPES[app % len(SHAPES)].splitlines())


def image(app):
    return IMAGES[app % len(IMAGES)].format(app % 50)


def node_name(index):
    return f"node-{index:05}"


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def nodes(out, count):
    """Snapshots with the files that the stock cluster's first worker has, and the Node objects."""
    sample = sorted(p for p in (STOCK / "nodes").iterdir() if p.is_dir())[-1]
    files = [(p.relative_to(sample), p.read_text()) for p in sorted(sample.rglob("*")) if p.is_file() and not p.is_symlink()]
    links = [(p.relative_to(sample), p.readlink()) for p in sorted(sample.rglob("*")) if p.is_symlink()]
    for index in range(count):
        root = out / "nodes" / node_name(index)
        for path, text in files:
            write(root / path, text.replace(sample.name, node_name(index)))
        for path, target in links:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).symlink_to(target)


def node(index):
    return NODE.format(name=node_name(index), a=128 + index // 256, b=index % 256, c=index // 250, d=index % 250 + 1)


def pod(index, apps, node_count):
    app = index % apps
    return POD.format(
        app=app,
        hash=0x5D00000000 + app,
        index=index,
        namespace=app % NAMESPACES,
        shape=shape(app),
        image=image(app),
        db=app % 40,
        node=node_name(index % node_count),
        a=128 + index % node_count // 256,
        b=index % node_count % 256,
        c=index // node_count % 250 + 2,
    )


def deployment(app, replicas):
    return DEPLOYMENT.format(app=app, namespace=app % NAMESPACES, replicas=replicas, shape=shape(app, "    "), image=image(app))


def service(app):
    return SERVICE.format(app=app, namespace=app % NAMESPACES, a=97 + app // 65000, b=app // 250 % 256, c=app % 250 + 1)


def manifests(out, kind, objects, per_file):
    """Documents of one kind, so many to a file that each stays below the limit of 8 MiB."""
    batch, number = [], 0
    for text in objects:
        batch.append(text)
        if len(batch) == per_file:
            write(out / f"manifests/{kind}-{number:04}.yaml", "---\n".join(batch))
            batch, number = [], number + 1
    if batch:
        write(out / f"manifests/{kind}-{number:04}.yaml", "---\n".join(batch))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--deployments", type=int, default=5_000)
    parser.add_argument("--per-file", type=int, default=1_000)
    args = parser.parse_args()
    if args.dir.exists() and any(args.dir.iterdir()):
        parser.error(f"{args.dir} is not empty")
    apps = max(args.deployments, 1)
    for path in sorted((STOCK / "manifests").iterdir()):
        if path.is_file() and path.name != "nodes.yaml":
            write(args.dir / "manifests" / path.name, path.read_text())
    nodes(args.dir, args.nodes)
    manifests(args.dir, "nodes", (node(i) for i in range(args.nodes)), args.per_file)
    manifests(args.dir, "pods", (pod(i, apps, max(args.nodes, 1)) for i in range(args.pods)), args.per_file)
    replicas = args.pods // apps
    manifests(args.dir, "deployments", (deployment(i, replicas) for i in range(args.deployments)), args.per_file)
    manifests(args.dir, "services", (service(i) for i in range(args.services)), args.per_file)


if __name__ == "__main__":
    main()
