"""What a chart's specification holds, for tests."""


def values(chart):
    """Rows of all data of a chart."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def rows_of(chart, *path):
    """Rows of the data of the view at a path through the specification."""
    spec = node = chart.to_dict()
    for step in path:
        node = node[step]
    return spec["datasets"][node["data"]["name"]]


def titles(chart):
    """Every title in a specification."""
    found, todo = set(), [chart.to_dict()]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            found |= {node["title"]} if isinstance(node.get("title"), str) else set()
            todo += node.values()
        elif isinstance(node, list):
            todo += node
    return found
