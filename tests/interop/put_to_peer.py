"""Runs `firehose put` and `check` against an emulator that checks signatures, and reads back from its S3 what arrived.

usage: put_to_peer.py PROGRAM URL moto|ministack|flaky

`flaky` is flaky_ministack.py: each request has some records refused, which must arrive in a later one.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from checks import REGION, client, equal, matches

BUCKET, STREAM = "delivered", "interop"
# How each says that the signature is wrong, and that it does not know the key.
CODES = {
    "moto": ("SignatureDoesNotMatch", "InvalidClientTokenId"),
    "ministack": ("InvalidSignatureException", "UnrecognizedClientException"),
}
# How the program ends when a peer denies something: moto does that in XML, which Firehose does not speak, so that it might
# be somebody on the way.
DENIED = {"moto": 1, "ministack": 4}


def lines():
    """Numbered lines of every sort that lose something in careless hands; the last has no line end."""
    kinds = [
        b'{"plain":"json"}\n',
        b"windows\r\n",
        b"\xff\xfe not UTF-8 \xc3\x28\n",
        b"\x00 zero and bell \x07\n",
        b" \t blanks around \t \n",
        "日本語 🔥\n".encode(),
        b"\r carriage \r returns \r\r\n",
        bytes(byte for byte in range(256) if byte != 10) + b"\n",
    ]
    numbered = [b"%06d " % n + kinds[n % len(kinds)] for n in range(700)]
    for n in range(50, 700, 100):
        numbered[n] = b"%06d " % n + b"x" * (1_024_000 - 8) + b"\n"
    numbered[-1] = numbered[-1].rstrip(b"\n")
    return numbered


def put(program, url, key, path, stream=STREAM):
    """Runs the program with one key, in an environment that holds nothing else; the finished process."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    environment = {**dict(zip(names, key)), "HOME": str(path.parent)}
    command = [program, "put", stream, path, "--endpoint-url", url, "--region", REGION,
               "--max-in-flight", "1", "--output", "json", "--progress", "never"]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60)


def checked(program, url, key, stream=STREAM):
    """The exit status of `firehose check`, and what it says of each thing."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    environment = {**dict(zip(names, key)), "HOME": "/nonexistent", "AWS_ENDPOINT_URL_STS": url}
    command = [program, "check", stream, "--endpoint-url", url, "--region", REGION, "--output", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    return done.returncode, {check["name"]: check["result"] for check in json.loads(done.stdout)["checks"]}


def prepare(url, checks_from_now):
    """Makes the bucket, the stream and a user who may do anything; the user's key."""
    admin = ("test", "test")
    client("s3", url, *admin).create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("firehose", url, *admin).create_delivery_stream(
        DeliveryStreamName=STREAM,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": f"arn:aws:s3:::{BUCKET}",
        },
    )
    iam = client("iam", url, *admin)
    iam.create_user(UserName="producer")
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="producer", PolicyName="all", PolicyDocument=json.dumps(allow))
    key = iam.create_access_key(UserName="producer")["AccessKey"]
    if checks_from_now:
        reset = urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
        urllib.request.urlopen(reset).close()
    return key["AccessKeyId"], key["SecretAccessKey"]


def objects(url, key):
    """What the bucket holds, emptied by reading."""
    s3 = client("s3", url, *key)
    keys = [each["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            for each in page.get("Contents", [])]

    def take(name):
        body = s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        s3.delete_object(Bucket=BUCKET, Key=name)
        return body

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(take, keys))


def arrives(program, url, key, path, peer):
    """The whole file arrives, each record once."""
    sent = lines()
    path.write_bytes(b"".join(sent))
    done = put(program, url, key, path)
    equal(f"exit status, given {done.stderr.decode(errors='replace')!r}", 0, done.returncode)
    summary = json.loads(done.stdout)
    counted = {name: summary[name] for name in ("records", "bytes", "accepted", "rejected")}
    size = sum(map(len, sent))
    equal("summary", {"records": len(sent), "bytes": size, "accepted": len(sent), "rejected": 0}, counted)

    # Object names carry whole seconds and then chance; the numbers in the data tell the order of sending.
    found = sorted(objects(url, key))
    equal("bytes in S3", b"".join(sent), b"".join(found))
    if peer == "moto":
        equal("one object per request", summary["requests"], len(found))
    else:
        equal("one object per record", sent, found)
    equal("records were resent", peer == "flaky", summary["resent"] > 0)


def is_refused(what, code, *arguments, status=4, **options):
    """The program says which code refused it, and exits with 4, or as it is told."""
    done = put(*arguments, **options)
    message = done.stderr.decode(errors="replace")
    equal(f"{what}: exit status, given {message!r}", status, done.returncode)
    matches(f"{what}: says {code}", code, message)


def foretells(program, url, key, peer):
    """`firehose check` says how a put would end, and writes nothing."""
    good = dict.fromkeys(("settings", "credentials", "connection", "clock", "identity", "stream"), "good")
    # Nobody promises that a stand-in asks for the permission before it refuses a batch without records.
    equal("check: all is well", (0, {**good, "permission": "unknown"}), checked(program, url, key))
    status, found = checked(program, url, key, stream="absent")
    equal("check: no such stream", (4, "wrong"), (status, found["stream"]))
    for what, pair in (("wrong secret", (key[0], "wrong")), ("unknown key", ("AKIAUNKNOWN", key[1]))):
        status, found = checked(program, url, pair)
        blamed = "permission" if peer == "moto" else "credentials"
        equal(f"check: {what}", (DENIED[peer], "wrong", "unknown"), (status, found[blamed], found["stream"]))

    iam = client("iam", url, *key)
    for name, status, stream, permission in (
        ("Describe", DENIED[peer], "good", "wrong"),
        ("Put", 0, "unknown", "unknown"),
    ):
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": f"firehose:{name}*", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        iam.put_user_policy(UserName=name, PolicyName="some", PolicyDocument=json.dumps(policy))
        pair = iam.create_access_key(UserName=name)["AccessKey"]
        ended, found = checked(program, url, (pair["AccessKeyId"], pair["SecretAccessKey"]))
        equal(f"check: may only {name}", (status, stream, permission), (ended, found["stream"], found["permission"]))


def main(program, url, peer):
    key = prepare(url, checks_from_now=peer == "moto")
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "lines")
        arrives(program, url, key, path, peer)
        if peer == "flaky":
            return

        foretells(program, url, key, peer)
        path.write_bytes(b"never arrives\n")
        signature, unknown = CODES[peer]
        is_refused("wrong secret", signature, program, url, (key[0], "wrong"), path, status=DENIED[peer])
        is_refused("unknown key", unknown, program, url, ("AKIAUNKNOWN", key[1]), path, status=DENIED[peer])
        is_refused("no such stream", "ResourceNotFoundException", program, url, key, path, stream="absent")
        if peer == "ministack":
            session = client("sts", url, *key).get_session_token()["Credentials"]
            session = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
            is_refused("session without its token", unknown, program, url, session[:2], path)
            is_refused("another session's token", unknown, program, url, (*session[:2], "another"), path)
        equal("nothing refused arrived", [], objects(url, key))
        if peer == "ministack":
            equal("session key: exit status", 0, put(program, url, session, path).returncode)
            equal("session key: bytes in S3", [path.read_bytes()], objects(url, key))


main(*sys.argv[1:])
