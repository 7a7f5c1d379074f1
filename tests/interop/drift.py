"""Compares the committed facts with those of a botocore package, and names each that is new, gone or changed.

usage: drift.py TABLE PACKAGE
"""

import json
import pathlib
import re
import sys

import facts


def differences(known, found, path=()):
    """A line for each fact that is not the same on both sides."""
    for name in sorted(known.keys() | found.keys()):
        here = (*path, name)
        before, after = known.get(name), found.get(name)
        # Below this a fact is about one thing: an operation, a shape, or a member of a structure.
        is_block = len(here) < (3 if here[0] == "structures" else 2)
        if is_block and isinstance(before or after, dict) and None not in (before, after):
            yield from differences(before, after, here)
        elif before != after:
            where = " ".join([here[0].removesuffix("s"), ".".join(here[1:])])
            if before is None:
                yield f"new: {where}: {json.dumps(after, sort_keys=True)}"
            elif after is None:
                yield f"gone: {where}"
            else:
                yield f"changed: {where}: {json.dumps(before, sort_keys=True)} -> {json.dumps(after, sort_keys=True)}"


def check_differences():
    """Each kind of difference is told by its name."""
    text = {"type": "string", "max": 512}
    known = {"shapes": {"A": text, "B": text}, "structures": {"S": {"M": {"shape": "A", "required": True}}, "E": {}}}
    found = {
        "shapes": {"A": text | {"max": 1024}, "C": text},
        "structures": {"S": {"M": {"shape": "A", "required": False}, "N": {"shape": "C", "required": False}}, "T": {}},
    }
    told = [re.sub(" *{.*", "", line) for line in differences(known, found)]
    expected = ["changed: shape A:", "gone: shape B", "new: shape C:", "gone: structure E", "changed: structure S.M:",
                "new: structure S.N:", "new: structure T:"]
    if told != expected or list(differences(known, known)):
        sys.exit(f"FAILED: the comparison itself\nexpected: {expected}\n     got: {told}")


def main(table, package):
    check_differences()
    known = json.loads(pathlib.Path(table).read_text())
    version = re.search(r"__version__ = '(.+)'", pathlib.Path(package, "__init__.py").read_text())[1]
    told = list(differences(known, facts.read(package)))
    if told:
        lines = "\n".join(told)
        sys.exit(f"FAILED: the API of botocore {version} is not that of {table}\n{lines}\n"
                 "Renew botocore in requirements.txt and the table with facts.py, and the types with them.")
    members = sum(map(len, known["structures"].values()))
    print(f"ok: botocore {version} has the {len(known['structures'])} structures and {members} members of the table")


main(*sys.argv[1:])
