"""Properties of AWS::Serverless::Function that a rule may set, under the names of SAM and within the limits of Lambda.

Where a number stands, one metric may stand in braces: what was measured is put there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Metric = Annotated[str, Meta(pattern=r"^\{[a-z][\w.]*\}$")]
Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


class _Properties(Struct, rename="pascal", forbid_unknown_fields=True, kw_only=True):
    """What is left out is not set."""


class EphemeralStorage(_Properties):
    size: Annotated[int, Meta(ge=512, le=10_240)] | Metric


class SnapStart(_Properties):
    apply_on: Literal["PublishedVersions", "None"]


class ProvisionedConcurrencyConfig(_Properties):
    provisioned_concurrent_executions: Annotated[int, Meta(ge=1)] | Metric


class DeploymentPreference(_Properties):
    """`alarms` and `hooks` name resources, in whatever way SAM allows."""

    type: str
    alarms: Any = UNSET
    hooks: Any = UNSET


class LoggingConfig(_Properties):
    log_format: Literal["JSON", "Text"] | UnsetType = UNSET
    application_log_level: Level | UnsetType = UNSET
    system_log_level: Literal["DEBUG", "INFO", "WARN"] | UnsetType = UNSET
    log_group: str | UnsetType = UNSET


class OnFailure(_Properties):
    """SAM makes the queue, and so does what is written for Terraform."""

    type: Literal["SQS"]


class DestinationConfig(_Properties):
    on_failure: OnFailure


class EventInvokeConfig(_Properties):
    maximum_event_age_in_seconds: Annotated[int, Meta(ge=60, le=21_600)] | Metric | UnsetType = UNSET
    maximum_retry_attempts: Annotated[int, Meta(ge=0, le=2)] | UnsetType = UNSET
    destination_config: DestinationConfig | UnsetType = UNSET


class Settings(_Properties):
    memory_size: Annotated[int, Meta(ge=128, le=10_240)] | Metric | UnsetType = UNSET
    timeout: Annotated[int, Meta(ge=1, le=900)] | Metric | UnsetType = UNSET
    ephemeral_storage: EphemeralStorage | UnsetType = UNSET
    snap_start: SnapStart | UnsetType = UNSET
    auto_publish_alias: str | UnsetType = UNSET
    provisioned_concurrency_config: ProvisionedConcurrencyConfig | UnsetType = UNSET
    tracing: Literal["Active", "PassThrough"] | UnsetType = UNSET
    deployment_preference: DeploymentPreference | UnsetType = UNSET
    logging_config: LoggingConfig | UnsetType = UNSET
    reserved_concurrent_executions: Annotated[int, Meta(ge=0)] | Metric | UnsetType = UNSET
    event_invoke_config: EventInvokeConfig | UnsetType = UNSET


NESTED = (
    EphemeralStorage,
    SnapStart,
    ProvisionedConcurrencyConfig,
    DeploymentPreference,
    LoggingConfig,
    OnFailure,
    DestinationConfig,
    EventInvokeConfig,
)
