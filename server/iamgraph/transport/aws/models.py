"""The shapes of AWS's operations, from botocore's service models: the wire is generic over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

__all__ = ["OperationModel", "Service", "Shape", "Structure", "is_flattened", "serialized_name", "services"]

Structure = Mapping[str, Any]
"""What a structure shape describes: its members by AWS's names, absent ones left out. Lists are lists, timestamps
datetimes."""

_MODELS = {"iam": "2010-05-08", "sts": "2011-06-15"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One of AWS's services: `name` is also its signing name; `statuses` are the HTTP statuses of its errors, by code."""

    name: str
    version: str
    namespace: str
    model: ServiceModel = field(repr=False)
    statuses: Mapping[str, int] = field(repr=False)

    @property
    def actions(self) -> list[str]:
        """The names of all its operations."""
        return sorted(self.model.operation_names)

    def operation(self, action: str) -> OperationModel | None:
        return self.model.operation_model(action) if action in self.model.operation_names else None


@cache
def services() -> Mapping[str, Service]:
    """IAM and STS, by the version that a request names. Reads the models, once a process."""
    # Only the package's own: AWS_DATA_PATH and ~/.aws/models are for clients.
    loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
    made = (_service(loader, name, version) for name, version in _MODELS.items())
    return {service.version: service for service in made}


def _service(loader: Loader, name: str, version: str) -> Service:
    model = ServiceModel(loader.load_data(f"{name}/{version}/service-2"), name)
    errors = [shape.metadata["error"] for shape in model.error_shapes if "error" in shape.metadata]
    return Service(
        name=name,
        version=version,
        namespace=model.metadata["xmlNamespace"],
        model=model,
        statuses={error["code"]: error["httpStatusCode"] for error in errors},
    )


def is_flattened(shape: Shape) -> bool:
    return bool(shape.serialization.get("flattened"))


def serialized_name(name: str, shape: Shape) -> str:
    """What a structure's member is called on the wire; a flattened list too, whatever its items would be called."""
    return str(shape.serialization.get("name", name))
