"""A warm query."""

import json

from bench import QUERY, in_turn


def query(bench, size, sides):
    """As fast as one caller asks. Java shares one Redis read among the queries of a second; FastAPI reads each time, as the original does."""
    with bench.all_sides(bench.query, sides, False) as functions:
        fields = {side: sorted(answered(function)) for side, function in functions.items()}
        assert "peer" not in fields or fields["ours"] == fields["peer"], f"the peer must answer what we do, was {fields}"
        in_turn(functions, QUERY, dict.fromkeys(sides, size["warm_up"]))
        return in_turn(functions, QUERY, dict.fromkeys(sides, size["ticks"]))


def answered(function):
    """The fields of an answer, whether it comes from a web server or, in an envelope, from a function."""
    body = json.loads(function.invoke(QUERY)[1])
    return json.loads(body["body"]) if "body" in body else body
