"""Clients of AWS, and in words what it refuses.

boto3 is loaded only when somebody names a bucket or a log group: everything else works offline, and starts without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from analyzer.errors import UserError

# How often a request is sent before its failure counts: CloudWatch Logs answers a few a second, and throttles the rest.
ATTEMPTS = 10
NAMES = {"s3": "S3", "logs": "CloudWatch Logs"}
# What boto3 says in its own words, and what there is to do about it.
HINTS = {
    "NoCredentialsError": "there are no credentials; name a profile in AWS_PROFILE, or sign in with `aws sso login`",
    "NoRegionError": "there is no region; name it in AWS_DEFAULT_REGION",
    "InvalidObjectState": "it lies in an archive of S3 and has to be restored first",
    "ExpiredToken": "the credentials have expired; sign in again",
    "ExpiredTokenException": "the credentials have expired; sign in again",
}


def client(service: Literal["s3", "logs"], *, region: str | None = None, connections: int = 10) -> Any:
    """A client with the credentials, the region and the endpoint that the environment and ~/.aws name. Raises UserError."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": ATTEMPTS},
        max_pool_connections=connections,
        user_agent_extra="reportline",
    )
    with refusals(f"reach {NAMES[service]}"):
        return boto3.Session().client(service, region_name=region, config=config)


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Whatever AWS refuses, or keeps from being reached, is for the caller to mend: raises UserError, 'cannot `doing`: why'."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as problem:
        error = problem.response.get("Error", {})
        code = str(error.get("Code", ""))
        raise UserError(f"cannot {doing}: {HINTS.get(code) or _sentence(error.get('Message') or code)}") from problem
    except (BotoCoreError, Boto3Error) as problem:
        raise UserError(f"cannot {doing}: {HINTS.get(type(problem).__name__) or _sentence(str(problem))}") from problem


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
