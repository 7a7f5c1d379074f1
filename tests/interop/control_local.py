"""Manages a stream of `firehose local` from its creation to its end, with boto3 and again with the AWS CLI.

usage: control_local.py URL
"""

import json
import os
import re
import subprocess
import sys
import time

from botocore import xform_name
from botocore.exceptions import ClientError

from checks import REGION, client, equal, fail

KEY, SECRET = "test", "test"
ROLE = "arn:aws:iam::123456789012:role/firehose"
BUCKET = "arn:aws:s3:::logs"


class Refused(Exception):
    """The code of a refusal."""


def boto3(url):
    """Calls an operation with boto3."""
    firehose = client("firehose", url, KEY, SECRET)

    def call(operation, **members):
        try:
            answer = getattr(firehose, xform_name(operation))(**members)
        except ClientError as error:
            raise Refused(error.response["Error"]["Code"]) from error
        del answer["ResponseMetadata"]
        return answer

    return call


def aws_cli(url):
    """Calls an operation with the command line."""
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def call(operation, **members):
        command = [sys.executable, "-m", "awscli", "--endpoint-url", url, "--region", REGION, "--output", "json",
                   "firehose", xform_name(operation, "-"), "--cli-input-json", json.dumps(members)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode == 0:
            return json.loads(done.stdout or "{}")
        refusal = re.search(r"An error occurred \((\w+)\) when calling", done.stderr)
        if not refusal:
            fail(f"cli: {operation}", "an answer", done.stderr)
        raise Refused(refusal[1])

    return call


def stages(name, call):
    """One stream through all that can be done with it."""
    stream = {"DeliveryStreamName": name}

    def describe():
        return call("DescribeDeliveryStream", **stream)["DeliveryStreamDescription"]

    def refused(what, code, operation, **members):
        try:
            answer = call(operation, **members)
        except Refused as refusal:
            equal(f"{name}: {what}", code, str(refusal))
        else:
            fail(f"{name}: {what}", code, answer)

    def becomes(what, expected, look):
        """Waits for a state; states take a moment."""
        deadline = time.monotonic() + 30
        while (found := look()) != expected and time.monotonic() < deadline:
            time.sleep(0.2)
        equal(f"{name}: {what}", expected, found)

    def status():
        return describe()["DeliveryStreamStatus"]

    def encryption():
        return describe().get("DeliveryStreamEncryptionConfiguration", {}).get("Status")

    def names():
        return name in call("ListDeliveryStreams", Limit=100)["DeliveryStreamNames"]

    def tags():
        answer = call("ListTagsForDeliveryStream", **stream)
        equal(f"{name}: has more tags", False, answer["HasMoreTags"])
        return {tag["Key"]: tag.get("Value") for tag in answer["Tags"]}

    refused("describe what is not there", "ResourceNotFoundException", "DescribeDeliveryStream", **stream)
    bucket = {"RoleARN": ROLE, "BucketARN": BUCKET, "Prefix": "a/", "BufferingHints": {"SizeInMBs": 7}}
    create = {**stream, "ExtendedS3DestinationConfiguration": bucket, "Tags": [{"Key": "team", "Value": "one"}]}
    arn = call("CreateDeliveryStream", **create)["DeliveryStreamARN"]
    equal(f"{name}: ARN's end", f":deliverystream/{name}", arn[arn.index(":deliverystream"):])
    becomes("is made", "ACTIVE", status)
    refused("create it twice", "ResourceInUseException", "CreateDeliveryStream", **create)
    equal(f"{name}: is listed", True, names())

    description = describe()
    known = {member: description[member] for member in ("DeliveryStreamName", "DeliveryStreamARN",
                                                        "DeliveryStreamType", "HasMoreDestinations")}
    equal(f"{name}: description", {**stream, "DeliveryStreamARN": arn, "DeliveryStreamType": "DirectPut",
                                   "HasMoreDestinations": False}, known)
    (destination,) = description["Destinations"]
    found = destination["ExtendedS3DestinationDescription"]
    equal(f"{name}: bucket", (ROLE, BUCKET, "a/", 7),
          (found["RoleARN"], found["BucketARN"], found["Prefix"], found["BufferingHints"]["SizeInMBs"]))

    call("TagDeliveryStream", **stream, Tags=[{"Key": "team", "Value": "two"}, {"Key": "bare"}])
    found_tags = tags()
    equal(f"{name}: tags", (["bare", "team"], "two"), (sorted(found_tags), found_tags["team"]))
    call("UntagDeliveryStream", **stream, TagKeys=["bare", "never-there"])
    equal(f"{name}: tags left", {"team": "two"}, tags())

    equal(f"{name}: not encrypted at first", True, encryption() in (None, "DISABLED"))
    call("StartDeliveryStreamEncryption", **stream,
         DeliveryStreamEncryptionConfigurationInput={"KeyType": "AWS_OWNED_CMK"})
    becomes("is encrypted", "ENABLED", encryption)
    call("StopDeliveryStreamEncryption", **stream)
    becomes("is encrypted no more", "DISABLED", encryption)

    version = describe()["VersionId"]
    update = {**stream, "DestinationId": destination["DestinationId"], "CurrentDeliveryStreamVersionId": version,
              "ExtendedS3DestinationUpdate": {"Prefix": "b/"}}
    call("UpdateDestination", **update)
    (changed,) = describe()["Destinations"]
    equal(f"{name}: update is merged", found | {"Prefix": "b/"}, changed["ExtendedS3DestinationDescription"])
    equal(f"{name}: version counts up", str(int(version) + 1), describe()["VersionId"])
    refused("update of an old version", "ConcurrentModificationException", "UpdateDestination", **update)

    call("DeleteDeliveryStream", **stream)
    becomes("is gone from the list", False, names)
    refused("delete it twice", "ResourceNotFoundException", "DeleteDeliveryStream", **stream)


def main(url):
    stages("from-boto3", boto3(url))
    stages("from-the-cli", aws_cli(url))


main(*sys.argv[1:])
