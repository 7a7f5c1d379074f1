"""Checks that print one line each and end the script at the first that fails."""

import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"


def client(service, url, key, secret, token=None):
    """A boto3 client that sends what it is given, once: no validation of its own and no retries."""
    config = Config(
        parameter_validation=False,
        retries={"total_max_attempts": 1},
        max_pool_connections=16,
        s3={"addressing_style": "path"},
    )
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=config,
    )


def equal(what, expected, actual):
    """Passes if the two are the same."""
    if expected != actual:
        fail(what, excerpt(expected, actual), excerpt(actual, expected))
    print(f"ok: {what}", flush=True)


def matches(what, pattern, text):
    """Passes if the pattern occurs in the text."""
    if not re.search(pattern, text):
        fail(what, f"text with /{pattern}/", text)
    print(f"ok: {what}", flush=True)


def refused(what, code, message, call, *args, **kwargs):
    """Passes if the service refuses the call with this code and a message that the pattern matches whole."""
    try:
        answer = call(*args, **kwargs)
    except ClientError as error:
        found = error.response["Error"]
        if found["Code"] != code or not re.fullmatch(message, found["Message"]):
            fail(what, f"{code}: /{message}/", f"{found['Code']}: {found['Message'][:1000]}")
        print(f"ok: {what}: {code}", flush=True)
    else:
        fail(what, f"{code}: /{message}/", f"an answer: {answer}"[:1000])


def fail(what, expected, actual):
    """Ends the script."""
    sys.exit(f"FAILED: {what}\nexpected: {expected}\n     got: {actual}")


def excerpt(value, other):
    """The value for a message; of long bytes, the length and what stands where the two part."""
    if not isinstance(value, bytes) or len(value) < 200:
        return repr(value)[:1000]
    pairs = enumerate(zip(value, other if isinstance(other, bytes) else b""))
    at = next((i for i, (a, b) in pairs if a != b), min(len(value), len(other or b"")))
    return f"{len(value)} bytes, at {at}: {value[at:at + 60]!r}"
