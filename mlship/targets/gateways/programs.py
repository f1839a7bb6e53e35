"""The gateways: what each is run as, and how it takes a new configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlship.targets.stack import REST, Gateway, Stack


@dataclass(frozen=True)
class Program:
    """How a gateway runs in a container.

    ``image`` is the official one, pinned. ``folder`` is where its configuration is found, ``entrypoint`` and
    ``command`` start it, as ``user``, with ``environment``. ``reload`` is the signal at which it reads that anew ("":
    it has to be started anew). ``drain``: seconds in which it notices, by asking /readyz, that a copy wants no more
    requests (0: it does not ask, and sends those that fail elsewhere). ``probe`` is a command of the official image
    that tells whether it is alive. ``writes`` are folders that it must be able to write to. ``settle``: seconds after
    which it asks a copy again that was away.
    """

    image: str
    folder: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    user: str
    reload: str = ""
    drain: int = 0
    settle: float = 2.5
    probe: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    writes: tuple[str, ...] = ("/tmp",)  # noqa: S108  # a file system of the container's own, in memory


PROGRAMS: Mapping[Gateway, Program] = {
    "nginx": Program(
        image="nginx:1.28.0-alpine",
        folder="/etc/gateway",
        entrypoint=("nginx",),
        command=("-c", "/etc/gateway/nginx.conf", "-e", "stderr", "-g", "daemon off;"),
        user="10001:10001",
        reload="SIGHUP",
        # it counts in whole seconds, and waits until more than those have gone by
        settle=REST + 1.25,
        probe=("curl", "-fsk", "-o", "/dev/null"),
    ),
    "envoy": Program(
        image="envoyproxy/envoy:v1.40.0",
        folder="/etc/gateway",
        entrypoint=("envoy",),
        command=("-c", "/etc/gateway/envoy.yaml", "--log-level", "warning"),
        user="10001:10001",
        drain=2,
        # a check that began too early, the time until the next one, and that
        settle=2.0,
    ),
    "kong": Program(
        image="kong:3.9.1",
        folder="/etc/gateway",
        entrypoint=("/docker-entrypoint.sh",),
        command=("kong", "docker-start"),
        user="kong",
        drain=3,
        probe=("kong", "health"),
        environment={
            "KONG_DATABASE": "off",
            "KONG_DECLARATIVE_CONFIG": "/etc/gateway/kong.yaml",
            "KONG_PREFIX": "/tmp/kong",  # noqa: S108
            # predictions change nothing, so one whose copy has died is asked again of another copy
            "KONG_NGINX_PROXY_PROXY_NEXT_UPSTREAM": "error timeout non_idempotent",
            "KONG_ADMIN_LISTEN": "off",
            "KONG_STATUS_LISTEN": "0.0.0.0:8100",
            "KONG_PROXY_ACCESS_LOG": "/dev/stdout",
            "KONG_PROXY_ERROR_LOG": "/dev/stderr",
        },
    ),
    "tyk": Program(
        image="tykio/tyk-gateway:v5.8.0",
        folder="/etc/gateway",
        entrypoint=("/opt/tyk-gateway/tyk",),
        command=("start", "--conf=/etc/gateway/tyk.conf"),
        user="10001:10001",
        drain=3,
    ),
}


def environment(plan: Stack) -> dict[str, str]:
    """Return the environment variables of the gateway; Compose fills in those that name a secret."""
    found = dict(PROGRAMS[plan.gateway].environment)
    if plan.gateway == "kong":
        found["KONG_PROXY_LISTEN"] = f"0.0.0.0:{plan.listens}{' ssl' if plan.tls_cert else ''}"
        if plan.tls_cert:
            found |= {"KONG_SSL_CERT": "/run/secrets/tls_cert", "KONG_SSL_CERT_KEY": "/run/secrets/tls_key"}
    elif plan.gateway == "tyk":
        found["TYK_GW_SECRET"] = "${TYK_GW_SECRET:?what Tyk's own API asks for: choose it}"  # noqa: S105  # a reference
    return found
