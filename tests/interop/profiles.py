"""How botocore reads configuration files: for each path given, one line of JSON with its profiles, or the error's name."""

import json
import sys

import botocore.configloader


def main():
    for path in sys.argv[1:]:
        try:
            read = botocore.configloader.load_config(path)["profiles"]
        except Exception as error:
            read = type(error).__name__
        print(json.dumps(read))


if __name__ == "__main__":
    main()
