#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""probe.py SCHEMA JSON PLAIN KIND: an engine's answer (docs/capabilities.schema.json).

JSON is one line that the schema accepts, PLAIN says the same as key=value lines in the same order,
and KIND, capabilities or probe, says which keys are there. Prints usable, mode and reason."""
import json
import sys

import jsonschema

STATIC = ["name", "zero_copy", "kernel_offload", "requires_root", "emits_flows",
          "emits_raw_packets", "max_throughput_mpps"]
PROBED = STATIC + ["usable", "mode", "reason"]


def no_twice(pairs):
    assert len(dict(pairs)) == len(pairs), "a key is there twice"
    return dict(pairs)


def main(schema_path, json_path, plain_path, kind):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    with open(json_path, encoding="utf-8") as file:
        text = file.read()
    assert text.count("\n") == 1 and text.endswith("}\n"), "not one line"
    answer = json.loads(text, object_pairs_hook=no_twice)
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert list(answer) == (PROBED if kind == "probe" else STATIC), list(answer)
    plain = [f"{key}={value if isinstance(value, str) else json.dumps(value)}"
             for key, value in answer.items()]
    with open(plain_path, encoding="utf-8") as file:
        assert file.read().split("\n") == plain + [""], plain
    print(*(answer.get(key, "") for key in ("usable", "mode", "reason")), sep="|")


if __name__ == "__main__":
    main(*sys.argv[1:])
