"""A warm query."""

from bench import QUERY, in_turn


def query(bench, size, sides):
    """As fast as one caller asks. Java shares one Redis read among the queries of a second; FastAPI reads each time, as the original does."""
    functions = {}
    try:
        for side in sides:
            functions[side] = bench.query(side, False)
        in_turn(functions, QUERY, size["warm_up"])
        return in_turn(functions, QUERY, size["ticks"])
    finally:
        for function in functions.values():
            function.close()
