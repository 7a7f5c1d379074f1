"""Puts records with boto3 and the AWS CLI to `firehose local`, which keeps them on disk or refuses them as AWS does.

usage: local_endpoint.py URL DIR [absent]

With `absent`, the endpoint runs with `--no-auto-create` and has no stream.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from checks import REGION, client, equal, refused

KEY, SECRET = "test", "test"
MAX_RECORD = 1_024_000
MAX_BATCH = 4 * 1024 * 1024
EVERY_BYTE = bytes(range(256))


def records(*data):
    return [{"Data": each} for each in data]


def delivered(directory, stream):
    """The bytes of a stream's delivered files, in name order."""
    files = sorted(path for path in pathlib.Path(directory, stream).rglob("*") if path.is_file())
    return b"".join(path.read_bytes() for path in files)


def accepted(firehose, directory):
    """Everything within the limits arrives, byte for byte and in order."""

    def put_batch(stream, *data):
        answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=records(*data))
        outcomes = answer["RequestResponses"]
        equal(f"{stream}: failed records", 0, answer["FailedPutCount"])
        equal(f"{stream}: one RecordId per record", len(data), len({each["RecordId"] for each in outcomes}))
        equal(f"{stream}: bytes on disk", b"".join(data), delivered(directory, stream))

    for stream, data in [("every-byte", EVERY_BYTE), ("nothing", b""), ("longest", EVERY_BYTE * 4000)]:
        answer = firehose.put_record(DeliveryStreamName=stream, Record={"Data": data})
        equal(f"{stream}: has a RecordId", True, bool(answer["RecordId"]))
        equal(f"{stream}: bytes on disk", data, delivered(directory, stream))
    put_batch("one", b"{}\n")
    put_batch("with-empty", b"a", b"", EVERY_BYTE, b"")
    put_batch("most-records", *(b"%03d\r\n" % n + EVERY_BYTE[n % 256:] for n in range(500)))
    fill = MAX_BATCH - 4 * MAX_RECORD
    put_batch("most-bytes", *(bytes([n]) * MAX_RECORD for n in range(4)), b"z" * fill)


def aws_cli(url, directory):
    """The command line does what the library does."""
    command = ["--endpoint-url", url, "--region", REGION, "firehose", "put-record",
               "--delivery-stream-name", "cli", "--record", "Data=hello"]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    done = subprocess.run([sys.executable, "-m", "awscli", *command], env=environment, capture_output=True)
    equal(f"cli: exit status, given {done.stderr!r}", 0, done.returncode)
    equal("cli: has a RecordId", True, bool(json.loads(done.stdout)["RecordId"]))
    equal("cli: bytes on disk", b"hello", delivered(directory, "cli"))


def credentials(url):
    """A call counts only if the right key signed exactly these bytes, lately."""

    record = {"DeliveryStreamName": "s", "Record": {"Data": b"x"}}
    refused("wrong secret", "InvalidSignatureException", "The request signature we calculated does not match .*",
            client("firehose", url, KEY, "wrong").put_record, **record)
    refused("unknown key", "UnrecognizedClientException", "The security token included in the request is invalid.",
            client("firehose", url, "AKIDUNKNOWN", SECRET).put_record, **record)

    body = b'{"DeliveryStreamName":"s","Record":{"Data":"eA=="}}'
    other = body.replace(b"eA", b"eB")
    equal("changed after signing", "InvalidSignatureException", raw(url, "PutRecord", body, sent=other))
    equal("not signed", "MissingAuthenticationTokenException", raw(url, "PutRecord", body, sign=False))
    hour = datetime.timedelta(hours=1)
    equal("signed an hour ago", "InvalidSignatureException", raw(url, "PutRecord", body, shift=-hour))
    equal("signed an hour ahead", "InvalidSignatureException", raw(url, "PutRecord", body, shift=hour))


def invalid(firehose):
    """Every limit answers in the service's words."""
    put, put_batch = firehose.put_record, firehose.put_record_batch
    long, longest = b"x" * (MAX_RECORD + 1), f"length less than or equal to {MAX_RECORD}"
    for what, place, rule, call, name, data in [
        ("501 records", "records", "length less than or equal to 500", put_batch, "s", records(*[b"x"] * 501)),
        ("no records", "records", "length greater than or equal to 1", put_batch, "s", []),
        ("a long record", "record.data", longest, put, "s", {"Data": long}),
        ("the second is long", "records.2.member.data", longest, put_batch, "s", records(b"x", long)),
        ("a name with spaces", "deliveryStreamName", "regular expression pattern: .*", put, "a b", {"Data": b"x"}),
        ("a long name", "deliveryStreamName", "length less than or equal to 64", put, "s" * 65, {"Data": b"x"}),
    ]:
        text = f"1 validation error detected: Value '.*' at '{place}' failed to satisfy constraint: Member must .*"
        member = "Record" if call is put else "Records"
        refused(what, "ValidationException", text + rule, call, DeliveryStreamName=name, **{member: data})

    text = "2 validation errors detected: Value .* at 'records.1.member.data' .*; .* at 'records.3.member.data' .*"
    refused("two are long", "ValidationException", text,
            put_batch, DeliveryStreamName="s", Records=records(long, b"x", long))
    over = records(*[b"x" * 1_000_000] * 4, b"x" * (MAX_BATCH - 4_000_000 + 1))
    refused("one byte over 4 MiB", "InvalidArgumentException", "Records size exceeds 4 MB limit",
            put_batch, DeliveryStreamName="s", Records=over)


def malformed(url):
    """What is not the protocol at all."""
    for what, operation, body, code in [
        ("not JSON", "PutRecord", b"{", "SerializationException"),
        ("not an object", "PutRecord", b"[]", "SerializationException"),
        ("bad base64", "PutRecord", b'{"DeliveryStreamName":"s","Record":{"Data":"eA="}}', "SerializationException"),
        ("wrong type", "PutRecord", b'{"DeliveryStreamName":1,"Record":{"Data":""}}', "SerializationException"),
        ("no list", "PutRecordBatch", b'{"DeliveryStreamName":"s","Records":{}}', "SerializationException"),
        ("no members", "PutRecord", b"{}", "ValidationException"),
        ("unknown operation", "PutRecords", b"{}", "UnknownOperationException"),
    ]:
        equal(what, code, raw(url, operation, body))


def raw(url, operation, body, sent=None, sign=True, shift=None):
    """Posts these bytes, signed unless told otherwise; the code of the refusal, or None if there was none."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"Firehose_20150804.{operation}"}
    request = AWSRequest(method="POST", url=f"{url}/", data=body, headers=headers)
    when = datetime.datetime.now(datetime.timezone.utc) + (shift or datetime.timedelta())
    if sign:
        with mock.patch("botocore.auth.get_current_datetime", return_value=when):
            SigV4Auth(Credentials(KEY, SECRET), "firehose", REGION).add_auth(request)
    request.data = sent or body
    response = URLLib3Session().send(request.prepare())
    if response.status_code == 200:
        return None
    return json.loads(response.content)["__type"].rpartition("#")[2]


def main(url, directory, *mode):
    firehose = client("firehose", url, KEY, SECRET)
    if mode == ("absent",):
        text = "Firehose missing not found under account 000000000000."
        for call, data in [(firehose.put_record, {"Record": {"Data": b"x"}}),
                           (firehose.put_record_batch, {"Records": records(b"x")})]:
            refused("absent stream", "ResourceNotFoundException", text, call, DeliveryStreamName="missing", **data)
        return
    accepted(firehose, directory)
    aws_cli(url, directory)
    credentials(url)
    invalid(firehose)
    malformed(url)
    equal("nothing refused was delivered", False, pathlib.Path(directory, "s").exists())


main(*sys.argv[1:])
