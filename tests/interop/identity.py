"""What botocore finds in environments and shared files, one line of JSON for each case in a file.

A case is {"env": {…}}; its files are where its environment says. Both ends are asked for the same three things: which
access key signs, for which region, and to which URL.
"""

import json
import os
import sys
import warnings

import botocore.loaders
import botocore.session

warnings.filterwarnings("ignore")
LOADER = botocore.loaders.create_loader()


def attempt(find):
    try:
        return find()
    except Exception as error:  # Whatever it raises, it has found nothing.
        return {"error": f"{type(error).__name__}: {error}"}


def found(case):
    os.environ.clear()
    os.environ.update(case["env"])
    session = botocore.session.Session()
    session.register_component("data_loader", LOADER)

    def access_key_id():
        credentials = session.get_credentials()
        return credentials and credentials.get_frozen_credentials().access_key

    def endpoint_url():
        # Signing plays no part in where requests go.
        client = session.create_client("firehose", aws_access_key_id="a", aws_secret_access_key="s")
        return client.meta.endpoint_url

    return {
        "access_key_id": attempt(access_key_id),
        "region": attempt(lambda: session.get_config_variable("region")),
        "endpoint_url": attempt(endpoint_url),
    }


def main():
    with open(sys.argv[1], encoding="utf-8") as cases:
        for line in cases:
            print(json.dumps(found(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
