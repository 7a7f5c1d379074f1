"""What botocore sends for the inputs in a file, without a network.

usage: serialize.py INPUTS

Both the file and the output have one JSON object on each line: `operation` and `input` in, `target`, `content_type` and
`body` out. botocore validates the input first, as it always does.
"""

import base64
import io
import json
import pathlib
import sys

import botocore.session
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from checks import REGION


class Answer(io.BytesIO):
    """The body of a response, as urllib3 gives it to botocore."""

    def stream(self, **_):
        yield self.read()


def arguments(shape, value):
    """The input as Python callers write it: bytes where the document has base64."""
    match shape.type_name:
        case "structure":
            return {name: arguments(shape.members[name], each) for name, each in value.items()}
        case "list":
            return [arguments(shape.member, each) for each in value]
        case "blob":
            return base64.b64decode(value, validate=True)
        case _:
            return value


def main(path):
    session = botocore.session.Session()
    firehose = session.create_client(
        "firehose", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )

    def print_request(request, **_):
        text = {name: each.decode() if isinstance(each, bytes) else each for name, each in request.headers.items()}
        sent = {"target": text["X-Amz-Target"], "content_type": text["Content-Type"], "body": json.loads(request.body)}
        print(json.dumps(sent))
        return AWSResponse(request.url, 200, {}, Answer(b"{}"))

    firehose.meta.events.register("before-send.firehose", print_request)
    for line in pathlib.Path(path).read_text().splitlines():
        call = json.loads(line)
        shape = firehose.meta.service_model.operation_model(call["operation"]).input_shape
        getattr(firehose, xform_name(call["operation"]))(**arguments(shape, call["input"]))


main(*sys.argv[1:])
