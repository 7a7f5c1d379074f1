"""The facts of the Firehose API: botocore's service model without its prose, one line for each shape and member.

usage: facts.py > ../data/firehose-api.json

Whatever the model says of a shape is kept, so that what AWS says of a new kind is a difference, too.
"""

import gzip
import json
import pathlib

import botocore

MODEL = "data/firehose/2015-08-04/service-2.json"
PROSE = {"documentation", "deprecatedMessage", "documentationUrl"}


def read(package=pathlib.Path(botocore.__file__).parent):
    """The facts that a botocore package holds."""
    path = pathlib.Path(package, MODEL)
    packed = path.with_name(path.name + ".gz")
    model = json.loads(gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes())
    shapes = model["shapes"]
    structures = {name: shape for name, shape in shapes.items() if shape["type"] == "structure"}
    return {
        "api": {name: model["metadata"][name] for name in ("apiVersion", "jsonVersion", "protocol", "targetPrefix")},
        "operations": {name: operation(each) for name, each in model["operations"].items()},
        "shapes": {name: plain(shape) for name, shape in shapes.items() if name not in structures},
        "exceptions": {name: plain(shape) for name, shape in structures.items() if shape.get("exception")},
        "structures": {name: members(shape) for name, shape in structures.items()},
    }


def operation(facts):
    """An operation's structures and exceptions; the order of these has no meaning."""
    return {
        "input": facts["input"]["shape"],
        "output": facts["output"]["shape"],
        "errors": sorted(error["shape"] for error in facts.get("errors", [])),
    }


def plain(shape):
    """A shape without its prose and without what is told of its members."""
    facts = {name: value for name, value in shape.items() if name not in PROSE | {"members", "required"}}
    # The order of values has no meaning, and what a list or map holds is told by its name alone.
    for name in ("member", "key", "value"):
        if name in facts:
            facts[name] = facts[name]["shape"]
    if "enum" in facts:
        facts["enum"] = sorted(facts["enum"])
    return facts


def members(structure):
    """What is told of each member; a structure without any is here all the same."""
    required = set(structure.get("required", []))
    return {
        name: {fact: value for fact, value in member.items() if fact not in PROSE} | {"required": name in required}
        for name, member in structure["members"].items()
    }


def text(facts):
    """JSON that is compact, sorted, and has a line for each thing that may change by itself."""

    def line(value):
        return json.dumps(value, sort_keys=True, separators=(", ", ": "), ensure_ascii=True)

    def block(entries, indent, write):
        if not entries:
            return "{}"
        lines = (f"{indent} {line(name)}: {write(entry)}" for name, entry in sorted(entries.items()))
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"

    def structure(entry):
        return block(entry, "  ", line)

    parts = {
        name: block(part, " ", structure if name == "structures" else line) for name, part in facts.items()
    }
    return "{\n" + ",\n".join(f' "{name}": {part}' for name, part in sorted(parts.items())) + "\n}\n"


if __name__ == "__main__":
    print(text(read()), end="")
