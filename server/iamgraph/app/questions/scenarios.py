"""AWS's scenarios: what kinds of resources a simulation of running EC2 instances must be about (IAM API Reference,
SimulatePrincipalPolicy, "ResourceHandlingOption")."""

from __future__ import annotations

from collections.abc import Sequence

from ...domain.errors import InvalidSimulation

_ALWAYS = ("instance", "image", "security-group", "network-interface")
SCENARIOS = {
    "EC2-VPC-InstanceStore": _ALWAYS,
    "EC2-VPC-InstanceStore-Subnet": (*_ALWAYS, "subnet"),
    "EC2-VPC-EBS": (*_ALWAYS, "volume"),
    "EC2-VPC-EBS-Subnet": (*_ALWAYS, "subnet", "volume"),
}


def check_scenario(name: str | None, resources: Sequence[str]) -> None:
    """Raise InvalidSimulation where a scenario is not known, or lacks a kind of resource."""
    if name is None:
        return
    if name not in SCENARIOS:
        raise _wrong(f"{name!a} is no scenario; use one of {', '.join(SCENARIOS)}")
    parts = [arn.split(":", 5) for arn in resources]
    given = {part[5].partition("/")[0] for part in parts if len(part) == 6 and part[2] == "ec2"}
    lacking = [kind for kind in SCENARIOS[name] if kind not in given]
    if lacking:
        raise _wrong(f"{name} wants a resource of each kind; there is no {lacking[0]} of EC2 among 'resourceArns'")


def _wrong(message: str) -> InvalidSimulation:
    return InvalidSimulation(message, field="resourceHandlingOption")
