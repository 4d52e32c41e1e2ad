"""The control plane: etcd, API server, controllers, scheduler, DNS and volumes, as processes of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

from .layout import API_PORT, Layout
from .parts import Part
from .pki import Authority

STORAGE_CLASS = "himalia-test"
_QUICK = ("--kube-api-qps=500", "--kube-api-burst=1000", "--leader-elect=false")
"""The usual client limits are for clusters whose control plane is not waited for by tests."""


class ControlPlane:
    """Its parts, each of which tests can restart, kill or freeze."""

    def __init__(self, layout: Layout, programs: Path, authority: Authority) -> None:
        self.layout = layout
        self._programs = programs
        self._pki = authority.folder
        _certify(layout, authority)
        self.etcd = self._part(
            "etcd",
            "etcd",
            f"--data-dir={layout.state}/etcd",
            f"--listen-client-urls=http://{layout.etcd}:2379",
            f"--advertise-client-urls=http://{layout.etcd}:2379",
            f"--listen-peer-urls=http://{layout.etcd}:2380",
            "--logger=zap",
        )
        self.apiserver = self._part(
            "kube-apiserver", str(programs / "kube-apiserver"), *self._apiserver_options()
        )
        self.controllers = self._part(
            "kube-controller-manager",
            str(programs / "kube-controller-manager"),
            f"--kubeconfig={layout.state}/kube-controller-manager.kubeconfig",
            f"--service-account-private-key-file={self._pki}/service-accounts.key",
            f"--root-ca-file={self._pki}/ca.crt",
            "--use-service-account-credentials",
            f"--bind-address={layout.host}",
            *_QUICK,
        )
        self.scheduler = self._part(
            "kube-scheduler",
            str(programs / "kube-scheduler"),
            f"--kubeconfig={layout.state}/kube-scheduler.kubeconfig",
            f"--bind-address={layout.host}",
            *_QUICK,
        )
        self.dns = self._part("coredns", str(programs / "coredns"), "-conf", str(layout.state / "Corefile"))
        volumes = ["volumes", str(layout.kubeconfig), str(layout.state / "volumes"), STORAGE_CLASS]
        self.volumes = self._part("volumes", sys.executable, str(Path(__file__).parent), *volumes)

    def _part(self, name: str, *command: str) -> Part:
        return Part(name, command, self.layout.log / f"{name}.log", self.layout.mark)

    def _apiserver_options(self) -> list[str]:
        layout, pki = self.layout, self._pki
        return [
            f"--etcd-servers=http://{layout.etcd}:2379",
            f"--bind-address={layout.host}",
            f"--secure-port={API_PORT}",
            f"--advertise-address={layout.host}",
            f"--service-cluster-ip-range={layout.services}",
            "--authorization-mode=Node,RBAC",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/service-accounts.key",
            f"--service-account-signing-key-file={pki}/service-accounts.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            f"--kubelet-client-certificate={pki}/admin.crt",
            f"--kubelet-client-key={pki}/admin.key",
            "--kubelet-preferred-address-types=InternalIP",
            # Pods leave a lost node after five seconds instead of five minutes.
            "--default-not-ready-toleration-seconds=5",
            "--default-unreachable-toleration-seconds=5",
            # For API servers in pods, such as Kueue's view of its queues.
            f"--requestheader-client-ca-file={pki}/ca.crt",
            "--requestheader-allowed-names=front-proxy",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki}/front-proxy.crt",
            f"--proxy-client-key-file={pki}/front-proxy.key",
            "--enable-aggregator-routing",
        ]


def _certify(layout: Layout, authority: Authority) -> None:
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", layout.api_service, layout.host]
    authority.certificate("apiserver", "kube-apiserver", names=names)
    authority.certificate("admin", "admin", ["system:masters"])
    authority.certificate("front-proxy", "front-proxy")
    authority.certificate("kube-proxy", "system:kube-proxy")
    authority.key("service-accounts")
    for name in ("kube-controller-manager", "kube-scheduler"):
        authority.certificate(name, f"system:{name}")
        authority.kubeconfig(layout.state / f"{name}.kubeconfig", name, layout.server)
    authority.kubeconfig(layout.kubeconfig, "admin", layout.server)
    (layout.state / "Corefile").write_text(
        f"""
.:53 {{
  bind {layout.host}
  errors
  cache 5
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {layout.kubeconfig} test
  }}
}}
"""
    )
